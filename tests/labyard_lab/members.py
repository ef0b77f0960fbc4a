"""A project's server in small: a Jupyter server with the extension, a service that knows the members, and an identity by token instead of the hub's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from labyard.permissions import Role, capabilities_of
from tests.labyard_lab.conftest import TOKEN

__all__ = ["IDENTITIES", "PROJECT", "Service", "project_environment", "service"]

PROJECT = "vision--p0123456789"

IDENTITIES = f"""
from jupyter_server.auth import IdentityProvider, User

class ByToken(IdentityProvider):
    '''Whoever sends `token-of-NAME` is NAME; the test itself is the project's own user.'''

    async def get_user(self, handler):
        token = self.get_token(handler) or ""
        if token != self.token and not token.startswith("token-of-"):
            token = handler.get_cookie("test-user") or ""
        else:
            handler._token_authenticated = True
        if token == self.token:
            return User({PROJECT!r})
        return User(token.removeprefix("token-of-")) if token.startswith("token-of-") else None

c.ServerApp.identity_provider_class = ByToken
c.ByToken.token = {TOKEN!r}
c.ServerApp.authorizer_class = "labyard_lab.access.authorizer.VisitorAuthorizer"
"""
"""Configuration to be added to a server's."""


@dataclass
class Service:
    """Says who is in the project.

    Attributes
    ----------
    roles
        By name; change it, and the server learns of it within seconds.
    answers
        False: it is out of order.
    """

    url: str
    roles: dict[str, str] = field(default_factory=dict)
    answers: bool = True


@contextmanager
def service(**roles: str) -> Iterator[Service]:
    """Run one."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user = unquote(self.path.partition("/api/v1/access/")[2])
            role = Role(known.roles[user]) if user in known.roles else None
            body = json.dumps({"user": user, "role": role, "capabilities": sorted(capabilities_of(role))}).encode()
            self.send_response(200 if known.answers else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    known = Service(f"http://127.0.0.1:{server.server_port}/", dict(roles))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def project_environment(service: Service, **more: str) -> dict[str, str]:
    """Return what makes a server a project's."""
    return {"LABYARD_PROJECT": PROJECT, "LABYARD_SERVICE_URL": service.url, "JUPYTERHUB_USER": PROJECT, **more}
