"""What has to be known of a Kubernetes cluster: settings, and the addresses that the chart gives to each of our pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from labyard_hub.config.origins import Origins
from labyard_hub.config.profiles import Toleration
from labyard_hub.config.quantities import Bytes, Seconds

__all__ = ["ClusterAddresses", "ClusterSettings", "HomeSettings", "PodSettings"]

LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class HomeSettings(_Section):
    """The volume that holds a user's home."""

    capacity_bytes: Bytes = Field(default=10 * 2**30, ge=2**20)
    """Size of a new home, such as `20Gi`. Existing homes keep their size."""
    storage_class: str | None = Field(default=None, pattern=OBJECT_NAME)
    """Storage class of a new home; null: the cluster's default."""
    access_modes: tuple[Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"], ...] = Field(
        default=("ReadWriteOnce",), min_length=1
    )
    """`ReadWriteOnce`: all servers of a user run on one node. `ReadWriteOncePod`: one server at a time. `ReadWriteMany`: servers run on any node."""


class PodSettings(_Section):
    """Settings of all single-user pods."""

    user_id: int = Field(default=1000, ge=1)
    """Unix user of all processes in the pod; never root."""
    group_id: int = Field(default=1000, ge=1)
    """Unix group of all processes in the pod, and of the files on its volumes."""
    read_only_root: bool = True
    """Whether the image's own files are read-only. The home, projects, `/tmp` and shared memory stay writable."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When Kubernetes pulls the image; null: Kubernetes' own rule, which is `Always` for the tag `latest` and `IfNotPresent` for others."""
    image_pull_secrets: tuple[str, ...] = ()
    """Names of Secrets with the registry's credentials."""
    priority_class: str | None = Field(default=None, pattern=OBJECT_NAME)
    """Name of a PriorityClass."""
    scheduler: str | None = None
    """Name of the scheduler; null: the cluster's own."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that nodes must have, in addition to those of the profile."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints that pods tolerate, in addition to those of the profile."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Additional labels of the pods."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Additional annotations of the pods."""
    termination_grace_seconds: Seconds = Field(default=30, ge=1)
    """Time that a server has to end after it is told to stop."""


class ClusterSettings(_Section):
    """Servers as pods. Without this section they are processes of this machine."""

    namespace: str | None = Field(default=None, pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    """Namespace of the pods and their volumes; null: the hub's own."""
    instance: str = Field(default="labyard", pattern=LABEL_VALUE, min_length=1)
    """Value of the label `app.kubernetes.io/instance`, by which network policies know the pods: the name of the release."""
    service_account: str | None = Field(default=None, pattern=OBJECT_NAME)
    """Service account of the pods, whose token they do not get; null: the namespace's default one."""
    home: HomeSettings = HomeSettings()
    projects_claim: str | None = Field(default=None, pattern=OBJECT_NAME)
    """Claim of the `ReadWriteMany` volume that holds all projects' folders; null: projects have no folders."""
    pods: PodSettings = PodSettings()
    schedule_timeout_seconds: Seconds = Field(default=300, ge=5)
    """Time that a pod may wait for a node. Allow more where the cluster adds nodes on demand."""
    pull_timeout_seconds: Seconds = Field(default=900, ge=5)
    """Time that the pod's image and volumes may take after that."""
    show_capacity: bool = True
    """Whether the start page shows free resources. The hub needs the right to list nodes and pods for this."""


@dataclass(frozen=True)
class ClusterAddresses:
    """Where our own parts reach one another, as the chart tells every one of our pods by its environment.

    Attributes
    ----------
    public_url
        The address in browsers.
    hub_url
        The hub's own port, for pods and services.
    service_url, mlflow_url
        With their paths, for pods.
    proxy_api_url
        The REST API by which the hub tells the proxy its routes.
    namespace
        The hub's own.
    hub_database_url
        The hub's database; None: a SQLite file in the state folder. It may hold a password.
    listen
        Where the hub listens; empty for all addresses of its pod.
    separate
        Whether each user's servers have an origin of their own.
    """

    public_url: str
    hub_url: str
    service_url: str
    mlflow_url: str
    proxy_api_url: str
    namespace: str
    hub_database_url: str | None = field(default=None, repr=False)
    listen: str = ""
    separate: bool = False

    @property
    def origins(self) -> Origins:
        """What browsers call the hub and each server."""
        return Origins(self.public_url, self.separate)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ClusterAddresses:
        """Read what the chart has set; KeyError for a variable that is missing."""
        return cls(
            public_url=environment["LABYARD_PUBLIC_URL"].rstrip("/") + "/",
            hub_url=environment["LABYARD_HUB_URL"].rstrip("/"),
            service_url=environment["LABYARD_SERVICE_URL"].rstrip("/") + "/",
            mlflow_url=environment["LABYARD_MLFLOW_URL"].rstrip("/") + "/",
            proxy_api_url=environment["LABYARD_PROXY_API_URL"].rstrip("/"),
            namespace=environment["POD_NAMESPACE"],
            hub_database_url=_with_driver(environment.get("LABYARD_HUB_DATABASE_URL", "")) or None,
            listen=environment.get("LABYARD_LISTEN", ""),
            separate=environment.get("LABYARD_ORIGINS") == "separate",
        )


def _with_driver(url: str) -> str:
    """Name the driver that the image has: SQLAlchemy from 2.1 on takes another one by itself."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1) if url.startswith("postgresql://") else url
