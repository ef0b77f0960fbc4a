"""How the hub tells a request that came through the proxy from one that another process on the machine or in the cluster sent to its port."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["PROXY_HEADER", "proxy_word"]

PROXY_HEADER = "X-Labyard-Proxy"
"""The proxy sets it on what it sends to the hub alone, and takes it off everything that comes."""


def proxy_word(password: str) -> str:
    """Return what the header says, made from the secret ``proxy_api_password``, which the hub and the proxy share. It opens nothing, and nobody can tell the secret by it."""
    return hmac.new(password.encode(), b"this came through the proxy", hashlib.sha256).hexdigest()
