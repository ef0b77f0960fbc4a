"""What the parts of a platform write down of requests, also of those that fail: no secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labyard_hub.backends.local.runtime import runtime_root
from labyard_hub.config.proxy_word import proxy_word
from tests.platform import Http, RunningPlatform, wait_until

pytestmark = [pytest.mark.xdist_group("shared platform"), pytest.mark.integration]

PASSWORD = "correct horse battery"
MARK = "do-not-write-me-down"
QUERY = f"token={MARK}&next=%2Fhub%2Finvite%3Ftoken%3D{MARK}&a=%252Fhub%252Fx%253Fcode%253D{MARK}"
HEADERS = {
    "Authorization": f"token {MARK}",
    "Cookie": f"labyard-session={MARK}; other={MARK}",
    "Proxy-Authorization": f"Basic {MARK}",
    "Referer": f"http://labyard.localhost/hub/invite?{QUERY}",
    "X-Api-Key": MARK,
    "X-Labyard-Other": MARK,
    "X-XSRFToken": MARK,
}
FAILING: dict[str, Any] = {"hub/api/users/ada/activity": {"last_activity": "9999-12-31T23:59:59-23:00"}, "user/ada/api/sessions": []}
"""What JupyterHub and Jupyter Server answer with 500."""


@pytest.fixture
def running(shared_platform: RunningPlatform) -> Iterator[RunningPlatform]:
    shared_platform.ensure_user("ada", PASSWORD)
    yield shared_platform
    shared_platform.stop_server("ada")


def test_no_log_holds_a_secret(running: RunningPlatform) -> None:
    ada = running.session("ada", PASSWORD)
    ada.start_server("ada")
    token = ada.token("ada")
    server = running.client("user/ada/", token)
    tool = server.post("labyard/api/v1/instances", json={"tool": "tensorboard", "folder": ""}).json()["id"]
    wait_until(lambda: server.get(f"labyard/api/v1/instances/{tool}").json()["state"] == "running", "TensorBoard", 60)
    requests = (
        *(("POST", path) for path in FAILING),
        ("POST", "hub/invite"), ("GET", "hub/setup"), ("GET", "hub/home"), ("GET", "hub/nothing"), ("GET", "hub/api/oauth2/authorize"),
        ("GET", f"hub/api/authorizations/token/{MARK}"),
        ("GET", "user/ada/lab"), ("GET", "user/ada/api/nothing"), ("GET", "user/ada/oauth_callback"), ("GET", "user/ada/proxy/1/"),
        ("GET", f"user/ada/labyard/tools/{tool}/nothing"), ("POST", f"user/ada/labyard/tools/{tool}/"),
        ("GET", f"services/labyard/join/{MARK}"), ("GET", "services/labyard/oauth/callback"), ("POST", "services/labyard/api/v1/projects"),
        ("GET", "services/mlflow/"), ("POST", "services/mlflow/api/2.0/mlflow/runs/create"), ("GET", "services/mlflow/get-artifact"),
    )  # fmt: skip
    with Http(running.url, headers=HEADERS, timeout=60) as http:
        for method, path in requests:
            for authorization in (f"token {token}", HEADERS["Authorization"]):
                answer = http.request(method, f"{path}?{QUERY}", json=FAILING.get(path), headers={"Authorization": authorization})
                assert answer.status_code == 500 or path not in FAILING or MARK in authorization, (path, answer.text)
    secrets = {
        "what was sent": MARK,
        "ada's token": token,
        "the proxy's word": proxy_word(running.state.secret("proxy_api_password")),
        **{file.name: file.read_text().strip() for file in (running.state.root / "secrets").iterdir()},
    }
    logs = [file for folder in (running.state.logs, runtime_root(running.state)) for file in folder.rglob("*.log")]
    assert {"hub", "service", "mlflow", "proxy", "ada", tool} <= {file.stem for file in logs}
    texts = {file.name: file.read_text(errors="replace") for file in logs}
    assert not {(name, what) for name, text in texts.items() for what, secret in secrets.items() if secret in text}
    assert " 500 POST /hub/api/users/ada/activity?token=[secret]" in texts["hub.log"]
    assert " 500 POST /user/ada/api/sessions?token=[secret]" in texts["ada.log"]
