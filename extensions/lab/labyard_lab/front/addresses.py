"""Where the front listens, and where it finds the server."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Addresses"]

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # they are replaced


@dataclass(frozen=True)
class Addresses:
    """The two ports of one server, at one address: the loopback interface's on one machine, the pod's or all of them in a pod.

    So the front is reached by nobody who does not reach the server.

    Attributes
    ----------
    host
        An IP address.
    front
        Port of the front.
    server
        Port of the server.
    """

    host: str
    front: int
    server: int

    @property
    def listen(self) -> str:
        """Where the front listens, as in a URL."""
        return f"{_in_url(self.host)}:{self.front}"

    @property
    def ask(self) -> str:
        """Where the front asks the server, as in a URL."""
        return f"{_in_url(_LOOPBACK.get(self.host, self.host))}:{self.server}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
