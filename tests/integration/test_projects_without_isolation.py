"""Projects where Labyard runs as an ordinary user: folders, links and the project's server are there, and the kernel enforces nothing."""

from __future__ import annotations

import shutil

import pytest

from tests.platform import is_root, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"


def test_projects_as_an_ordinary_user(ordinary_user: tuple[str, ...]) -> None:
    with open_temporary_folder() as folder:
        if is_root():
            shutil.chown(folder, ordinary_user[1].partition("=")[2])
        (folder / "config.yaml").write_text("tools: {enabled: []}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml"), prefix=ordinary_user) as running:
            tokens = {}
            for name in ("ada", "bob"):
                running.add_user(name, PASSWORD)
                session = running.session(name, PASSWORD)
                session.start_server(name)
                tokens[name] = session.token(name)
            ada, bob = (running.client("services/labyard/api/v1/", tokens[name]) for name in ("ada", "bob"))
            homes = {name: running.client(f"user/{name}/api/contents/", token) for name, token in tokens.items()}
            assert ada.post("projects", json={"name": "vision"}).status_code == 201
            assert ada.post("projects/vision/members", json={"user": "bob", "role": "viewer"}).status_code == 201
            body = {"type": "file", "format": "text", "content": "by ada"}
            assert homes["ada"].put("projects/vision/plan.txt", json=body).status_code == 201
            assert homes["bob"].get("projects/vision/plan.txt").json()["content"] == "by ada"
            # What the service decides holds here as well.
            assert bob.patch("projects/vision", json={"description": "x"}).json()["error"]["code"] == "not_allowed"
            bob.post("projects/vision/server").raise_for_status()
            wait_until(lambda: bob.get("projects/vision/server").json()["state"] == "running", "the project's server runs", 60)
            assert ada.post("projects/vision/archive").status_code == 200
            assert ada.get("projects/vision/server").json()["state"] == "stopped"
            assert ada.delete("projects/vision?confirm=vision").status_code == 204
            assert homes["bob"].get("projects").json()["content"] == []
            assert len(list(running.state.trash.glob("vision--*/files/plan.txt"))) == 1
