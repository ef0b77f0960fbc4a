"""A platform whose projects are in PostgreSQL, which goes away and comes back."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.platform import open_temporary_folder, start_platform, wait_until
from tests.service import postgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"


def test_projects_in_postgresql() -> None:
    with open_temporary_folder() as folder, postgres() as server:
        config = folder / "config.yaml"
        config.write_text(json.dumps({"tools": {"enabled": []}, "database": {"url": server.url("postgres").replace("+asyncpg", "")}}))
        options = ("--config", str(config))
        with start_platform(folder / "state", *options) as running:
            running.add_user("ada", PASSWORD)
            service = running.client("services/labyard/api/v1/", running.session("ada", PASSWORD).token("ada"))
            assert service.post("projects", json={"name": "vision"}).status_code == 201
            # The address holds a password.
            assert "labyard@" not in running.labyard("config", "show", *options).stdout
        with start_platform(folder / "state", *options) as running:
            session = running.session("ada", PASSWORD)
            service = running.client("services/labyard/api/v1/", session.token("ada"))
            assert names(service) == ["vision"]
            assert not running.state.database.exists()

            server.stop()
            answer = wait_until(lambda: refused(service), "the service says that its database is away", 30)
            assert answer.json()["error"]["code"] == "database_unavailable"
            assert session.hub_api("GET", "users/ada").status_code == 200
            server.start()
            wait_until(lambda: service.get("projects").status_code == 200, "it is back", 30)
            assert names(service) == ["vision"]


def names(service: httpx.Client) -> list[str]:
    return [project["name"] for project in service.get("projects").raise_for_status().json()["projects"]]


def refused(service: httpx.Client) -> httpx.Response | None:
    answer = service.get("projects")
    return answer if answer.status_code == 503 else None
