"""A real `labyard up` with a project: ada owns it, bob edits, carol looks, dan is nobody there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from labyard_hub.backends.local.accounts import ensure_project_account
from tests.platform import Browserless, RunningPlatform, is_root, named, wait_until

PASSWORD = "correct horse battery"
PEOPLE = ("ada", "bob", "carol", "dan")


@dataclass
class World:
    """The platform, the people and the project."""

    running: RunningPlatform
    project: str = ""
    sessions: dict[str, Browserless] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The project's server."""
        return named(f"{self.running.url}user/{self.project}/")

    @property
    def files(self) -> Path:
        return self.running.state.projects / self.project / "files"

    def call(self, name: str, method: str, path: str, status: int = 200, body: Any = None) -> Any:
        """Ask the labyard service as `name`."""
        client = self.running.client("services/labyard/api/v1/", self.tokens[name])
        answer = client.request(method, path, json=body)
        assert answer.status_code == status, f"{name}: {method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def at_server(self, name: str) -> httpx.Client:
        """Return a client for the project's server that calls as `name`."""
        return self.running.client(f"user/{self.project}/", self.tokens[name])

    def hub(self, token: str) -> httpx.Client:
        return self.running.client("hub/api/", token)

    def service_token(self) -> str:
        return self.running.state.secret("service_token")

    def set_role(self, name: str, role: str | None) -> None:
        """Make `name` a member with that role, or none."""
        members = {one["user"]: one["role"] for one in self.call("ada", "GET", "projects/vision/members")["members"]}
        if role is None and name in members:
            self.call("ada", "DELETE", f"projects/vision/members/{name}", 204)
        elif role is not None and name not in members:
            self.call("ada", "POST", "projects/vision/members", 201, {"user": name, "role": role})
        elif role is not None and members[name] != role:
            self.call("ada", "PATCH", f"projects/vision/members/{name}", 200, {"role": role})

    def enter(self, name: str) -> None:
        """Start the project's server, or be let in where it runs."""
        self.call(name, "POST", "projects/vision/server")
        wait_until(lambda: self.call(name, "GET", "projects/vision/server")["state"] == "running", "the project's server", 60)

    def let_in(self, name: str, role: str) -> None:
        """Make `name` a member with that role, and wait until the project's server knows."""
        self.set_role(name, role)
        self.enter(name)

        def known() -> bool:
            answer = self.at_server(name).get("labyard/api/v1/project")
            return answer.status_code == 200 and answer.json()["works"] == (role != "viewer")

        wait_until(known, f"{name} is {role}", 20)

    def write(self, path: str, text: str) -> Path:
        """Put a file into the project, as its own account."""
        account = ensure_project_account(self.project, self.running.state, isolated=is_root())
        file = self.files / path
        file.write_text(text)
        os.chown(file, account.uid, account.gid)
        return file


@contextmanager
def open_world(running: RunningPlatform) -> Iterator[World]:
    """Make the people and the project on a platform, which later worlds use too, and delete the project at the end."""
    world = World(running)
    for name in PEOPLE:
        running.ensure_user(name, PASSWORD)
        world.sessions[name] = running.session(name, PASSWORD)
        world.tokens[name] = world.sessions[name].token(name)
    world.project = world.call("ada", "POST", "projects", 201, {"name": "vision"})["id"]
    try:
        world.set_role("bob", "editor")
        world.set_role("carol", "viewer")
        for name in ("ada", "bob", "carol"):
            world.enter(name)
        yield world
    finally:
        for name in PEOPLE:
            running.stop_server(name)
        running.client("services/labyard/api/v1/", world.tokens["ada"]).delete("projects/vision?confirm=vision")
