"""The hub's pages, all of one look: `page_settings` is what JupyterHub has to know of them."""

from __future__ import annotations

from typing import Any

from labyard.pages import MARK, heading_of
from labyard_hub.backends.assets.bundle import START, PageAssets
from labyard_hub.backends.page_files import STATIC, TEMPLATES, asset
from labyard_hub.config.origins import Origins
from labyard_hub.config.settings import Settings
from labyard_hub.domain.projects import is_project_id
from labyard_hub.hub_process.logs import log_request
from labyard_hub.hub_process.pages.servers import ended_reason
from labyard_hub.hub_process.pages.texts import ago, span, until
from labyard_hub.hub_process.pages.visits import project_name
from labyard_hub.hub_process.starting.last_start import explain_failure

__all__ = ["content_security_policy", "page_settings"]


def content_security_policy(origins: Origins) -> str:
    """Return the policy of our pages. None has a script or style inside it, so an injected one does not run.

    Pages ask servers for their tools. Chromium holds a form's redirects to ``form-action``, and the sign-in form leads to a server.
    """
    return "; ".join((
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        f"connect-src 'self' {origins.servers}".rstrip(),
        f"form-action 'self' {origins.servers}".rstrip(),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ))  # fmt: skip


def page_settings(settings: Settings, origins: Origins, page_assets: PageAssets | None = None) -> dict[str, Any]:
    """Return the values for ``c.JupyterHub``, by name.

    Parameters
    ----------
    page_assets
        What JupyterLab will load, so that pages can load it ahead; None where every server serves its own.
    """
    secure = {"secure": True} if origins.are_cookies_secure else {}
    return {
        "template_paths": [str(TEMPLATES)],
        "logo_file": str(STATIC / "mark.svg"),
        # JupyterHub calls each function with the user; these want to stay functions.
        "template_vars": {
            "asset": lambda _user: asset,
            "viewer": lambda user: user,
            "ago": lambda _user: ago,
            "span": lambda _user: span,
            "lab_assets": page_assets.url + START if page_assets else "",
            "heading_of": lambda _user: heading_of,
            "mark": MARK,
            "shared_origin": not origins.separate,
            "login_provider": "" if settings.login.is_local else settings.login.title,
            "until": lambda _user: until,
            "ended_reason": lambda _user: ended_reason,
            "why_failed": lambda _user: explain_failure,
            "project_of": lambda _user: lambda name: project_name(name) if is_project_id(name) else "",
        },
        "tornado_settings": {
            "log_function": log_request,
            "headers": {
                "Content-Security-Policy": content_security_policy(origins),
                "Referrer-Policy": "same-origin",
                "X-Content-Type-Options": "nosniff",
                "X-Frame-Options": "DENY",
            },
            "cookie_options": {"samesite": "Lax", **secure},
            "xsrf_cookie_kwargs": {"httponly": True, "samesite": "Lax", **secure},
        },
    }
