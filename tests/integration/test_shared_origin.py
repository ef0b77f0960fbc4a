"""One origin for hub and servers, by choice: the password is asked for again before what gives rights away."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.platform import RunningPlatform, open_temporary_folder, start_platform, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPlatform]:
    with open_temporary_folder() as folder:
        (folder / "config.yaml").write_text("listen: {origins: shared}\ntools: {enabled: []}\n")
        with start_platform(folder / "state", "--config", str(folder / "config.yaml")) as running:
            running.add_user("ada", PASSWORD, admin=True)
            yield running


def restart_hub(running: RunningPlatform) -> None:
    """End the hub, which forgets who has confirmed. Signed-in browsers stay signed in."""
    former = running.process_id("hub")
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: running.process_id("hub") != former, "another hub", 60)
    wait_until(lambda: running.client("hub/api/", "none").get("health").status_code == 200, "the hub answers", 90)


def test_the_password_is_asked_for_again(running: RunningPlatform) -> None:
    assert running.url.startswith("http://127.0.0.1:")
    assert "shared" in str(running.events)
    ada = running.session("ada", PASSWORD)
    restart_hub(running)
    assert ada.hub_api("POST", "users/ada/tokens", json={}).status_code == 201, "she is alone here"
    running.add_user("bob", PASSWORD)
    running.session("bob", PASSWORD)
    calls = [
        ("POST", "users/ada/tokens"),
        ("POST", "users/eve"),
        ("PATCH", "users/bob"),
        ("DELETE", "users/bob"),
        ("POST", "groups/x"),
        ("POST", "shares/ada/"),
    ]
    for method, path in calls:
        answer = ada.hub_api(method, path, json={})
        assert (answer.status_code, "hub/confirm" in answer.text) == (403, True), path
    assert "hub/confirm" in ada.http.post("hub/admin/invitations", data={"name": "eve", "_xsrf": ada.xsrf}).text
    ada.start_server("ada")
    page = ada.http.get("hub/token")
    assert page.url.path == "/hub/confirm"
    assert ada.http.get("hub/admin").url.path == "/hub/confirm"
    form = {"_xsrf": ada.xsrf, "next": "/hub/admin"}
    assert ada.http.post("hub/confirm", data={**form, "password": "wrong"}).status_code == 403
    assert ada.hub_api("POST", "users/ada/tokens", json={}).status_code == 403
    arrived = ada.http.post("hub/confirm", data={**form, "password": PASSWORD})
    assert arrived.url.path == "/hub/admin"
    assert "listen.origins: shared" in arrived.text
    token = ada.token("ada")
    assert ada.http.post("hub/confirm", data={"_xsrf": ada.xsrf, "next": "//evil.example/", "password": PASSWORD}).url.path == "/hub/home"
    restart_hub(running)
    # Programs show a token, which no page of another's server has.
    assert running.client("hub/api/", token).post("users/ada/tokens", json={}).status_code == 201
