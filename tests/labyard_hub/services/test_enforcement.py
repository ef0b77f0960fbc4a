"""What the folders of all projects shall be."""

from __future__ import annotations

import asyncio

from labyard.permissions import SERVER_ROLE, Role, capabilities_of
from tests.service import Service, open_service, retrying


async def test_what_all_folders_shall_be(service: Service) -> None:
    assert await service.enforcement.desired() == []
    await service.create(bob="editor")
    await service.create("ranking", owner="carol")
    found = {project.name: dict(project.members) for project in await service.enforcement.desired()}
    assert found == {
        "vision": {"ada": capabilities_of(Role.OWNER), "bob": capabilities_of(Role.EDITOR)}, "ranking": {"carol": capabilities_of(Role.OWNER)},
    }  # fmt: skip
    # It is not worked out again as long as nothing changes.
    assert await service.enforcement.desired() is await service.enforcement.desired()
    await service.call("ada", "DELETE", "projects/vision/members/bob", 204)
    await service.call("carol", "POST", "projects/ranking/archive", 200)
    assert {(project.name, project.members, project.server) for project in await service.enforcement.desired()} == {
        ("vision", (("ada", capabilities_of(Role.OWNER)),), capabilities_of(SERVER_ROLE)),
        ("ranking", (("carol", capabilities_of(Role.OWNER, archived=True)),), capabilities_of(SERVER_ROLE, archived=True)),
    }
    await service.call("ada", "DELETE", "projects/vision?confirm=vision", 204)
    assert [project.name for project in await service.enforcement.desired()] == ["ranking"]
    service.generations["carol"] = 1
    # Before anybody has looked for those who are gone: the next of that name must not get in.
    assert [project.members for project in await service.enforcement.desired()] == [()]
    await service.services.members.forget_the_gone()
    assert [project.members for project in await service.enforcement.desired()] == [()]


async def test_the_newest_state_is_applied_last_whatever_comes_first(service: Service) -> None:
    project = await service.create()
    slow, release = asyncio.Event(), asyncio.Event()
    apply = service.files.apply

    async def held(desired: object) -> None:
        # The first is on its way to the disk when the records change.
        slow.set()
        await release.wait()
        await apply(desired)  # type: ignore[arg-type]

    service.files.apply = held  # type: ignore[method-assign]
    first = asyncio.create_task(service.enforcement.apply(project["id"]))
    await slow.wait()
    added = asyncio.create_task(service.call("ada", "POST", "projects/vision/members", 201, {"user": "bob", "role": "editor"}))

    async def is_recorded() -> bool:
        return len((await service.call("ada", "GET", "projects/vision/members", 200))["members"]) == 2

    while not await is_recorded():
        pass
    release.set()
    await asyncio.gather(first, added)
    assert service.files.members("vision") == {"ada": Role.OWNER, "bob": Role.EDITOR}


async def test_a_crash_between_a_deletion_and_the_folder_is_made_good_by_the_next_start(database_url: str) -> None:
    async with open_service(database_url) as service:
        project = await service.create()
        async with service.store.write() as tx:
            await tx.projects.update(project["id"], service.now(), {"deleted_at": service.now()})
    for expected in ([project["id"]], []):  # and by no start after that
        async with open_service(database_url) as service:
            async with retrying(service):
                if expected:
                    await asyncio.wait_for(service.files.on_discard.wait(), 10)
                await service.create(f"other{len(expected)}")
            assert service.files.discarded == expected


async def test_an_archived_projects_server_is_stopped(service: Service) -> None:
    project = await service.create()
    await service.call("ada", "POST", "projects/vision/server", 200)
    assert service.servers.running == {project["id"]}
    await service.call("ada", "POST", "projects/vision/archive", 200)
    assert service.servers.running == set()
