"""Sends the server's token for MLflow to the platform's MLflow, and to no other address."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_netrc_auth

__all__ = ["PlatformCredentials", "is_ours"]


class PlatformCredentials(RequestAuthProvider):
    """What ``MLFLOW_TRACKING_AUTH=labyard`` names."""

    def get_name(self) -> str:
        """Return the name."""
        return "labyard"

    def get_auth(self) -> AuthBase:
        """Return what adds the token to a request."""
        return _Token()


class _Token(AuthBase):
    """Adds the token to a request to our address; MLflow makes one for each request."""

    def __call__(self, request: Any) -> Any:
        """Return `request` with the header. Other addresses get what they would get without us, a password in ``~/.netrc`` included."""
        token = os.environ.get("LABYARD_MLFLOW_TOKEN")
        if token and is_ours(request.url):
            request.headers["Authorization"] = f"Bearer {token}"
        elif "Authorization" not in request.headers and (login := get_netrc_auth(request.url)) is not None:
            HTTPBasicAuth(*login)(request)
        return request


def is_ours(url: str) -> bool:
    """Return whether `url` is the platform's MLflow, or below it."""
    ours, asked = urlsplit(os.environ.get("LABYARD_MLFLOW_URL", "").rstrip("/")), urlsplit(url)
    same = (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)
    below = asked.path == ours.path or asked.path.startswith(f"{ours.path}/")
    return bool(ours.netloc) and same and below and not {".", ".."} & set(asked.path.split("/"))
