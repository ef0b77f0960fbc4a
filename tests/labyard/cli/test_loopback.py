"""Where the browser comes back to."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from labyard.cli.loopback import LoginRefusedError, Loopback
from labyard.exceptions import UnavailableError

DONE = "https://labyard.example/services/labyard/cli/done"


class Exchange:
    def __init__(self) -> None:
        self.codes: list[str] = []
        self.problem: UnavailableError | None = None

    def __call__(self, code: str) -> None:
        self.codes.append(code)
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def listener(exchange: Exchange) -> Iterator[Loopback]:
    with Loopback("the-state", exchange, DONE) as listener:
        yield listener


@pytest.fixture
def http(listener: Loopback) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{listener.server_port}", trust_env=False) as client:
        yield client


def test_a_code_is_exchanged_before_the_browser_is_told(listener: Loopback, http: httpx.Client, exchange: Exchange) -> None:
    answer = http.get("/callback", params={"code": "ABC", "state": "the-state"})
    assert (answer.status_code, answer.headers["location"]) == (303, DONE)
    assert answer.headers["referrer-policy"] == "no-referrer"
    listener.wait(5)
    assert exchange.codes == ["ABC"]
    assert http.get("/callback", params={"code": "ABC", "state": "the-state"}).status_code == 409
    assert exchange.codes == ["ABC"]


def test_what_went_wrong_is_told_in_the_terminal(listener: Loopback, http: httpx.Client, exchange: Exchange) -> None:
    exchange.problem = UnavailableError("not now")
    answer = http.get("/callback", params={"code": "ABC", "state": "the-state"})
    assert answer.status_code == 502
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "ABC" not in answer.text
    with pytest.raises(UnavailableError, match="not now"):
        listener.wait(5)


def test_a_refusal(listener: Loopback, http: httpx.Client) -> None:
    assert http.get("/callback", params={"error": "access_denied", "state": "the-state"}).status_code == 200
    with pytest.raises(LoginRefusedError):
        listener.wait(5)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/callback", 400),
        ("/callback?code=A&state=other", 400),
        (f"/callback?state=the-state&code={'A' * 201}", 400),
        ("/callback?state=%C3%A9", 400),
    ],
)
def test_strangers(listener: Loopback, http: httpx.Client, exchange: Exchange, path: str, status: int) -> None:
    assert http.get(path).status_code == status
    assert exchange.codes == []
    with pytest.raises(TimeoutError):
        listener.wait(0)


def test_a_connection_that_says_nothing_is_in_nobodys_way(listener: Loopback, http: httpx.Client, exchange: Exchange) -> None:
    with socket.create_connection(("127.0.0.1", listener.server_port)):
        http.get("/callback", params={"code": "ABC", "state": "the-state"})
        listener.wait(5)
    assert exchange.codes == ["ABC"]


def test_it_listens_on_this_machine_only(listener: Loopback) -> None:
    assert listener.server_address[0] == "127.0.0.1"


def test_nothing_is_printed(http: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    http.get("/callback", params={"code": "ABC", "state": "the-state"})
    assert capfd.readouterr() == ("", "")
