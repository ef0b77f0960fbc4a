"""The hub: where it is for browsers, and that this server answers."""

from __future__ import annotations

import os
from urllib.parse import quote

import aiohttp
from jupyter_server.utils import url_path_join

from labyard_lab.safe_start import safe_start_reason

__all__ = ["platform_origin", "platform_url", "tell_ready"]

TIMEOUT = aiohttp.ClientTimeout(total=10)


def platform_origin() -> str:
    """Return the origin of the hub and its services; empty where this server shares it, or has no hub."""
    hub, server = os.environ.get("JUPYTERHUB_HOST", ""), os.environ.get("JUPYTERHUB_PUBLIC_URL", "")
    return "" if server.startswith(f"{hub}/") else hub


def platform_url(path: str) -> str:
    """Return the address in browsers of what lies at `path` below the hub's own path."""
    return platform_origin() + url_path_join("/", os.environ.get("JUPYTERHUB_BASE_URL", "/"), path)


async def tell_ready() -> None:
    """Tell it, so that it need not find out by asking again and again.

    Raises
    ------
    aiohttp.ClientError, TimeoutError
        If it does not hear; it finds out by itself then, only later.
    """
    hub, user, token = (os.environ.get(f"JUPYTERHUB_{name}") for name in ("API_URL", "USER", "API_TOKEN"))
    if not hub or not user or not token:
        return
    path = "/".join(quote(part, safe="") for part in (user, os.environ.get("JUPYTERHUB_SERVER_NAME", "")) if part)
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT, headers={"Authorization": f"token {token}"}) as session,
        session.post(f"{hub}/labyard/ready/{path}", json={"safe_start": safe_start_reason()}) as answer,
    ):
        answer.raise_for_status()
