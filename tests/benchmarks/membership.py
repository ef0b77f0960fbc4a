"""From "add member" to the member's first successful read in their running server, and from "remove" to the first refused one.

The other side is what Unix groups or mounted volumes need: a restart of that server, after which the groups of a process are new.
"""

from __future__ import annotations

import time

from tests.benchmarks.report import compare
from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until

ROUNDS = 5
PASSWORD = "correct horse battery"


def _until(running: RunningPlatform, token: str, succeeds: bool, began: float) -> float:
    client = running.client("user/bob/", token)
    wait_until(lambda: (client.get("api/contents/projects/vision/data.txt").status_code == 200) == succeeds, "the change is in force", 60)
    return time.perf_counter() - began


def main() -> None:
    """Add and remove a member in turn with restarting their server, and print the medians."""
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("tools: {enabled: []}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            tokens = {}
            for name in ("ada", "bob"):
                running.add_user(name, PASSWORD)
                session = running.session(name, PASSWORD)
                session.start_server(name)
                tokens[name] = session.token(name)
            bob = session
            service = running.client("services/labyard/api/v1/", tokens["ada"])
            service.post("projects", json={"name": "vision"}).raise_for_status()
            body = {"type": "file", "format": "text", "content": "x"}
            running.client("user/ada/", tokens["ada"]).put("api/contents/projects/vision/data.txt", json=body).raise_for_status()
            added, removed, restarted = [], [], []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                service.post("projects/vision/members", json={"user": "bob", "role": "editor"}).raise_for_status()
                added.append(_until(running, tokens["bob"], True, began))
                began = time.perf_counter()
                service.delete("projects/vision/members/bob").raise_for_status()
                removed.append(_until(running, tokens["bob"], False, began))
                service.post("projects/vision/members", json={"user": "bob", "role": "editor"}).raise_for_status()
                began = time.perf_counter()
                bob.hub_api("DELETE", "users/bob/server").raise_for_status()
                wait_until(lambda: not bob.hub_api("GET", "users/bob").json()["servers"], "the server is stopped", 60)
                bob.start_server("bob")
                restarted.append(_until(running, tokens["bob"], True, began))
                service.delete("projects/vision/members/bob").raise_for_status()
    compare("add member → first read", "s", {"restart of the server": restarted, "access lists": added}, base="restart of the server")
    compare(
        "remove member → first refusal", "s", {"restart of the server": restarted, "access lists": removed}, base="restart of the server"
    )
