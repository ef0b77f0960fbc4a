"""What commands read without the client is what the client reads, and whatever is no plain answer is left to it."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from labyard import Client
from labyard.cli import reading
from labyard.cli.reading import read, read_pages
from labyard.cli.root import cli
from labyard.exceptions import NotSignedInError, ProjectNotFoundError

COMMANDS = (("project", "list"), ("project", "list", "--all", "--json"), ("project", "show", "vision"), ("project", "show", "vision", "--json"),
            ("project", "member", "list", "vision"), ("project", "member", "list", "vision", "--json"), ("whoami",), ("whoami", "--json"))  # fmt: skip


@pytest.fixture
def signed_in(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("LABYARD_URL", url)
    monkeypatch.setenv("LABYARD_TOKEN", "ada")
    with Client() as client:
        client.projects.create("vision", display_name="Sehen & hören")
        client.projects.members.add("vision", "bob")
        yield url
        client.projects.delete("vision", confirm="vision")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("signed_in")
def test_a_command_prints_what_it_prints_by_the_client(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> str:
        result = CliRunner().invoke(cli, command, standalone_mode=False)
        assert result.exception is None, result.exception
        return result.stdout

    quick = run()
    for name in ("read", "read_pages"):
        monkeypatch.setattr(reading, name, lambda *_, **__: None)
    assert quick == run()
    assert len(quick) > 10


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("signed_in")
def test_it_imports_neither_httpx_nor_pydantic(command: tuple[str, ...]) -> None:
    program = (
        f"import sys; sys.argv = {['labyard', *command]!r}\nfrom labyard.cli.main import main\nmain()\n"
        "assert not {'httpx', 'pydantic', 'importlib.metadata', 'asyncio'} & sys.modules.keys(), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, timeout=60)


@pytest.mark.usefixtures("signed_in")
def test_all_pages_over_one_connection() -> None:
    with Client() as client:
        for number in range(4):
            client.projects.create(f"p{number}")
    found = read_pages("projects", "projects", limit=2)
    assert found is not None
    assert [one.name for one in found] == ["p0", "p1", "p2", "p3", "vision"]
    with Client() as client:
        for number in range(4):
            client.projects.delete(f"p{number}", confirm=f"p{number}")


@pytest.mark.usefixtures("signed_in")
def test_errors_are_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read("projects", "nothing") is None
    result = CliRunner().invoke(cli, ["project", "show", "nothing"], standalone_mode=False)
    assert isinstance(result.exception, ProjectNotFoundError)
    for name in ("", "..", "a/b"):
        assert read("projects", name) is None
    monkeypatch.setenv("LABYARD_TOKEN", "not a token")
    assert read("me") is None
    monkeypatch.delenv("LABYARD_TOKEN")
    with pytest.raises(NotSignedInError):
        read("me")


@contextmanager
def answering(status: int, kind: str, body: str, wrap: Callable[[ThreadingHTTPServer], None] = lambda _: None) -> Iterator[int]:
    """Serve one answer to everything; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        wrap(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (500, "application/json", "{}"), (302, "application/json", "{}"), (200, "text/html", "{}"), (200, "application/json", "[]"),
        (200, "application/json", "{"), (401, "application/json", "{}"), (204, "application/json", ""),
    ],
)  # fmt: skip
def test_what_is_no_plain_answer_is_left_to_the_client(status: int, kind: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABYARD_TOKEN", "ada")
    with answering(status, kind, body) as port:
        monkeypatch.setenv("LABYARD_URL", f"http://127.0.0.1:{port}/")
        assert read("me") is None
        assert read_pages("projects", "projects") is None
    assert read("me") is None  # nobody is there any more


def test_a_proxy_is_left_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABYARD_URL", "http://platform.invalid/")
    monkeypatch.setenv("LABYARD_TOKEN", "ada")
    monkeypatch.setattr(reading, "Connection", lambda *_: pytest.fail("a proxy was passed by"))
    for name in ("http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "http://127.0.0.1:9/")
            assert read("me") is None


def test_tls_is_checked_as_httpx_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate,
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip

    def encrypt(server: ThreadingHTTPServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)

    monkeypatch.setenv("LABYARD_TOKEN", "ada")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with answering(200, "application/json", json.dumps({"name": "ada"}), encrypt) as port:
        monkeypatch.setenv("LABYARD_URL", f"https://127.0.0.1:{port}/")
        assert read("me") is None
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        me = read("me")
        assert me is not None
        assert me.name == "ada"
