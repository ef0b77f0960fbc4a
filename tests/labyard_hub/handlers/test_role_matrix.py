"""Every route of a project, called by every role. What may be called comes from the one table that the code and the documentation read."""

from __future__ import annotations

from typing import Any

import pytest

from labyard.permissions import MATRIX, Capability, Role, grants
from tests.service import PREFIX, Service

PEOPLE = {"ada": Role.OWNER, "bob": Role.EDITOR, "carol": Role.VIEWER, "dan": None}

# Each route of a project: what it does, by the table, and a body that is valid.
ROUTES: dict[tuple[str, str], tuple[Capability, Any]] = {
    ("GET", "projects/{name}"): (Capability.SEE, None),
    ("PATCH", "projects/{name}"): (Capability.CHANGE, {"description": "new"}),
    ("DELETE", "projects/{name}"): (Capability.DELETE, None),
    ("POST", "projects/{name}/archive"): (Capability.ARCHIVE, None),
    ("POST", "projects/{name}/restore"): (Capability.ARCHIVE, None),
    ("POST", "projects/{name}/transfer"): (Capability.TRANSFER, {"user": "bob"}),
    ("GET", "projects/{name}/members"): (Capability.SEE, None),
    ("POST", "projects/{name}/members"): (Capability.MANAGE_MEMBERS, {"user": "eve", "role": "viewer"}),
    ("PATCH", "projects/{name}/members/{user}"): (Capability.MANAGE_MEMBERS, {"role": "viewer"}),
    ("DELETE", "projects/{name}/members/{user}"): (Capability.MANAGE_MEMBERS, None),
    ("GET", "projects/{name}/candidates"): (Capability.MANAGE_MEMBERS, None),
    ("GET", "projects/{name}/links"): (Capability.MANAGE_LINKS, None),
    ("POST", "projects/{name}/links"): (Capability.MANAGE_LINKS, {"role": "viewer"}),
    ("DELETE", "projects/{name}/links/{link}"): (Capability.MANAGE_LINKS, None),
    ("GET", "projects/{name}/events"): (Capability.SEE_ACTIVITY, None),
    ("GET", "projects/{name}/server"): (Capability.SEE, None),
    ("POST", "projects/{name}/server"): (Capability.OPEN_SERVER, None),
    ("DELETE", "projects/{name}/server"): (Capability.STOP_SERVER, None),
    ("GET", "projects/{name}/tools"): (Capability.SEE, None),
    ("POST", "projects/{name}/tools"): (Capability.SHARE_TOOL, {"instance": "tensorboard-1", "title": "TensorBoard"}),
    ("GET", "projects/{name}/models"): (Capability.SEE, None),
    ("POST", "projects/{name}/models"): (Capability.SHARE_MODEL, {"model": "iris", "user": "eve"}),
    ("DELETE", "projects/{name}/models/{share}"): (Capability.SHARE_MODEL, None),
}
# What depends on more than the role is tested by itself: whose tool it is, and whether the project has lost its owners.
ELSEWHERE = {("DELETE", "projects/{name}/tools/{share}"), ("POST", "projects/{name}/owner")}


async def test_the_table_here_lists_every_route_of_a_project(service: Service) -> None:
    listed = {
        (method.upper(), path.removeprefix(f"{PREFIX}api/v1/"))
        for path, methods in service.app.openapi()["paths"].items()
        for method in methods
        if "/projects/" in path
    }
    assert listed == set(ROUTES) | ELSEWHERE


@pytest.mark.parametrize("archived", [False, True], ids=["active", "archived"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_route_asks_for_the_role_that_the_table_says(service: Service, method: str, path: str, archived: bool) -> None:
    action, body = ROUTES[method, path]
    for index, (person, role) in enumerate(PEOPLE.items()):
        name = f"p{index}"
        await service.create(name, bob="editor", carol="viewer", frank="viewer")
        link = await service.call("ada", "POST", f"projects/{name}/links", 201, {})
        share = await service.call("ada", "POST", f"projects/{name}/models", 201, {"model": "shared", "user": "eve"})
        if archived:
            await service.call("ada", "POST", f"projects/{name}/archive", 200)
        filled = path.format(name=name, user="frank", link=link["id"], share=share["id"]) + (
            f"?confirm={name}" if method == "DELETE" else ""
        )
        before = service.files.applied.copy()
        answer = await service.as_(person).request(method, filled, json=body)
        if role is None:
            expected = (404, "project_not_found")
        elif not grants(role, action):
            expected = (403, "not_allowed")
        elif not grants(role, action, archived=archived):
            expected = (409, "project_archived")
        else:
            assert answer.is_success, f"{person}: {method} {filled}: {answer.status_code} {answer.text}"
            continue
        assert (answer.status_code, answer.json()["error"]["code"]) == expected, f"{person}: {method} {filled}"
        assert service.files.applied == before


async def test_nobody_gets_anywhere_without_a_token(service: Service) -> None:
    await service.create()
    for path, methods in service.app.openapi()["paths"].items():
        for method in methods:
            if path.endswith("/health") or "/cli/" in path:
                continue
            filled = path.format(name="vision", user="bob", link="x", share="x")
            for token in ("wrong", "wrong-again"):
                answer = await service.as_(token).request(method.upper(), f"http://127.0.0.1:8000{filled}", json={})
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated"), f"{method} {path}"


def test_a_higher_role_may_do_what_a_lower_one_may() -> None:
    for action in Capability:
        granted = [grants(role, action) for role in (Role.VIEWER, Role.EDITOR, Role.OWNER)]
        assert granted == sorted(granted)
        assert granted[2]
        assert not grants(None, action)
        assert MATRIX[action].text.strip()
