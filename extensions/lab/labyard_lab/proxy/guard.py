"""Who may use a tool through the server: the identity and the authorizer of Jupyter Server, and the origin of the page that asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import origin_matches_pat
from tornado import web

__all__ = ["AUTH_RESOURCE", "Guard"]

AUTH_RESOURCE = "labyard"
"""What the authorizer is asked about."""

_SAFE = ("GET", "HEAD", "OPTIONS")


def _action_of(request: Any) -> str:
    """Return what a request does, in the authorizer's words. A websocket may do anything once it is open."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return "execute"
    return "read" if request.method in _SAFE else "write"


class Guard(JupyterHandler):
    """Lets a request through to a tool, or not."""

    auth_resource = AUTH_RESOURCE
    subject = "tools of this server"
    """What a refusal says that somebody may not use."""

    def check_xsrf_cookie(self) -> None:
        """Check where a request comes from instead of its token.

        A tool's own forms and scripts know nothing of the server's token, so it cannot be asked for. What tells them from a foreign page
        is what the browser says about the page that asks, which no page can forge: a request that changes something must come from this
        host and, where the browser tells the path too, from a page of this very server, because on a hub all users share the host.
        """
        # Tornado asks before it is known who it is, and Jupyter Server again afterwards; the hub's cookie check asks in between, and
        # has looked for a token by then (it sets this attribute first).
        if hasattr(self, "_jupyter_current_user"):
            if not self.token_authenticated:
                self._check_source()
        elif hasattr(self, "_cached_hub_user"):
            self._check_source()

    def _check_source(self) -> None:
        headers = self.request.headers
        site, origin, referer = headers.get("Sec-Fetch-Site"), headers.get("Origin"), headers.get("Referer")
        is_safe = self.request.method in _SAFE
        # A link from elsewhere may lead to a tool; a foreign page may not load it into itself, nor into a frame.
        is_visit = is_safe and headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest", "document") == "document"
        if site not in (None, "same-origin", "none") and not is_visit and not (origin and self._is_ours(origin)):
            raise web.HTTPError(403, f"blocked a {site} request for a tool")
        if is_safe:
            return
        if origin is None and referer is None and site is None:
            raise web.HTTPError(403, "blocked a request for a tool: it does not say which page it comes from. Programs send a token")
        if not self._is_ours(origin or referer or ""):
            raise web.HTTPError(403, "blocked a request for a tool from a page of another origin")
        page = urlsplit(referer or "")
        if page.netloc == self.request.host and page.path not in ("", "/") and not page.path.startswith(self.base_url):
            raise web.HTTPError(403, "blocked a request for a tool from a page outside this server")

    def _is_ours(self, url: str) -> bool:
        """Return whether the origin of `url` is this host, or one that Jupyter Server is told to allow."""
        if not url and "Sec-Fetch-Site" in self.request.headers:
            return True  # judged by that header already
        parts = urlsplit(url.lower())
        if parts.netloc == self.request.host.lower():
            return True
        origin = f"{parts.scheme}://{parts.netloc}"
        if self.allow_origin:
            return self.allow_origin in ("*", origin)
        return bool(self.allow_origin_pat and origin_matches_pat(self.allow_origin_pat, origin))

    async def guard(self) -> None:
        """Let the request pass.

        Raises
        ------
        tornado.web.HTTPError
            With status 403 if the user is unknown or may not do this. An unknown one who opens a page is sent to sign in instead.
        """
        if self.current_user is None:
            if self.request.method in ("GET", "HEAD") and _action_of(self.request) == "read":
                web.authenticated(lambda _: None)(self)
                return
            raise web.HTTPError(403, "sign in first")
        if not self.token_authenticated:
            self._check_source()
        action = _action_of(self.request)
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)):
            raise web.HTTPError(403, f"you may not {action} {self.subject}")
