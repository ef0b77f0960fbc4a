"""What a start is given, and that nobody gets what somebody else has; the hub's user and database row are stand-ins here."""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from jupyterhub import orm
from jupyterhub.spawner import SimpleLocalProcessSpawner

from labyard_hub.config.settings import Settings
from labyard_hub.domain.profiles import Choice
from labyard_hub.hub_process.pages.servers import what_is_behind
from labyard_hub.hub_process.starting.capacity import Capacity, Room
from labyard_hub.hub_process.starting.decision import choose_for, grant
from labyard_hub.hub_process.starting.grants import Granted, Starts
from labyard_hub.hub_process.starting.refusals import StartRefusal
from labyard_hub.hub_process.starting.spawner import ChosenSpawner

SETTINGS = Settings.model_validate({
    "profiles": [
        {"name": "small", "cpu_cores": 1, "memory_bytes": "1Gi"},
        {"name": "big", "cpu_cores": 4, "memory_bytes": "8Gi", "maximum_session_seconds": "8h"},
        {"name": "staff", "cpu_cores": 1, "memory_bytes": "1Gi", "groups": ["staff"]},
    ],
    "quotas": {"users": {"cpu_cores": 8}, "groups": {"staff": {"servers": 2}}},
})  # fmt: skip


class Chosen(ChosenSpawner, SimpleLocalProcessSpawner):  # type: ignore[misc]  # jupyterhub carries no types
    pass


class SlowCapacity(Capacity):
    async def look(self, profile: Any) -> Room:
        await asyncio.sleep(0)  # other starts run meanwhile
        return await super().look(profile)


def hub(**groups: list[str]) -> Any:
    """Return a function that makes the spawner of a user's server."""
    starts = Starts(SETTINGS, SlowCapacity())
    users: dict[str, Any] = {}
    rows = {name: SimpleNamespace(name=name) for name in groups}
    db = orm.new_session_factory("sqlite:///:memory:")()
    members = {name: orm.User(name=name) for name in {one for inside in groups.values() for one in inside}}
    db.add_all(orm.Group(name=name, users=[members[one] for one in inside]) for name, inside in groups.items())
    db.commit()

    def user(name: str) -> Any:
        if name not in users:
            row = SimpleNamespace(name=name, groups=[], orm_spawners={})
            users[name] = SimpleNamespace(name=name, escaped_name=name, orm_user=row, settings={}, db=db)
            row.groups.extend(rows[group] for group, inside in groups.items() if name in inside)
        return users[name]

    def spawner(name: str, server: str = "") -> Any:
        owner = user(name)
        row = SimpleNamespace(user_options={}, last_activity=datetime(2026, 1, 1), name=server, state={}, server=None)  # noqa: DTZ001  # as JupyterHub's
        owner.orm_user.orm_spawners[server] = row
        made = Chosen(user=owner, starts=starts)
        made.orm_spawner = row
        return made

    return spawner


async def start(spawner: Any, **options: Any) -> str:
    """Return why not, or an empty text."""
    spawner.orm_spawner.user_options = spawner.user_options = options  # as JupyterHub does first
    try:
        await grant(spawner, options)
    except StartRefusal as error:
        return str(error.message)
    return ""


async def test_a_start_is_noted_in_full_and_counts_until_it_ends() -> None:
    spawner = hub()("ada")
    assert await start(spawner, profile="big") == ""
    assert spawner.starts.reserved[("ada", "")] is spawner.granted
    assert spawner.user_options == spawner.orm_spawner.user_options == {"profile": "big", "interface": "lab"}
    assert spawner.granted.profile == "big"
    assert spawner.granted.usage.cpu_cores == 4
    assert spawner.default_url == "/lab"
    assert spawner.starts.reserved.used_by(["ada"]).servers == 1
    spawner.clear_state()
    assert spawner.granted is None
    assert spawner.starts.reserved.used_by(["ada"]).servers == 0


async def test_what_was_given_is_known_to_the_next_hub() -> None:
    spawner = hub()("ada")
    await start(spawner, profile="big")
    after = hub()("ada")
    after.load_state(spawner.get_state())
    assert after.granted == spawner.granted
    assert after.granted.granted_at.tzinfo is UTC
    assert after.starts.reserved.used_by(["ada"]).cpu_cores == 4


