"""Which projects the owner of a token is in, as the labyard service says: it alone decides."""

from __future__ import annotations

from typing import Any

import httpx

from labyard_hub.backends.kubernetes.volumes import Mount, mounts_of
from labyard_hub.exceptions import MembershipsUnknownError
from labyard_hub.hub_process.project_mounts import changes

__all__ = ["Memberships"]

TIMEOUT_SECONDS = 10.0
PAGE = 500


class Memberships:
    """Asks the service in somebody's name.

    Parameters
    ----------
    service_url
        The service's address with its path.
    """

    def __init__(self, service_url: str) -> None:
        self._url = f"{service_url.rstrip('/')}/api/v1/projects"

    def __deepcopy__(self, memo: Any) -> Memberships:
        """Return itself: JupyterHub copies configuration."""
        return self

    async def of_token(self, token: str) -> tuple[Mount, ...]:
        """Return the projects of the owner of `token`, archived ones included.

        Raises
        ------
        MembershipsUnknownError
            If the service does not say. What was known before is no answer: a project may have been left since.
        """
        while True:
            before = changes.count
            found = await self._ask(token)
            if changes.count == before:
                return found

    async def _ask(self, token: str) -> tuple[Mount, ...]:
        found: list[tuple[str, str, list[str]]] = []
        cursor: str | None = None
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS, headers={"Authorization": f"token {token}"}) as client:
                while True:
                    query: dict[str, str | int] = {"state": "all", "limit": PAGE, **({"cursor": cursor} if cursor else {})}
                    page = (await client.get(self._url, params=query)).raise_for_status().json()
                    found += [(one["id"], one["name"], one["capabilities"]) for one in page["projects"]]
                    cursor = page["next_cursor"]
                    if cursor is None:
                        return mounts_of(found)
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise MembershipsUnknownError(type(error).__name__) from error
