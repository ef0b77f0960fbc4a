"""Which names browsers use: one for the hub and its services, and one below it for each user's servers.

JupyterLab runs what its owner installs, so a server's page may do all that its origin may. Servers that share the hub's origin act for each visitor.
"""

from __future__ import annotations

import hashlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from labyard_hub.config.certificate import certificate_problem

__all__ = ["LABEL_PATTERN", "LOOPBACK_NAME", "Origins", "origin_of", "origins_environment", "server_label"]

LOOPBACK_NAME = "labyard.localhost"
"""Name of a platform that listens on this machine alone. Browsers resolve it, and all names below it, to the loopback address by themselves."""

LABEL_PATTERN = r"[a-z][a-z0-9]*(-[a-z0-9]+)*(--p[0-9a-f]{10})?"
"""User names and project identifiers, which are host labels as they are."""
_LABEL = re.compile(LABEL_PATTERN)


def server_label(name: str) -> str:
    """Return the host label for the servers of the hub's user `name`; no two users share one.

    A name that is no host label, which only another authenticator makes, becomes a hash. The ``x`` after two hyphens is in no name of ours.
    """
    if _LABEL.fullmatch(name) and len(name) <= 63 and not name.startswith("xn--"):
        return name
    return f"u--x{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def origin_of(url: str) -> str:
    """Return scheme, host and port of `url` as a browser writes them in its ``Origin`` header."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")


@dataclass(frozen=True)
class Origins:
    """The origins of one platform.

    Attributes
    ----------
    url
        What browsers open, with a trailing slash.
    separate
        Whether each user's servers have a name of their own below that of `url`.
    """

    url: str
    separate: bool

    @property
    def base(self) -> str:
        """Origin of the hub, the service and MLflow."""
        return origin_of(self.url)

    @property
    def host(self) -> str:
        """Host name of the hub, in small letters and without a port."""
        return urlsplit(self.url).hostname or ""

    @property
    def servers(self) -> str:
        """Origins of all servers as a source of ``Content-Security-Policy``; empty where there is one origin for everything."""
        return self.of_label("*") if self.separate else ""

    def problems(self, certificate: Path | None, key: Path | None) -> list[str]:
        """Return what is wrong with the names and with the certificate for them, each with what to do. Asks the resolver."""
        found = []
        below = f"labyard-check.{self.host}"
        if self.separate and not self.host.endswith(".localhost"):
            try:
                socket.getaddrinfo(below, None)
            except OSError:
                found.append(
                    f"{below} has no address here, and each person's servers need a name below {self.host}. "
                    f"Add the DNS record *.{self.host} and a certificate for it, or read what `listen.origins: shared` means and set it"
                )
        if certificate is not None and key is not None:
            needed = f"{self.host} and *.{self.host}" if self.separate else self.host
            why = next(
                (why for name in (self.host, below)[: 1 + self.separate] if (why := certificate_problem(certificate, key, name))), None
            )
            if why is not None:
                found.append(f"browsers refuse the certificate {certificate}: {why}. It has to be for {needed}")
        return found

    def of_label(self, label: str) -> str:
        """Return the origin of the servers with this host label."""
        scheme, _, host = self.base.partition("://")
        return f"{scheme}://{label}.{host}"

    def of_user(self, name: str) -> str:
        """Return the origin of the servers of `name`."""
        return self.of_label(server_label(name)) if self.separate else self.base

    @property
    def cookie_prefix(self) -> str:
        """First part of our cookies' names.

        With ``__Host-`` no page of a name below ours can set the cookie. Browsers ask for TLS or for a name of this machine. Where there is one origin for everything the prefix would harm:
        it takes a cookie of the path ``/``, which each server then reads.
        """
        return "__Host-" if self.separate and self.are_cookies_secure else ""

    @property
    def are_cookies_secure(self) -> bool:
        """Whether browsers keep cookies with the attribute ``Secure``: with TLS, and on a name of this machine without it."""
        return self.url.startswith("https://") or self.host.endswith(".localhost")


def origins_environment(origins: Origins) -> dict[str, str]:
    """Return what the service and MLflow read of the origins."""
    return {"LABYARD_ORIGIN": origins.base, "LABYARD_ORIGINS": "separate" if origins.separate else "shared"}
