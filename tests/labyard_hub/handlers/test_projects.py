"""Projects through the real application and both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from labyard.exceptions import LabyardError
from labyard.permissions import Role, capabilities_of
from labyard_hub.domain.projects import is_project_id
from labyard_hub.exceptions import StateFolderError
from tests.service import ORIGIN, PREFIX, Service, open_service, retrying


def code(answer: object) -> str:
    assert isinstance(answer, dict)
    return str(answer["error"]["code"])


async def test_a_project_from_its_beginning_to_its_end(service: Service) -> None:
    made = await service.call("ada", "POST", "projects", 201, {"name": "vision", "display_name": "Computer vision", "description": "Signs"})
    assert is_project_id(made["id"])
    expected = {
        "name": "vision",
        "display_name": "Computer vision",
        "description": "Signs",
        "state": "active",
        "role": "owner",
        "member_count": 1,
    }
    assert {key: made[key] for key in expected} == expected
    assert (made["path"], made["workspace"]) == ("projects/vision", made["id"])
    assert service.files.members("vision") == {"ada": Role.OWNER}

    changed = await service.call("ada", "PATCH", "projects/vision", 200, {"display_name": "Sight"})
    assert (changed["display_name"], changed["description"]) == ("Sight", "Signs")
    assert changed["updated_at"] > made["updated_at"]

    assert (await service.call("ada", "POST", "projects/vision/archive", 200))["state"] == "archived"
    assert service.files.applied[made["id"]].members == (("ada", capabilities_of(Role.OWNER, archived=True)),)
    assert code(await service.call("ada", "PATCH", "projects/vision", 409, {"description": "x"})) == "project_archived"
    assert (await service.call("ada", "GET", "projects", 200))["projects"] == []
    assert len((await service.call("ada", "GET", "projects?state=archived", 200))["projects"]) == 1
    assert (await service.call("ada", "POST", "projects/vision/restore", 200))["state"] == "active"

    assert code(await service.call("ada", "DELETE", "projects/vision", 400)) == "confirmation_needed"
    assert code(await service.call("ada", "DELETE", "projects/vision?confirm=other", 400)) == "confirmation_needed"
    await service.call("ada", "DELETE", "projects/vision?confirm=vision", 204)
    assert service.files.discarded == [made["id"]]
    assert code(await service.call("ada", "GET", "projects/vision", 404)) == "project_not_found"

    again = await service.create("vision", owner="bob")
    assert again["id"] != made["id"]
    assert await service.texts("bob") == ["bob created the project"]


async def test_lists_come_in_pages_by_name(service: Service) -> None:
    for number in range(7):
        await service.create(f"p{number}")
    await service.create("of-bob", owner="bob")
    seen, cursor = [], ""
    for size in (3, 3, 1):
        page = await service.call("ada", "GET", f"projects?limit=3{cursor}", 200)
        assert len(page["projects"]) == size
        seen += [project["name"] for project in page["projects"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert seen == [f"p{number}" for number in range(7)]
    for cursor in ("x", "!!!!", "AAAA", "%00", "é"):
        assert code(await service.call("ada", "GET", f"projects?cursor={cursor}", 400)) == "invalid_cursor"
    assert code(await service.call("ada", "GET", "projects?limit=0", 422)) == "invalid_request"


async def test_a_project_names_some_of_its_members_owners_first(service: Service) -> None:
    await service.create("vision", owner="dan")
    for name in ("ada", "bob", "carol", "eve", "frank"):
        await service.call("dan", "POST", "projects/vision/members", 201, {"user": name, "role": "editor" if name == "frank" else "viewer"})
    await service.create("alone")
    alone, vision = (await service.call("ada", "GET", "projects", 200))["projects"]
    assert (alone["member_count"], alone["some_members"]) == (1, ["ada"])
    assert (vision["member_count"], vision["some_members"]) == (6, ["dan", "frank", "ada", "bob", "carol"])
    assert (await service.call("ada", "GET", "projects/vision", 200))["some_members"] == vision["some_members"]


@pytest.mark.parametrize(
    "name",
    [" ", "../x", "a/b", "Vision", "v1sion-", "-a", "a--b", "a_b", "1a", "x" * 41, "x" * 300, "vi\u0455ion", "projects", "root", "a\u0000", "\uff21\uff22", "a b", "a\n"],
)  # fmt: skip
async def test_names_that_no_project_may_have(service: Service, name: str) -> None:
    answer = await service.call("ada", "POST", "projects", 400, {"name": name})
    assert code(answer) == "invalid_project_name"
    assert service.files.applied == {}


async def test_bad_bodies(service: Service) -> None:
    bad: list[object] = [
        {"name": ""}, {"name": "x" * 301}, {}, [], None, {"name": 1}, {"name": "a", "x": 1}, {"name": "a", "display_name": ""},
        {"name": "a", "display_name": "\u202eada"}, {"name": "a", "display_name": "a\nb"}, {"name": "a", "display_name": "x" * 101},
        {"name": "a", "description": "x" * 2001}, {"name": "a", "description": "\u0000"}, {"name": "a", "display_name": " \u3000"},
    ]  # fmt: skip
    for body in bad:
        assert code(await service.call("ada", "POST", "projects", 422, body)) == "invalid_request", body
    for text in ("{", '{"name": "a', '"\\ud800"', '{"name": "\\ud800"}', "[" * 100_000):
        answer = await service.as_("ada").post("projects", content=text, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), text[:20]
        assert code(answer.json()) == "invalid_request"
    huge = await service.as_("ada").post(
        "projects", content=b'{"name": "' + b"a" * 2**21 + b'"}', headers={"Content-Type": "application/json"}
    )
    assert (huge.status_code, code(huge.json())) == (413, "too_large")


async def test_a_name_is_taken_once_also_by_two_at_the_same_time(service: Service) -> None:
    answers = await asyncio.gather(*(service.as_(name).post("projects", json={"name": "vision"}) for name in ("ada", "bob", "carol")))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {code(answer.json()) for answer in answers if answer.status_code == 409} == {"project_exists"}
    assert len(service.files.applied) == 1


async def test_a_limit_of_projects_per_person(database_url: str) -> None:
    async with open_service(database_url, projects_per_user=2) as service:
        for name in ("one", "two"):
            await service.create(name)
        assert code(await service.call("ada", "POST", "projects", 409, {"name": "three"})) == "project_limit"
        await service.call("ada", "DELETE", "projects/one?confirm=one", 204)
        await service.create("three")


async def test_without_a_folder_there_is_no_project(service: Service, tmp_path: object) -> None:
    service.files.failure = _full()
    assert "no space" in (await service.call("ada", "POST", "projects", 500, {"name": "vision"}))["error"]["message"]
    service.files.failure = None
    await service.create("vision")


async def test_a_change_that_the_folder_does_not_follow_is_told_and_tried_again(service: Service) -> None:
    await service.create(bob="editor")
    service.files.failure = _full()
    assert code(await service.call("ada", "DELETE", "projects/vision/members/bob", 503)) == "enforcement_pending"
    assert service.files.members("vision") == {"ada": Role.OWNER, "bob": Role.EDITOR}
    # The service refuses bob already, whatever the disk says.
    await service.call("bob", "GET", "projects/vision", 404)
    service.files.failure = None
    service.files.on_apply.clear()
    async with retrying(service):
        await asyncio.wait_for(service.files.on_apply.wait(), 10)
    assert service.files.members("vision") == {"ada": Role.OWNER}


async def test_a_deletion_that_the_folder_does_not_follow_is_tried_again(service: Service) -> None:
    project = await service.create(bob="editor")
    service.files.failure = _full()
    assert code(await service.call("ada", "DELETE", "projects/vision?confirm=vision", 503)) == "enforcement_pending"
    await service.call("bob", "GET", "projects/vision", 404)
    service.files.failure = None
    async with retrying(service):
        await asyncio.wait_for(service.files.on_discard.wait(), 10)
    assert service.files.discarded == [project["id"]]


def _full() -> LabyardError:
    from pathlib import Path

    return StateFolderError(Path("/x"), "no space left on device")


async def test_members_come_and_go(service: Service) -> None:
    project = await service.create(bob="editor", carol="viewer")
    members = (await service.call("carol", "GET", "projects/vision/members", 200))["members"]
    assert [(member["user"], member["role"], member["added_by"]) for member in members] == [
        ("ada", "owner", "ada"), ("bob", "editor", "ada"), ("carol", "viewer", "ada"),
    ]  # fmt: skip
    assert code(await service.call("ada", "POST", "projects/vision/members", 409, {"user": "bob", "role": "viewer"})) == "member_exists"
    for nobody in ("nobody", "Ada", "../ada", "x" * 300, "\u0430da", project["id"]):
        assert code(await service.call("ada", "POST", "projects/vision/members", 404, {"user": nobody})) == "user_not_found"
    for body in ({"user": "dan", "role": "admin"}, {"user": "", "role": "editor"}, {"user": ["dan"]}):
        assert code(await service.call("ada", "POST", "projects/vision/members", 422, body)) == "invalid_request"

    await service.call("ada", "PATCH", "projects/vision/members/bob", 200, {"role": "viewer"})
    assert service.files.members("vision") == {"ada": Role.OWNER, "bob": Role.VIEWER, "carol": Role.VIEWER}
    assert code(await service.call("ada", "PATCH", "projects/vision/members/dan", 404, {"role": "viewer"})) == "member_not_found"
    await service.call("ada", "DELETE", "projects/vision/members/bob", 204)
    assert code(await service.call("ada", "DELETE", "projects/vision/members/bob", 404)) == "member_not_found"
    await service.call("carol", "DELETE", "projects/vision/members/carol", 204)
    await service.call("carol", "GET", "projects/vision", 404)
    assert service.files.members("vision") == {"ada": Role.OWNER}
    assert await service.texts("ada") == [
        "carol left", "ada removed bob", "ada changed the role of bob from editor to viewer",
        "ada added carol as viewer", "ada added bob as editor", "ada created the project",
    ]  # fmt: skip


async def test_a_project_keeps_an_owner(service: Service) -> None:
    await service.create(bob="editor")
    for method, path, body in (
        ("DELETE", "projects/vision/members/ada", None),
        ("PATCH", "projects/vision/members/ada", {"role": "editor"}),
    ):
        assert code(await service.call("ada", method, path, 409, body)) == "last_owner"
    transferred = await service.call("ada", "POST", "projects/vision/transfer", 200, {"user": "bob"})
    assert transferred["role"] == "editor"
    assert code(await service.call("ada", "POST", "projects/vision/transfer", 403, {"user": "ada"})) == "not_allowed"
    assert code(await service.call("bob", "POST", "projects/vision/transfer", 404, {"user": "carol"})) == "member_not_found"
    await service.call("ada", "DELETE", "projects/vision/members/ada", 204)
    assert service.files.members("vision") == {"bob": Role.OWNER}


async def test_two_owners_demote_each_other_at_once(service: Service) -> None:
    for number in range(5):
        name = f"p{number}"
        await service.create(name, bob="owner")
        answers = await asyncio.gather(
            service.as_("ada").patch(f"projects/{name}/members/bob", json={"role": "viewer"}),
            service.as_("bob").patch(f"projects/{name}/members/ada", json={"role": "viewer"}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 403]
        roles = service.files.members(name)
        assert sorted(roles.values()) == [Role.OWNER, Role.VIEWER]


async def test_two_owners_leave_at_once(service: Service) -> None:
    for number in range(5):
        name = f"p{number}"
        await service.create(name, bob="owner")
        answers = await asyncio.gather(*(service.as_(user).delete(f"projects/{name}/members/{user}") for user in ("ada", "bob")))
        assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_names_are_completed_for_those_who_may_add(service: Service) -> None:
    await service.create(bob="editor")
    service.directory.people |= {"adam", "madame", "zoe"}
    assert (await service.call("ada", "GET", "projects/vision/candidates?query=ad", 200))["users"] == ["adam", "madame"]
    assert "bob" not in (await service.call("ada", "GET", "projects/vision/candidates", 200))["users"]
    assert code(await service.call("bob", "GET", "projects/vision/candidates?query=a", 403)) == "not_allowed"
    # Nor do they learn by trying to add.
    assert code(await service.call("bob", "POST", "projects/vision/members", 403, {"user": "nobody"})) == "not_allowed"


async def test_whoever_gets_a_name_after_its_owner_is_gone_is_no_member(service: Service) -> None:
    await service.create(bob="editor", carol="viewer")
    await service.create("alone")
    link = await service.call("ada", "POST", "projects/vision/models", 201, {"model": "iris", "user": "bob"})
    service.generations |= {"ada": 1, "bob": 1}
    for name in ("ada", "bob"):
        assert (await service.call(name, "GET", "projects", 200))["projects"] == []
        await service.call(name, "GET", "projects/vision", 404)
        assert (await service.call(name, "GET", "shared-models", 200))["models"] == [], link
    await service.services.members.forget_the_gone()
    assert service.files.members("vision") == {"carol": Role.VIEWER}
    assert service.files.members("alone") == {}

    assert code(await service.call("carol", "POST", "projects/vision/owner", 403, {"user": "carol"})) == "not_allowed"
    assert code(await service.call("root-admin", "POST", "projects/vision/owner", 404, {"user": "nobody"})) == "user_not_found"
    assert code(await service.call("root-admin", "POST", "projects/none/owner", 403, {"user": "carol"})) == "not_allowed"
    await service.call("root-admin", "POST", "projects/vision/owner", 204, {"user": "carol"})
    assert code(await service.call("root-admin", "POST", "projects/vision/owner", 403, {"user": "eve"})) == "not_allowed"
    assert (await service.texts("carol"))[0] == "root-admin, an administrator, made carol the owner, since the last owner was gone"


async def test_the_longest_standing_editor_follows_the_last_owner(service: Service) -> None:
    await service.create(dan="viewer", carol="editor", bob="editor")
    service.generations["ada"] = 1
    await service.services.members.forget_the_gone()
    assert service.files.members("vision") == {"bob": Role.EDITOR, "carol": Role.OWNER, "dan": Role.VIEWER}
    assert (await service.texts("carol"))[:2] == [
        "carol became an owner, since the last owner is gone", "ada is not on the platform any more",
    ]  # fmt: skip


async def test_as_many_members_as_a_project_can_have(service: Service) -> None:
    await service.create()
    service.directory.people |= {f"user{number}" for number in range(200)}
    for number in range(199):
        await service.call("ada", "POST", "projects/vision/members", 201, {"user": f"user{number}", "role": "viewer"})
    assert code(await service.call("ada", "POST", "projects/vision/members", 409, {"user": "user199"})) == "member_limit"


async def test_links(service: Service) -> None:
    project = await service.create()
    link = await service.call("ada", "POST", "projects/vision/links", 201, {"role": "viewer", "max_uses": 2})
    token = link["url"].rpartition("/")[2]
    preview = await service.call("bob", "POST", "links/preview", 200, {"token": token})
    assert (preview["name"], preview["role"], preview["created_by"], preview["member"]) == ("vision", "viewer", "ada", False)
    joined = await service.call("bob", "POST", "links/join", 200, {"token": token})
    assert (joined["id"], joined["role"]) == (project["id"], "viewer")
    # Once more changes nothing and uses nothing up.
    await service.call("bob", "POST", "links/join", 200, {"token": token})
    assert (await service.call("ada", "POST", "links/join", 200, {"token": token}))["role"] == "owner"
    assert (await service.call("ada", "GET", "projects/vision/links", 200))["links"][0]["uses"] == 1
    await service.call("carol", "POST", "links/join", 200, {"token": token})
    assert code(await service.call("dan", "POST", "links/join", 410, {"token": token})) == "link_expired"
    assert (await service.call("ada", "GET", "projects/vision/links", 200))["links"] == []
    assert (await service.texts("ada"))[:2] == ["carol joined as viewer by a link of ada", "bob joined as viewer by a link of ada"]
    assert all("link" not in text or "joined" in text for text in await service.texts("bob"))


async def test_links_that_do_not_work(service: Service) -> None:
    await service.create(bob="editor")
    assert code(await service.call("ada", "POST", "projects/vision/links", 403, {"role": "owner"})) == "not_allowed"
    for body in ({"expires_in_seconds": 1}, {"expires_in_seconds": 10**9}, {"max_uses": 0}, {"role": "x"}):
        assert code(await service.call("ada", "POST", "projects/vision/links", 422, body)) == "invalid_request"
    made = [await service.call("ada", "POST", "projects/vision/links", 201, {"expires_in_seconds": 60}) for _ in range(3)]
    tokens = [link["url"].rpartition("/")[2] for link in made]

    for token in (tokens[0][:-1], tokens[0] + "0", "x", ".", made[0]["id"] + ".", "é.é", f"{made[1]['id']}.{tokens[0].partition('.')[2]}"):
        assert code(await service.call("dan", "POST", "links/join", 404, {"token": token})) == "link_not_found"
    await service.call("ada", "DELETE", f"projects/vision/links/{made[0]['id']}", 204)
    assert code(await service.call("dan", "POST", "links/join", 404, {"token": tokens[0]})) == "link_not_found"
    assert code(await service.call("ada", "DELETE", "projects/vision/links/unknown", 404)) == "link_not_found"
    await service.create("other", owner="bob")
    assert code(await service.call("bob", "DELETE", f"projects/other/links/{made[1]['id']}", 404)) == "link_not_found"

    await service.call("ada", "DELETE", "projects/vision/members/bob", 204)
    answer = await service.call("bob", "POST", "links/join", 410, {"token": tokens[1]})
    assert "you were removed" in answer["error"]["message"]
    newer = await service.call("ada", "POST", "projects/vision/links", 201, {})
    await service.call("bob", "POST", "links/join", 200, {"token": newer["url"].rpartition("/")[2]})

    service.late = timedelta(seconds=61)
    assert code(await service.call("dan", "POST", "links/join", 410, {"token": tokens[1]})) == "link_expired"


async def test_every_right_to_an_archived_project_can_be_taken_away(service: Service) -> None:
    project = await service.create(bob="editor", carol="viewer", eve="owner")
    link = await service.call("ada", "POST", "projects/vision/links", 201, {})
    share = await service.call("ada", "POST", "projects/vision/models", 201, {"model": "iris", "user": "frank"})
    await service.call("ada", "POST", "projects/vision/archive", 200)

    await service.call("ada", "DELETE", "projects/vision/members/bob", 204)
    await service.call("carol", "DELETE", "projects/vision/members/carol", 204)
    await service.call("ada", "PATCH", "projects/vision/members/eve", 200, {"role": "viewer"})
    applied = service.files.applied[project["id"]]
    assert dict(applied.members) == {
        "ada": capabilities_of(Role.OWNER, archived=True),
        "eve": capabilities_of(Role.VIEWER, archived=True),
    }
    await service.call("ada", "DELETE", f"projects/vision/links/{link['id']}", 204)
    await service.call("ada", "DELETE", f"projects/vision/models/{share['id']}", 204)
    assert (await service.call("frank", "GET", "shared-models", 200))["models"] == []


async def test_a_link_for_one_is_used_by_one_of_many_at_once(service: Service) -> None:
    await service.create()
    link = await service.call("ada", "POST", "projects/vision/links", 201, {"max_uses": 1})
    token = link["url"].rpartition("/")[2]
    answers = await asyncio.gather(
        *(service.as_(name).post("links/join", json={"token": token}) for name in ("bob", "carol", "dan", "eve"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410]


async def test_refusals_are_kept_for_the_owners_once_a_minute(service: Service) -> None:
    await service.create(bob="viewer")
    for _ in range(3):
        assert code(await service.call("bob", "DELETE", "projects/vision?confirm=vision", 403)) == "not_allowed"
    refused = "bob was refused: Delete the project"
    assert (await service.texts("ada")).count(refused) == 1
    assert refused not in await service.texts("bob")
    service.late = timedelta(seconds=61)
    await service.call("bob", "DELETE", "projects/vision?confirm=vision", 403)
    assert (await service.texts("ada")).count(refused) == 2


async def test_events_come_in_pages(service: Service) -> None:
    await service.create()
    for number in range(5):
        await service.call("ada", "PATCH", "projects/vision", 200, {"description": str(number)})
    first = await service.call("ada", "GET", "projects/vision/events?limit=4", 200)
    second = await service.call("ada", "GET", f"projects/vision/events?limit=4&cursor={first['next_cursor']}", 200)
    assert (len(first["events"]), len(second["events"]), second["next_cursor"]) == (4, 2, None)
    ids = [event["id"] for event in first["events"] + second["events"]]
    assert ids == sorted(ids, reverse=True)
    for cursor in ("eA", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "x"):
        await service.call("ada", "GET", f"projects/vision/events?cursor={cursor}", 400)


async def test_the_projects_server(service: Service) -> None:
    project = await service.create(bob="editor", carol="viewer")
    assert (await service.call("carol", "GET", "projects/vision/server", 200))["state"] == "stopped"
    assert (await service.call("carol", "POST", "projects/vision/server", 200))["state"] == "running"
    await service.call("bob", "POST", "projects/vision/server", 200)
    assert service.servers.visitors[project["id"]] == {"ada", "bob", "carol"}
    assert (await service.texts("ada"))[0] == "carol started the project's server"
    for user, role in (("ada", "owner"), ("bob", "editor"), ("carol", "viewer"), ("dan", None), ("nobody", None)):
        assert await service.call(project["id"], "GET", f"access/{user}", 200) == {
            "user": user, "role": role, "capabilities": sorted(capabilities_of(Role(role) if role else None)),
        }  # fmt: skip
    assert code(await service.call("ada", "GET", "access/bob", 403)) == "not_a_project"
    await service.call("ada", "DELETE", "projects/vision/members/bob", 204)
    assert service.servers.visitors[project["id"]] == {"ada", "carol"}
    assert (await service.call(project["id"], "GET", "access/bob", 200))["role"] is None
    assert code(await service.call("carol", "DELETE", "projects/vision/server", 403)) == "not_allowed"
    await service.call("ada", "DELETE", "projects/vision/server", 204)
    await service.call("ada", "POST", "projects/vision/archive", 200)
    assert service.servers.visitors[project["id"]] == set()
    assert code(await service.call("ada", "POST", "projects/vision/server", 409)) == "project_archived"
    assert (await service.call(project["id"], "GET", "access/ada", 200))["capabilities"] == sorted(
        capabilities_of(Role.OWNER, archived=True)
    )


async def test_a_projects_own_server_can_do_nothing_else(service: Service) -> None:
    project = await service.create()
    authorization = await service.call(project["id"], "GET", "authorize", 200)
    assert (authorization["workspace"], authorization["workspaces"]) == (
        project["id"],
        {project["id"]: ["read_tracking", "write_tracking"]},
    )
    for method, path in (
        ("GET", "projects"),
        ("POST", "projects"),
        ("GET", "projects/vision"),
        ("GET", "shared-models"),
        ("POST", "links/join"),
    ):
        answer = await service.as_(project["id"]).request(method, path, json={"name": "x", "token": "x"})
        assert (answer.status_code, code(answer.json())) == (403, "not_a_user"), path


async def test_a_shared_tool(service: Service) -> None:
    await service.create(bob="editor", carol="viewer")
    body = {"instance": "tensorboard-1", "title": "TensorBoard · runs"}
    assert code(await service.call("carol", "POST", "projects/vision/tools", 403, body)) == "not_allowed"
    share = await service.call("bob", "POST", "projects/vision/tools", 201, body)
    assert code(await service.call("bob", "POST", "projects/vision/tools", 409, body)) == "share_exists"
    assert [tool["id"] for tool in (await service.call("carol", "GET", "projects/vision/tools", 200))["tools"]] == [share["id"]]

    async def visit(name: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url=ORIGIN) as browser:
            return await browser.get(share["url"], headers={"Authorization": f"Bearer {name}"})

    opened = await visit("carol")
    assert (opened.status_code, opened.headers["location"]) == (302, "/user/bob/labyard/tools/tensorboard-1/")
    assert service.servers.tool_visitors["bob", ""] == {"carol"}
    assert (await visit("dan")).status_code == 404

    async def access(user: str, instance: str = "tensorboard-1") -> list[str]:
        return list((await service.call("bob", "GET", f"tool-access?user={user}&instance={instance}", 200))["capabilities"])

    assert [await access(user) for user in ("ada", "carol", "dan")] == [
        sorted(capabilities_of(role)) for role in (Role.OWNER, Role.VIEWER, None)
    ]
    assert await access("carol", "tensorboard-2") == []
    # Whose server asks is told by the token: ada's knows nothing of bob's tools.
    assert (await service.call("ada", "GET", "tool-access?user=carol&instance=tensorboard-1", 200))["capabilities"] == []

    assert code(await service.call("carol", "DELETE", f"projects/vision/tools/{share['id']}", 403)) == "not_allowed"
    await service.call("ada", "DELETE", f"projects/vision/tools/{share['id']}", 204)
    assert service.servers.tool_visitors["bob", ""] == set()
    assert await access("carol") == []
    assert (await visit("carol")).status_code == 404
    assert code(await service.call("ada", "DELETE", f"projects/vision/tools/{share['id']}", 404)) == "share_not_found"


async def test_a_tool_is_shared_no_longer_once_its_owner_may_not(service: Service) -> None:
    for number, (method, path, body) in enumerate(
        [
            ("PATCH", "members/bob", {"role": "viewer"}),
            ("DELETE", "members/bob", None),
            ("POST", "archive", None),
            ("DELETE", "?confirm=p3", None),
        ]
    ):
        name = f"p{number}"
        await service.create(name, bob="editor", carol="viewer")
        await service.call("bob", "POST", f"projects/{name}/tools", 201, {"instance": f"tool-{number}", "title": "T"})
        assert (await service.call("bob", "GET", f"tool-access?user=carol&instance=tool-{number}", 200))["capabilities"] == sorted(
            capabilities_of(Role.VIEWER)
        )
        service.servers.tool_visitors["bob", ""] = {"carol"}
        answer = await service.as_("ada").request(method, f"projects/{name}{'' if path[0] == '?' else '/'}{path}", json=body)
        assert answer.is_success
        assert (await service.call("bob", "GET", f"tool-access?user=carol&instance=tool-{number}", 200))["capabilities"] == []
        assert service.servers.tool_visitors["bob", ""] == set()


async def test_who_leaves_a_project_reaches_the_tools_of_its_members_no_more(service: Service) -> None:
    await service.create(bob="editor", carol="viewer", dan="viewer")
    await service.create("other", owner="bob", dan="viewer")
    for name in ("vision", "other"):
        await service.call("bob", "POST", f"projects/{name}/tools", 201, {"instance": "tensorboard-1", "title": "TensorBoard"})
    service.servers.tool_visitors["bob", ""] = {"carol", "dan"}
    for user, left in (("dan", {"carol", "dan"}), ("carol", {"dan"})):
        await service.call("ada", "DELETE", f"projects/vision/members/{user}", 204)
        # dan still has it by the other project.
        assert service.servers.tool_visitors["bob", ""] == left


async def test_a_shared_model(service: Service) -> None:
    vision = await service.create(bob="editor", carol="viewer")
    await service.create("ranking", owner="bob", dan="viewer")
    assert code(await service.call("carol", "POST", "projects/vision/models", 403, {"model": "iris", "user": "eve"})) == "not_allowed"
    for body in (
        {"model": "iris"},
        {"model": "iris", "user": "eve", "project": "ranking"},
        {"model": "", "user": "eve"},
        {"model": "a\nb", "user": "eve"},
    ):
        assert code(await service.call("ada", "POST", "projects/vision/models", 422, body)) == "invalid_request"
    assert code(await service.call("ada", "POST", "projects/vision/models", 404, {"model": "iris", "user": "nobody"})) == "user_not_found"
    # ada is not in ranking, so that is nothing she could know of.
    assert (
        code(await service.call("ada", "POST", "projects/vision/models", 404, {"model": "iris", "project": "ranking"}))
        == "project_not_found"
    )

    share = await service.call("bob", "POST", "projects/vision/models", 201, {"model": "iris", "project": "ranking"})
    assert (share["uri"], share["source_workspace"], share["project"]) == ("labyard:/vision/iris", vision["id"], "ranking")
    assert code(await service.call("bob", "POST", "projects/vision/models", 409, {"model": "iris", "project": "ranking"})) == "share_exists"
    to_eve = await service.call("bob", "POST", "projects/vision/models", 201, {"model": "iris", "user": "eve"})
    assert code(await service.call("bob", "POST", "projects/vision/models", 409, {"model": "iris", "user": "eve"})) == "share_exists"
    assert [model["id"] for model in (await service.call("carol", "GET", "projects/vision/models", 200))["models"]] == [
        share["id"],
        to_eve["id"],
    ]

    for user in ("dan", "eve"):
        authorization = await service.call(user, "GET", "authorize", 200)
        assert authorization["shared_models"] == [{"workspace": vision["id"], "model": "iris"}]
        assert authorization["projects"]["vision"] == vision["id"]
        assert vision["id"] not in authorization["workspaces"]
    assert (await service.call("frank", "GET", "authorize", 200))["shared_models"] == []
    await service.call("bob", "DELETE", f"projects/vision/models/{share['id']}", 204)
    assert (await service.call("dan", "GET", "authorize", 200))["shared_models"] == []
    assert code(await service.call("bob", "DELETE", f"projects/ranking/models/{to_eve['id']}", 404)) == "share_not_found"
    await service.call("ada", "DELETE", "projects/vision?confirm=vision", 204)
    assert (await service.call("eve", "GET", "shared-models", 200))["models"] == []


async def test_what_a_caller_may_use_in_mlflow(service: Service) -> None:
    vision = await service.create(bob="editor", carol="viewer")
    read, both = ["read_tracking"], ["read_tracking", "write_tracking"]
    for user, expected in (("ada", both), ("bob", both), ("carol", read)):
        found = await service.call(user, "GET", "authorize", 200)
        assert (found["workspace"], found["workspaces"]) == (user, {user: both, vision["id"]: expected})
    await service.call("ada", "POST", "projects/vision/archive", 200)
    assert (await service.call("ada", "GET", "authorize", 200))["workspaces"][vision["id"]] == read
    assert (await service.call("dan", "GET", "authorize", 200))["workspaces"] == {"dan": both}


async def test_joining_in_a_browser(service: Service) -> None:
    await service.create()
    link = await service.call("ada", "POST", "projects/vision/links", 201, {"role": "editor"})
    await service.call("ada", "PATCH", "projects/vision", 200, {"display_name": "<b>Vision</b>"})
    cookies = {"labyard-session": service.services.sessions.seal_token("bob")}
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as stranger:
        answer = await stranger.get(link["url"])
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (302, f"{PREFIX}login")
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies) as browser:
        page = await browser.get(link["url"])
        assert page.status_code == 200
        assert "&lt;b&gt;Vision&lt;/b&gt;" in page.text
        assert "<b>" not in page.text
        assert "script-src 'self';" in page.headers["content-security-policy"]  # ours, and none inside the page
        elsewhere = await browser.post(link["url"], headers={"Origin": "http://evil.example"})
        assert elsewhere.status_code == 403
        assert (await browser.post(link["url"])).status_code == 403
        assert service.files.members("vision") == {"ada": Role.OWNER}
        joined = await browser.post(link["url"], headers={"Origin": ORIGIN})
        assert joined.status_code == 200
        assert service.files.members("vision") == {"ada": Role.OWNER, "bob": Role.EDITOR}
        assert "already" in (await browser.get(link["url"])).text
        broken = await browser.get(link["url"][:-1])
        assert (broken.status_code, "does not work" in broken.text) == (404, True)