async def test_who_has_what_a_profile_no_longer_says_is_told() -> None:
    spawner = hub()("ada")
    await start(spawner, profile="big")
    assert what_is_behind(spawner) == ""
    small, big, staff = SETTINGS.profiles
    for changed, is_told in (
        ({"memory_bytes": 2**34}, True),
        ({"maximum_session_seconds": None}, True),
        ({"description": "Large."}, False),
    ):
        spawner.starts.settings = SETTINGS.model_copy(update={"profiles": (small, big.model_copy(update=changed), staff)})
        assert ("has changed the profile big" in what_is_behind(spawner)) == is_told, changed
    spawner.starts.settings = SETTINGS.model_copy(update={"profiles": (small, staff)})  # it is offered no more
    assert what_is_behind(spawner) == ""


async def test_over_the_quota_is_refused_with_the_figures_and_takes_nothing() -> None:
    make = hub()
    assert await start(make("ada", "one"), profile="big") == ""
    assert await start(make("ada", "two"), profile="small") == ""
    third = make("ada", "three")
    assert "You use 5 of 8 CPU; this needs 4" in await start(third, profile="big")
    assert third.granted is None
    assert third.orm_spawner.user_options == {"profile": "big"}  # what they chose stays preselected
    assert await start(make("bob"), profile="big") == ""


async def test_two_starts_at_once_cannot_both_have_the_rest() -> None:
    make = hub()
    spawners = [make("ada", name) for name in ("one", "two", "three")]
    results = await asyncio.gather(*(start(one, profile="big") for one in spawners))
    assert sorted(result == "" for result in results) == [False, True, True]


async def test_a_start_does_not_count_against_itself() -> None:
    """A second attempt after one that failed half way."""
    make = hub()
    await start(make("ada", "one"), profile="big")
    spawner = make("ada", "two")
    assert await start(spawner, profile="big") == ""
    assert await start(spawner, profile="big") == ""


async def test_the_quota_of_a_group_counts_all_its_members() -> None:
    make = hub(staff=["ada", "bob", "eve"])
    assert await start(make("ada"), profile="staff") == ""
    assert await start(make("bob"), profile="small") == ""
    assert "The group staff uses 2 of 2 servers; this needs 1" in await start(make("eve"), profile="small")
    assert await start(make("dan"), profile="small") == ""


async def test_a_forged_choice_is_refused_and_not_asked_for_again() -> None:
    spawner = hub()("ada")
    assert "no profile 'staff' that you may use: choose one of small, big" in await start(spawner, profile="staff")
    assert spawner.orm_spawner.user_options == {}


async def test_the_last_choice_for_any_server_is_offered_for_a_new_one() -> None:
    make = hub()
    await start(make("ada", "one"), profile="big", interface="notebook")
    starts = make("ada", "two").starts
    user = make("ada", "two").user
    assert choose_for(starts, user, "new", {}).to_options() == {"profile": "big", "interface": "notebook"}


async def test_a_projects_server_has_the_profile_for_projects_and_counts_for_the_project() -> None:
    make = hub()
    spawner = make("vision--p0123456789")
    assert await start(spawner, profile="big") == ""
    assert spawner.granted.profile == "small"
    assert spawner.starts.reserved.used_by(["vision--p0123456789"]).servers == 1


def test_configuration_is_copied_and_what_is_taken_is_not() -> None:
    starts = Starts(SETTINGS)
    assert copy.deepcopy({"starts": starts})["starts"] is starts


def test_grants_survive_json() -> None:
    granted = Granted.of(Choice(SETTINGS.profiles[1], None, "lab", 600.0), ["GPU-1"], datetime(2026, 1, 1, tzinfo=UTC))
    assert Granted.from_state(granted.to_state()) == granted


async def test_a_server_knows_what_it_was_started_with() -> None:
    spawner = hub()("ada")
    await start(spawner, profile="big", idle_seconds=600.0)
    told = spawner.chosen_environment()
    assert (told["LABYARD_PROFILE"], told["JUPYTERHUB_ACTIVITY_INTERVAL"]) == ("big", "100")
    assert "LABYARD_SESSION_ENDS_AT" in told
    assert "CUDA_VISIBLE_DEVICES" not in told
