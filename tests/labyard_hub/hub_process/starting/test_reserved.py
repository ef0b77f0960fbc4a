"""The sums that a start asks for: the same figures as by adding up all that runs, with no more work where more runs."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from sqlalchemy import event

from labyard_hub.config.settings import Settings
from labyard_hub.domain.quotas import Usage, sum_usage
from labyard_hub.domain.refusals import QuotaExceededError
from labyard_hub.hub_process.pages.resources_view import view_groups, view_people
from labyard_hub.hub_process.starting.decision import check_quotas
from labyard_hub.hub_process.starting.grants import Starts
from labyard_hub.hub_process.starting.reserved import Reserved

SETTINGS = Settings.model_validate({
    "profiles": [{"name": "small", "cpu_cores": 0.1, "memory_bytes": "1Gi"}],
    "quotas": {"users": {"servers": 3}, "groups": {"staff": {"cpu_cores": 10_000}}},
})  # fmt: skip
SMALL = Usage(1, 0.1, 2**30)
KINDS = [SimpleNamespace(usage=usage) for usage in (SMALL, Usage(1, 4, 2**33, 1), Usage(1))]


@pytest.fixture
def db() -> Iterator[Any]:
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()


def people(db: Any, count: int, *groups: str) -> list[Any]:
    """Return users, all of them members of `groups`."""
    made = [orm.User(name=f"person{number}") for number in range(count)]
    db.add_all([*made, *(orm.Group(name=name, users=list(made)) for name in groups)])
    db.commit()
    return made


def steps(action: Callable[[], object]) -> int:
    """Return how many steps of the interpreter `action` takes."""
    count = 0

    def trace(frame: FrameType, kind: str, _value: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += kind == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def test_sums_are_those_of_all_that_runs_whatever_happens(db: Any) -> None:
    users, chance, reserved = people(db, 12, "staff", "science"), random.Random(5), Reserved()
    groups = list(db.query(orm.Group))
    for turn in range(600):
        user, server, group = chance.choice(users), chance.choice(["", "gpu"]), chance.choice(groups)
        action = chance.randrange(9)
        if action < 4:
            reserved.put((user.name, server), chance.choice(KINDS))
        elif action < 6:
            reserved.drop((user.name, server))
        elif action == 6:
            user.groups = chance.sample(groups, chance.randrange(3))  # as at a sign-in
        elif user in group.users:
            group.users.remove(user)
        else:
            group.users.append(user)
        if turn % 7 == 0:
            db.rollback()
        elif turn % 5 == 0:
            db.commit()
        but = (chance.choice(users).name, "")
        for group in groups:
            names = {member.name for member in group.users}
            wanted = sum_usage(one.usage for key, one in reserved.items() if key[0] in names and key != but)
            for found in (reserved.used_by_group(group.name, db, but=but), reserved.used_by(names, but=but)):
                assert (found.servers, found.memory_bytes, found.gpus) == (wanted.servers, wanted.memory_bytes, wanted.gpus)
                assert found.cpu_cores == pytest.approx(wanted.cpu_cores)


def test_a_group_that_ends_and_comes_again_has_its_new_members(db: Any) -> None:
    ada, bob = people(db, 2, "staff")
    reserved = Reserved()
    for user in (ada, bob):
        reserved.put((user.name, ""), KINDS[0])
    assert reserved.used_by_group("staff", db).servers == 2
    db.delete(orm.Group.find(db, "staff"))
    db.commit()
    assert reserved.used_by_group("staff", db).servers == 0
    db.add(orm.Group(name="staff", users=[bob]))
    db.commit()
    assert reserved.used_by_group("staff", db).servers == 1
    db.delete(bob)
    db.commit()
    assert reserved.used_by_group("staff", db).servers == 0
    ada.name = "ada"
    db.add(orm.Group(name="science", users=[ada]))
    db.commit()
    assert (reserved.used_by_group("science", db).servers, reserved.used_by_group("nobody", db)) == (0, Usage())


def test_nothing_of_a_core_is_lost_over_the_months() -> None:
    reserved = Reserved()
    for number in range(5000):
        reserved.put((f"person{number % 7}", ""), KINDS[number % 3])
    for number in range(7):
        reserved.drop((f"person{number}", ""))
    assert (len(reserved), list(reserved.owners), reserved.used_by(["person1"])) == (0, [], Usage())


def work_of_a_start(db: Any, count: int) -> tuple[int, int]:
    """Return the steps and the questions to the database of a start with `count` people whose servers run."""
    starts, users = Starts(SETTINGS), people(db, count, "staff")
    for user in users:
        starts.reserved.put((user.name, ""), KINDS[0])
    me = SimpleNamespace(name=users[0].name, orm_user=users[0], db=db)
    profile = SETTINGS.profiles[0]
    check_quotas(starts, me, "new", profile)  # the members are read, once
    asked: list[str] = []
    event.listen(db.get_bind(), "before_cursor_execute", lambda *details: asked.append(details[2]))

    def begin_and_end() -> None:
        check_quotas(starts, me, "new", profile)
        starts.reserved.put((me.name, "new"), KINDS[0])
        starts.reserved.drop((me.name, "new"))

    begin_and_end()
    return steps(begin_and_end), len(asked)


def test_a_start_does_the_same_work_with_many_people_as_with_few() -> None:
    few, many = (work_of_a_start(orm.new_session_factory("sqlite:///:memory:")(), count) for count in (10, 1000))
    assert few == many
    assert many[1] == 0


def test_the_quota_of_a_group_is_what_its_members_take(db: Any) -> None:
    settings = SETTINGS.model_copy(update={"quotas": SETTINGS.quotas.model_validate({"groups": {"staff": {"servers": 3}}})})
    starts, users = Starts(settings), people(db, 4, "staff")
    for user in users[:3]:
        starts.reserved.put((user.name, ""), KINDS[0])
    last = SimpleNamespace(name=users[3].name, orm_user=users[3], db=db)
    with pytest.raises(QuotaExceededError, match="The group staff uses 3 of 3 servers; this needs 1"):
        check_quotas(starts, last, "", SETTINGS.profiles[0])
    users[0].groups = []
    check_quotas(starts, last, "", SETTINGS.profiles[0])


def work_of_the_page(count: int) -> int:
    db = orm.new_session_factory("sqlite:///:memory:")()
    starts = Starts(SETTINGS)
    for user in people(db, count, "staff", "science"):
        starts.reserved.put((user.name, ""), KINDS[0])

    def look() -> None:
        found = view_people(starts, "", "1")
        assert (len(found.items), found.total) == (50, count)
        assert [one.figures[0][1] for one in view_groups(db, starts, "", "1").items] == [str(count), str(count)]

    look()
    return steps(look)


def test_the_page_of_what_is_used_does_not_go_through_everything_for_everybody() -> None:
    few, many = work_of_the_page(100), work_of_the_page(400)
    assert many < 4 * few


def test_people_projects_and_groups_are_found_by_name(db: Any) -> None:
    starts = Starts(SETTINGS)
    people(db, 2, "vision-staff", "empty")
    for name in ("person1", "vision--p0123456789", "other"):
        starts.reserved.put((name, ""), KINDS[0])
    assert [one.name for one in view_people(starts, "vision", "").items] == ["vision"]
    assert [(one.name, list(one.members)) for one in view_groups(db, starts, "vis", "").items] == [("vision-staff", ["person0", "person1"])]
    assert [(one.name, one.figures[1]) for one in view_groups(db, starts, "", "", only="staff").items] == [
        ("staff", ("CPU limit", "0 of 10000"))
    ]
