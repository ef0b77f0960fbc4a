"""Tells the hub that this server answers, where there is a hub."""

from __future__ import annotations

import os
from urllib.parse import quote

import aiohttp

__all__ = ["tell_ready"]

TIMEOUT = aiohttp.ClientTimeout(total=10)


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
        session.post(f"{hub}/labyard/ready/{path}") as answer,
    ):
        answer.raise_for_status()
