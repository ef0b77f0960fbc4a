"""An OpenID Connect provider's own account of itself: where its endpoints are."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from labyard_hub.hub_process.sign_in_errors import ProviderAwayError

__all__ = ["Discovery", "Endpoints", "read_endpoints"]

AGE_SECONDS = 3600.0


@dataclass(frozen=True)
class Endpoints:
    """Where a provider is asked what.

    Attributes
    ----------
    end_session
        None if signing out there is not possible by a link.
    basic
        Whether the client's secret goes into a header, and not into the form.
    """

    issuer: str
    authorize: str
    token: str
    userinfo: str
    end_session: str | None
    basic: bool


def read_endpoints(document: Any, issuer: str) -> Endpoints:
    """Return what a discovery document says.

    Raises
    ------
    ValueError
        If it is no such document, or another issuer's: somebody could stand between us and the true one.
    """
    if not isinstance(document, dict):
        raise ValueError("it is no discovery document")
    found = document.get("issuer")
    if not isinstance(found, str) or found.rstrip("/") != issuer.rstrip("/"):
        raise ValueError(f"it speaks for the issuer {str(found)[:200]!r}, and `login.issuer` is {issuer!r}")
    addresses: dict[str, str | None] = {}
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "end_session_endpoint"):
        address = document.get(name)
        if address is None and name == "end_session_endpoint":
            addresses[name] = None
        elif not isinstance(address, str) or urlsplit(address).scheme not in (
            ("https",) if issuer.startswith("https:") else ("http", "https")
        ):
            raise ValueError(f"its {name} is {str(address)[:200]!r}, which is not an address that can be used")
        else:
            addresses[name] = address
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        found,
        str(addresses["authorization_endpoint"]),
        str(addresses["token_endpoint"]),
        str(addresses["userinfo_endpoint"]),
        addresses["end_session_endpoint"],
        basic="client_secret_basic" in methods or "client_secret_post" not in methods,
    )


class Discovery:
    """Reads the document when it is first needed, and again after an hour. The hub starts while the provider is away.

    Parameters
    ----------
    issuer
        URL.
    fetch
        Returns the body of an answer to GET, or raises.
    log
        Gets what went wrong, for the operator.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, issuer: str, fetch: Callable[[str], Awaitable[bytes]], log: Any, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer, self._fetch, self._log, self._clock = issuer, fetch, log, clock
        self._lock = asyncio.Lock()
        self._known: Endpoints | None = None
        self._read_at = 0.0

    async def endpoints(self) -> Endpoints:
        """Return the endpoints; those that were known before where the provider does not answer.

        Raises
        ------
        ProviderAwayError
            If it never told, and does not now.
        """
        async with self._lock:
            if self._known is None or self._clock() - self._read_at >= AGE_SECONDS:
                try:
                    body = await self._fetch(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                    self._known = read_endpoints(json.loads(body), self._issuer)
                except Exception as error:  # whatever it is, people are told the same, and the operator more
                    self._log.error("the discovery document of %s cannot be used: %s", self._issuer, error)
                    if self._known is None:
                        raise ProviderAwayError from error
                self._read_at = self._clock()
            return self._known
