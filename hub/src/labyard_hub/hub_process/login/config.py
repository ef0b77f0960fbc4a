"""How people sign in: from settings to ``c``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labyard_hub.config.login import LoginSettings, check_login_secret
from labyard_hub.config.settings import SignInSettings
from labyard_hub.hub_process.login.authenticator import LabyardAuthenticator
from labyard_hub.hub_process.login.platform_authenticator import PlatformAuthenticator

__all__ = ["configure_login"]


def configure_login(
    c: Any,
    login: LoginSettings,
    sign_in: SignInSettings,
    *,
    state_dir: Path,
    hub_url: str,
    crypt_key: bytes | None = None,
) -> None:
    """Set on JupyterHub's configuration object `c` how people sign in.

    Parameters
    ----------
    hub_url
        The hub's address in browsers, such as ``https://labyard.example.org/hub/``.
    crypt_key
        32 bytes that encrypt what the provider gave us, in the hub's database; None: JUPYTERHUB_CRYPT_KEY has it.

    Raises
    ------
    ValueError
        If the client's secret is missing.
    """
    lifetime = login.session_lifetime_seconds or sign_in.session_lifetime_seconds
    c.JupyterHub.cookie_max_age_days = lifetime / 86400
    if login.is_local:
        chosen: type[PlatformAuthenticator] = LabyardAuthenticator
    else:
        check_login_secret(login)
        chosen = _provider_authenticator(login)
        if crypt_key is not None:
            c.CryptKeeper.keys = [crypt_key]
    c.JupyterHub.authenticator_class = chosen
    section = c[chosen.__name__]
    section.state_dir = str(state_dir)
    section.sign_in = sign_in.model_dump()
    if not login.is_local:
        section.login = login
        section.hub_url = hub_url


def _provider_authenticator(login: LoginSettings) -> type[PlatformAuthenticator]:
    # OAuthenticator takes a while to import, and most hubs need none.
    if login.provider == "github":
        from labyard_hub.hub_process.login.provider_github import GitHubAuthenticator  # noqa: PLC0415

        return GitHubAuthenticator
    from labyard_hub.hub_process.login.provider_oidc import OIDCAuthenticator  # noqa: PLC0415

    return OIDCAuthenticator
