"""Folders and pods follow who is in a project."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from labyard.permissions import Role
from labyard_hub.backends.kubernetes.project_files import ClusterProjectFiles, keep_mounts
from labyard_hub.domain.projects import DesiredProject
from labyard_hub.exceptions import HubUnavailableError

MEMBERS = (("ada", Role.OWNER), ("bob", Role.EDITOR), ("carol", Role.VIEWER))
PROJECT = DesiredProject.of("vision--p0123456789", "vision", MEMBERS)


class Outside:
    """Notes what it was told, and whether folders or pods were first."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []
        self.away = 0

    async def apply(self, project: DesiredProject) -> None:
        self.told.append(("made", project.id))

    async def discard(self, project: DesiredProject) -> None:
        self.told.append(("discarded", project.id))

    async def limit_mounts(self, project_id: str, rights: Mapping[str, bool]) -> None:  # noqa: ARG002  # the protocol's
        if self.away:
            self.away -= 1
            raise HubUnavailableError
        self.told.append(("limited", dict(rights)))


async def test_roles_become_rights() -> None:
    outside = Outside()
    await ClusterProjectFiles(outside, outside).apply(PROJECT)
    assert outside.told == [("made", PROJECT.id), ("limited", {"ada": True, "bob": True, "carol": False})]


async def test_nobody_writes_to_an_archived_project() -> None:
    outside = Outside()
    await ClusterProjectFiles(outside, outside).apply(DesiredProject.of(PROJECT.id, "vision", MEMBERS, archived=True))
    assert outside.told[-1] == ("limited", {"ada": False, "bob": False, "carol": False})


async def test_pods_lose_a_folder_before_it_is_taken_away() -> None:
    outside = Outside()
    await ClusterProjectFiles(outside, outside).discard(PROJECT)
    assert outside.told == [("limited", {}), ("discarded", PROJECT.id)]


async def test_a_service_that_was_killed_compares_all_and_then_what_changed() -> None:
    outside, stop = Outside(), asyncio.Event()
    outside.away = 1
    answers: list[Sequence[DesiredProject]] = [[PROJECT]]
    asked = 0

    async def desired() -> Sequence[DesiredProject]:
        nonlocal asked
        asked += 1
        if asked == 6:
            stop.set()
        if asked == 4:
            answers.append([PROJECT, DesiredProject.of("other--p0123456789", "other", ())])
        return answers[-1]

    await asyncio.wait_for(keep_mounts(outside, desired, stop, every_seconds=0.01), 20)
    # Once after the hub came back, once for each of two after the change.
    assert [rights for _, rights in outside.told] == [{"ada": True, "bob": True, "carol": False}] * 2 + [{}]
