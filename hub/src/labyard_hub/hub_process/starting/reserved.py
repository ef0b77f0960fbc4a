"""What each server takes, with the sums of people and groups kept ready: a start asks for them, and takes as long with 10,000 running as with ten.

A sum is kept as a count of servers by what one takes, of which there are as many kinds as profiles, so that no fraction of a core is lost over the months.
Who is in a group is read once, for groups that are asked for, and followed from then on: every change goes through the hub's own objects, the pages' as the REST API's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from jupyterhub import orm
from sqlalchemy import event, inspect, select
from sqlalchemy.orm import Session

from labyard_hub.domain.quotas import Usage, sum_usage

__all__ = ["Key", "Reserved"]

Key = tuple[str, str]
"""The owner's name and the server's."""


@dataclass
class _Group:
    members: set[str]
    servers: Counter[Usage] = field(default_factory=Counter)


class Reserved(Mapping[Key, Any]):
    """What each server that starts or runs was given, a `Granted` each."""

    def __init__(self) -> None:
        self._granted: dict[Key, Any] = {}
        self._owners: dict[str, Counter[Usage]] = {}
        self._groups: dict[str, _Group] = {}
        _followers.add(self)
        _follow_groups()

    def __getitem__(self, key: Key) -> Any:
        return self._granted[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._granted)

    def __len__(self) -> int:
        return len(self._granted)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    @property
    def owners(self) -> Iterable[str]:
        """Who has a server."""
        return self._owners.keys()

    def put(self, key: Key, granted: Any) -> None:
        """Note what a server is given; it counts from now on."""
        self.drop(key)
        self._granted[key] = granted
        self._owners.setdefault(key[0], Counter())[granted.usage] += 1
        for group in self._groups.values():
            if key[0] in group.members:
                group.servers[granted.usage] += 1

    def drop(self, key: Key) -> None:
        """Free what a server was given, if it was."""
        granted = self._granted.pop(key, None)
        if granted is None:
            return
        owner = self._owners[key[0]]
        _less(owner, granted.usage)
        if not owner:
            del self._owners[key[0]]
        for group in self._groups.values():
            if key[0] in group.members:
                _less(group.servers, granted.usage)

    def used_by(self, owners: Iterable[str], *, but: Key | None = None) -> Usage:
        """Return what the servers of `owners` take, without that of the one server `but`."""
        wanted, found = set(owners), Counter[Usage]()
        for owner in wanted:
            found.update(self._owners.get(owner, ()))
        return self._sum(found, but if but is not None and but[0] in wanted else None)

    def used_by_group(self, name: str, db: Any, *, but: Key | None = None) -> Usage:
        """Return what the servers of all members of a group take; `db` is the hub's database session."""
        group = self._groups.get(name)
        if group is None:
            members = db.scalars(select(orm.User.name).join(orm.User.groups).where(orm.Group.name == name))
            group = self._groups[name] = _Group(set(members))
            for owner, servers in self._owners.items():
                if owner in group.members:
                    group.servers.update(servers)
        return self._sum(group.servers, but if but is not None and but[0] in group.members else None)

    def _sum(self, servers: Counter[Usage], but: Key | None) -> Usage:
        without = self._granted.get(but) if but is not None else None
        parts = ((usage, count - (without is not None and usage == without.usage)) for usage, count in servers.items())
        return sum_usage(usage.times(count) for usage, count in parts if count)

    def note_member(self, group_name: str, name: str, *, joins: bool) -> None:
        """Follow somebody into a group or out of it."""
        group = self._groups.get(group_name)
        if group is None or (name in group.members) == joins:
            return
        (group.members.add if joins else group.members.discard)(name)
        for usage, count in self._owners.get(name, {}).items():
            _less(group.servers, usage, -count if joins else count)

    def forget_groups(self) -> None:
        """Read who is in which group again, when somebody asks."""
        self._groups.clear()


def _less(servers: Counter[Usage], usage: Usage, count: int = 1) -> None:
    servers[usage] -= count
    if not servers[usage]:
        del servers[usage]


_followers: WeakSet[Reserved] = WeakSet()
_not_committed = "labyard_groups_changed"


def _note(group: Any, user: Any, joins: bool) -> None:
    names = [inspect(one).dict.get("name") for one in (group, user)]
    session = inspect(group).session or inspect(user).session
    if session is not None:
        session.info[_not_committed] = True
    for reserved in list(_followers):
        if None in names:
            reserved.forget_groups()
        else:
            reserved.note_member(*names, joins=joins)


def _on_append(group: Any, user: Any, _initiator: Any) -> None:
    _note(group, user, True)


def _on_remove(group: Any, user: Any, _initiator: Any) -> None:
    _note(group, user, False)


def _on_other_change(target: Any, *_details: Any) -> None:
    """Somebody or a group gets another name."""
    session = inspect(target).session
    if session is not None:
        _forget(session)


def _on_delete(_mapper: Any, _connection: Any, target: Any) -> None:
    _on_other_change(target)


def _forget(session: Any) -> None:
    session.info[_not_committed] = True
    for reserved in list(_followers):
        reserved.forget_groups()


def _on_commit(session: Any) -> None:
    session.info.pop(_not_committed, None)


def _on_rollback(session: Any) -> None:
    if session.info.pop(_not_committed, False):
        for reserved in list(_followers):
            reserved.forget_groups()


def _follow_groups() -> None:
    """Have every `Reserved` told when people join groups or leave them. Calling it again changes nothing."""
    if event.contains(orm.Group.users, "append", _on_append):
        return
    event.listen(orm.Group.users, "append", _on_append)
    event.listen(orm.Group.users, "remove", _on_remove)
    for named in (orm.Group, orm.User):
        event.listen(named.name, "set", _on_other_change)
        event.listen(named, "before_delete", _on_delete)
    event.listen(Session, "after_commit", _on_commit)
    event.listen(Session, "after_rollback", _on_rollback)
