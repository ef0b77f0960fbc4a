"""Everything that can be set, by topic. Nothing here reads a file or the environment."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from labyard.builtin_tools import BUILT_IN_TOOLS
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.images import ImageSettings
from labyard_hub.config.login import LoginSettings
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.config.quantities import Bytes, Seconds
from labyard_hub.config.quotas import QuotaSettings

__all__ = [
    "DatabaseSettings",
    "ListenSettings",
    "MLflowSettings",
    "ProjectSettings",
    "ServerSettings",
    "Settings",
    "SignInSettings",
    "ToolSettings",
    "TrashSettings",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ListenSettings(_Section):
    """Where the proxy listens."""

    host: str = "127.0.0.1"
    """Address to listen on. Every address other than a loopback address needs TLS or `allow_insecure`."""
    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port; 0 picks a free one."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/\s]+/?$")
    """URL that browsers use, where it differs from `host` and `port`, such as `https://labyard.example.org` behind another proxy."""
    origins: Literal["separate", "shared"] = "separate"
    """`separate`: each user's servers have their own host name below the public one, such as `ada.labyard.example.org`. This needs a wildcard DNS record and certificate. `shared`: all servers share the hub's address, so a page of one server can act for every user who opens it."""
    tls_certificate: Path | None = None
    """PEM file with the certificate chain."""
    tls_key: Path | None = None
    """PEM file with the private key."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the proxies in front of Labyard, such as `10.0.0.0/8` or `127.0.0.1`. Labyard takes a request's address from the last entry that they add to `X-Forwarded-For`, and ignores this header from all others. Without this setting all requests seem to come from the proxy, and one user's wrong passwords delay everyone."""
    allow_insecure: bool = False
    """Listen on a public address without TLS. Passwords then cross the network unencrypted."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(one.strip())) for one in value)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("TLS needs both `tls_certificate` and `tls_key`")
        if not self.is_loopback and self.tls_certificate is None and not self.allow_insecure:
            raise ValueError(
                f"{self.host} can be reached from other machines, and without TLS passwords would cross the network in the clear. "
                "Set `tls_certificate` and `tls_key`, or, behind a proxy that does TLS, `allow_insecure: true` (--allow-insecure)"
            )
        return self

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        """Refuse an address that can have no names below it, where each person's servers need one."""
        if self.origins == "shared" or (self.public_url is None and self.is_loopback):
            return self
        host = urlsplit(self.public_url).hostname if self.public_url else self.host
        if host is None or _is_address(host):
            raise ValueError(
                "each person's servers need a name of their own below the public one. Set `public_url` to a name with a wildcard record and certificate, "
                "such as `https://labyard.example.org`, or read what `origins: shared` means and set it"
            )
        return self


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class SignInSettings(_Section):
    """Passwords, invitations and attempts."""

    session_lifetime_seconds: Seconds = Field(default=14 * 86400, ge=300)
    """How long a session stays valid."""
    invitation_lifetime_seconds: Seconds = Field(default=7 * 86400, ge=60)
    """How long an invitation stays valid."""
    setup_lifetime_seconds: Seconds = Field(default=3600, ge=60)
    """How long the set-up link of the first run stays valid."""
    minimum_password_length: int = Field(default=10, ge=8, le=128)
    """Minimum length of a password, in characters."""
    attempts_per_user: int = Field(default=10, ge=1)
    """Failed sign-ins with one user name before Labyard delays this name."""
    attempts_per_address: int = Field(default=50, ge=1)
    """Failed sign-ins from one address before Labyard delays this address."""
    attempts_window_seconds: Seconds = Field(default=300, ge=1)
    """How long a failed sign-in counts."""


class ServerSettings(_Section):
    """Single-user servers."""

    isolation: Literal["auto", "off"] = "auto"
    """`auto`: a Unix account per user when started as root. `off`: everything runs as the account that started Labyard."""
    memory_limit_bytes: Bytes | None = Field(default=None, ge=256 * 2**20)
    """Memory limit of one server and all its processes, such as `4Gi`; null: no limit."""
    cpu_limit_cores: float | None = Field(default=None, gt=0)
    """Limit of CPU cores of one server; null: no limit."""
    process_limit: int = Field(default=4096, ge=64)
    """Limit of processes and threads of one server."""
    idle_timeout_seconds: Seconds | None = Field(default=4 * 3600, ge=30)
    """Idle time after which Labyard stops a server; null: never. Running computations and open tools count as use."""
    hub_away_seconds: Seconds = Field(default=3600, ge=0)
    """How long users can continue to work in their own servers while the hub does not answer; 0: a few seconds. Rights of visitors always end within seconds."""
    start_timeout_seconds: Seconds = Field(default=120, ge=5)
    """Time limit of a server's start."""
    warm_start: bool = True
    """Whether Labyard forks servers from a process that has already imported JupyterLab. They then start several times as fast."""
    named_servers_per_user: int = Field(default=3, ge=0)
    """Number of named servers that a user may have in addition to the default server."""


class MLflowSettings(_Section):
    """The tracking server."""

    workers: int = Field(default=1, ge=1, le=64)
    """Number of server processes, about 500 MB each."""


class ToolSettings(_Section):
    """Tools in tabs."""

    enabled: tuple[str, ...] = BUILT_IN_TOOLS
    """Built-in tools to offer: tensorboard, mlflow, label-studio."""
    directory: Path | None = None
    """Folder with one YAML file per tool of your own; default: `tools.d` next to the configuration file."""
    user_tools: bool = True
    """Whether users may add their own tools in `~/.config/labyard/tools.d`."""
    environments_directory: Path | None = None
    """Folder for the tools' environments; default: next to Labyard's own environment, or the state folder where that is read-only."""

    @field_validator("enabled")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in BUILT_IN_TOOLS]
        if unknown:
            raise ValueError(f"there is no built-in tool {unknown[0]!r}; there are {', '.join(BUILT_IN_TOOLS)}")
        return value


