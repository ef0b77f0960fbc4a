"""Sign-in with the accounts of an organisation: the settings under `login`."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from labyard_hub.config.quantities import Seconds

__all__ = ["SECRET_VARIABLE", "LoginSettings", "check_login_secret", "fill_login_secret"]

SECRET_VARIABLE = "LABYARD_LOGIN_CLIENT_SECRET"  # noqa: S105  # the name of a variable
"""Environment variable that holds the client secret where no setting does."""

_NAMES = {"oidc": "your organisation", "github": "GitHub", "gitlab": "GitLab", "google": "Google"}
_ISSUERS = {"gitlab": "https://gitlab.com", "google": "https://accounts.google.com"}
_SCOPES = {
    "oidc": ("openid", "profile", "email"),
    "github": ("read:user",),
    "gitlab": ("openid", "profile", "email"),
    "google": ("openid", "profile", "email"),
}
_USERNAME_CLAIMS = {"oidc": "preferred_username", "github": "login", "gitlab": "preferred_username", "google": "email"}
_GROUPS_CLAIMS = {"oidc": "groups", "gitlab": "groups"}
_ONLY_FOR = {"hosted_domains": "google", "allowed_organizations": "github"}


class LoginSettings(BaseModel):
    """Where users sign in: at Labyard itself, or at an identity provider."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    provider: Literal["local", "oidc", "github", "gitlab", "google"] = "local"
    """`local`: Labyard stores names and passwords, and users join by invitation. The others name an identity provider; `oidc` is any provider of OpenID Connect."""
    display_name: str | None = Field(default=None, min_length=1, max_length=60)
    """Name on the button `Sign in with NAME`; default: the provider's own name."""
    issuer: str | None = None
    """URL of an OpenID Connect issuer, below which `/.well-known/openid-configuration` is. Needed for `oidc`; for `gitlab` it is `https://gitlab.com` by default."""
    client_id: str | None = Field(default=None, min_length=1)
    """Client identifier of Labyard at the provider. Register the redirect address `https://HOST/hub/oauth_callback` there."""
    client_secret: SecretStr | None = None
    """The client's secret. Prefer a file, or the environment variable `LABYARD_LOGIN_CLIENT_SECRET`."""
    client_secret_file: Path | None = None
    """File that holds the client's secret and nothing else."""
    client_authentication: Literal["basic", "post"] | None = None
    """How Labyard sends the secret; default: as the provider's discovery document says."""
    scopes: tuple[str, ...] | None = None
    """Scopes to ask for; default: those that the provider's names and groups need."""
    username_claim: str | None = Field(default=None, min_length=1)
    """Claim that becomes the user name; default: `preferred_username`. For `google`: the part of `email` before the @. For `github`: the login."""
    groups_claim: str | None = Field(default=None, min_length=1)
    """Claim that lists a user's groups, with dots where it is nested; default: `groups`. For `github`: organisations, and teams as `ORGANISATION:TEAM`."""
    allow_all: bool = False
    """Whether every account of the provider may sign in."""
    allowed_groups: tuple[str, ...] = ()
    """Groups of the provider whose members may sign in."""
    allowed_users: tuple[str, ...] = ()
    """Users who may sign in, by their names in Labyard."""
    admin_groups: tuple[str, ...] = ()
    """Groups of the provider whose members are administrators, for as long as they are members."""
    admin_users: tuple[str, ...] = ()
    """Users who are administrators, by their names in Labyard."""
    hosted_domains: tuple[str, ...] = ()
    """For `google`: the Workspace domains that an account must belong to, in addition to all other rules."""
    allowed_organizations: tuple[str, ...] = ()
    """For `github`: organisations whose members may sign in."""
    user_names: dict[str, str] = Field(default_factory=dict)
    """User names for accounts whose own name is invalid or already in use: the provider's name, then the name in Labyard."""
    adopt_existing_users: bool = False
    """Whether the first account that signs in with an existing user name gets this user's files and projects. For a change from `local`, or from another provider."""
    logout_at_provider: bool = True
    """Whether signing out also ends the session at the provider, where the provider supports it."""
    session_lifetime_seconds: Seconds | None = Field(default=None, ge=60)
    """How long a session stays valid; default: `sign_in.session_lifetime_seconds`."""
    refresh_seconds: Seconds = Field(default=300, ge=1)
    """How often Labyard asks the provider about signed-in users. Disabled accounts and changed groups take effect after this time."""

    @property
    def is_local(self) -> bool:
        """Whether Labyard keeps names and passwords itself."""
        return self.provider == "local"

    @property
    def title(self) -> str:
        """Name of the provider, for people."""
        return self.display_name or _NAMES.get(self.provider, "Labyard")

    @property
    def issuer_in_force(self) -> str | None:
        """The issuer, without a slash at its end only if the setting has none; None for a provider that has no OpenID Connect."""
        return self.issuer or _ISSUERS.get(self.provider)

    @property
    def username_claim_in_force(self) -> str:
        """The claim that names are made from."""
        return self.username_claim or _USERNAME_CLAIMS.get(self.provider, "preferred_username")

    @property
    def groups_claim_in_force(self) -> str | None:
        """The claim that lists groups; None where the provider has none."""
        return self.groups_claim or _GROUPS_CLAIMS.get(self.provider)

    @property
    def scopes_in_force(self) -> tuple[str, ...]:
        """The scopes to ask for."""
        if self.scopes is not None:
            return self.scopes
        needs_organisations = self.provider == "github" and (self.allowed_groups or self.admin_groups or self.allowed_organizations)
        return (*_SCOPES.get(self.provider, ()), *(("read:org",) if needs_organisations else ()))

    @field_validator("hosted_domains")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(domain.lower() for domain in value)

    @field_validator("issuer")
    @classmethod
    def _safe(cls, value: str | None) -> str | None:
        if value is None:
            return None
        address = urlsplit(value)
        if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
            raise ValueError("an issuer is a URL without query, such as `https://id.example.org/realms/team`")
        if address.scheme == "http" and not _is_loopback(address.hostname):
            raise ValueError(f"over plain http anybody on the way could sign in as anybody: use https for {address.hostname}")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = self.model_fields_set - {"provider"}
        if self.is_local:
            if given:
                raise ValueError(
                    f"`{sorted(given)[0]}` is for a provider: set `provider` to oidc, github, gitlab or google, or take this line out"
                )
            return self
        for field, provider in _ONLY_FOR.items():
            if field in given and self.provider != provider:
                raise ValueError(f"`{field}` is for the provider {provider}, and this one is {self.provider}: take it out")
        if self.provider == "oidc" and self.issuer is None:
            raise ValueError("say where the provider is: `issuer: https://...`, the address that its discovery document is below")
        if self.provider in ("github", "google") and self.issuer is not None:
            raise ValueError(f"{self.title} has one address, which is known: take `issuer` out, or use the provider oidc")
        if self.client_id is None:
            raise ValueError("say what the provider calls Labyard: `client_id`, which it shows when you register an application there")
        if self.client_secret is not None and self.client_secret_file is not None:
            raise ValueError("the secret stands twice: keep `client_secret_file`, and take `client_secret` out")
        if self.groups_claim is not None and self.provider == "github":
            raise ValueError("GitHub has no claims: groups are organisations, and teams as ORGANISATION:TEAM. Take `groups_claim` out")
        self._check_people()
        return self

    def _check_people(self) -> None:
        if self.provider == "google" and self.groups_claim is None and (self.allowed_groups or self.admin_groups):
            raise ValueError("Google tells no groups when people sign in: use `hosted_domains` with `allow_all`, and `admin_users`")
        if not (self.allow_all or self.allowed_groups or self.allowed_users or self.allowed_organizations):
            raise ValueError("nobody could sign in: say who may with `allowed_groups` or `allowed_users`, or set `allow_all: true`")
        if not (self.admin_groups or self.admin_users):
            raise ValueError("nobody would administer: name a group in `admin_groups`, or yourself in `admin_users`")
        if self.provider in ("google", "github") and self.allow_all and not self.hosted_domains:
            raise ValueError(
                f"with `allow_all` everybody in the world who has an account at {_NAMES[self.provider]} could sign in: "
                + ("set `hosted_domains`" if self.provider == "google" else "use `allowed_organizations` instead")
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def fill_login_secret(login: LoginSettings, environment: Mapping[str, str] = os.environ) -> LoginSettings:
    """Return `login` with the client secret from its file or from the environment, where it stands in one.

    Raises
    ------
    ValueError
        If the file cannot be read, or is empty.
    """
    if login.is_local or login.client_secret is not None:
        return login
    secret = environment.get(SECRET_VARIABLE, "").strip()
    if login.client_secret_file is not None:
        try:
            secret = login.client_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise ValueError(f"`login.client_secret_file`: {login.client_secret_file} cannot be read: {why}") from None
        if not secret:
            raise ValueError(f"`login.client_secret_file`: {login.client_secret_file} is empty. Write the client's secret into it")
    return login.model_copy(update={"client_secret": SecretStr(secret)}) if secret else login


def check_login_secret(login: LoginSettings) -> None:
    """Refuse a provider without a secret.

    Raises
    ------
    ValueError
        With a sentence that says where to put it.
    """
    if not login.is_local and login.client_secret is None:
        raise ValueError(
            f"`login`: the client's secret is missing. Put it into a file named by `client_secret_file`, or into {SECRET_VARIABLE}"
        )