class DatabaseSettings(_Section):
    """Where the labyard service stores projects, members and events. The hub and MLflow have databases of their own."""

    url: SecretStr | None = None
    """URL of a PostgreSQL database, such as `postgresql://USER:PASSWORD@HOST/NAME`; default: a SQLite file in the state folder."""

    @field_validator("url")
    @classmethod
    def _known(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"postgres(ql)?(\+asyncpg)?://", value.get_secret_value()):
            raise ValueError("the database is SQLite, with no `url`, or PostgreSQL: postgresql://USER:PASSWORD@HOST/NAME")
        return value

    def url_for(self, file: Path) -> str:
        """Return the URL for SQLAlchemy; `file` is the SQLite file that is used where none is set."""
        if self.url is None:
            return f"sqlite+aiosqlite:///{file}"
        return "postgresql+asyncpg://" + self.url.get_secret_value().partition("://")[2]


class ProjectSettings(_Section):
    """Projects."""

    per_user: int = Field(default=100, ge=1)
    """Number of projects that one user may own."""
    server_profile: str | None = None
    """Profile of projects' servers; default: the first profile that every user may use."""


class TrashSettings(_Section):
    """Homes of removed users and files of deleted projects."""

    lifetime_seconds: Seconds | None = Field(default=30 * 86400, ge=0)
    """How long Labyard keeps them; null: until an administrator deletes them."""


def _default_profiles(data: dict[str, Any]) -> tuple[ProfileSettings, ...]:
    return (_fill(ProfileSettings(name="default", title="Standard"), data.get("servers")),)


def _fill(profile: ProfileSettings, servers: ServerSettings | None) -> ProfileSettings:
    """Return `profile` with what it leaves out taken from `servers`."""
    if servers is None:  # it is wrong itself, and that is told
        return profile
    values = profile.model_dump()
    values["cpu_cores"] = profile.cpu_cores if profile.cpu_cores is not None else servers.cpu_limit_cores
    values["memory_bytes"] = profile.memory_bytes if profile.memory_bytes is not None else servers.memory_limit_bytes
    return ProfileSettings.model_validate(values)


class Settings(_Section):
    """The configuration file."""

    listen: ListenSettings = ListenSettings()
    sign_in: SignInSettings = SignInSettings()
    login: LoginSettings = LoginSettings()
    servers: ServerSettings = ServerSettings()
    profiles: tuple[ProfileSettings, ...] = Field(default_factory=_default_profiles)
    """Profiles that users can start; default: one profile `default` with the limits of `servers`."""
    quotas: QuotaSettings = QuotaSettings()
    currency: str = Field(default="EUR", min_length=1, max_length=8)
    """Currency of the profiles' prices."""
    images: ImageSettings = ImageSettings()
    mlflow: MLflowSettings = MLflowSettings()
    tools: ToolSettings = ToolSettings()
    database: DatabaseSettings = DatabaseSettings()
    projects: ProjectSettings = ProjectSettings()
    trash: TrashSettings = TrashSettings()
    cluster: ClusterSettings | None = None
    """Servers as pods of a Kubernetes cluster, which the chart turns on; null: servers as processes of this machine."""
    hub_config_directory: Path | None = None
    """Folder with `*.py` files that JupyterHub reads after Labyard's own configuration; default: `jupyterhub_config.d` next to the configuration file."""
    environment: dict[str, SecretStr] = Field(default_factory=dict)
    """Environment variables for every single-user server, such as a proxy or a package index. `labyard config` masks their values."""

    @field_validator("profiles")
    @classmethod
    def _complete(cls, value: tuple[ProfileSettings, ...], info: ValidationInfo) -> tuple[ProfileSettings, ...]:
        if not value:
            raise ValueError("there must be one profile at least: add one, or leave `profiles` out")
        names = [one.name for one in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"there are two profiles {twice!r}: give one of them another name")
        return tuple(_fill(one, info.data.get("servers")) for one in value)

    @model_validator(mode="after")
    def _countable(self) -> Self:
        quotas = [("quotas.users", self.quotas.users), ("quotas.projects", self.quotas.projects)]
        quotas += [(f"quotas.groups.{name}", quota) for name, quota in self.quotas.groups.items()]
        for where, quota in quotas:
            for field in ("cpu_cores", "memory_bytes"):
                unlimited = next((one.name for one in self.profiles if getattr(one, field) is None), None)
                if getattr(quota, field) is not None and unlimited is not None:
                    raise ValueError(
                        f"`{where}.{field}` cannot be kept, since the profile {unlimited!r} has no limit that could be counted: set its `{field}`"
                    )
        return self

    @model_validator(mode="after")
    def _project_profile_is_there(self) -> Self:
        name = self.projects.server_profile
        if name is not None and name not in [one.name for one in self.profiles]:
            known = ", ".join(one.name for one in self.profiles)
            raise ValueError(f"`projects.server_profile` names the profile {name!r}, which is none of: {known}")
        return self

    @model_validator(mode="after")
    def _images_are_there(self) -> Self:
        if not any(profile.images for profile in self.profiles):
            return self  # the catalogue is read only where it is named
        offered = [image.name for image in self.images.offered]
        for profile in self.profiles:
            unknown = next((name for name in profile.images if name not in offered), None)
            if unknown is not None:
                raise ValueError(
                    f"the profile {profile.name!r} offers the image {unknown!r}, and there is none of that name; there are {', '.join(offered)}"
                )
        return self
