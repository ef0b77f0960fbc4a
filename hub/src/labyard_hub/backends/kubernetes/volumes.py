"""What a pod finds in its folders: the home, the projects that may be read, and places to write to.

Access to a project is the mount itself: read-only for people who may read alone, and missing for people who may not. All pods run as one Unix user, so nothing inside could tell people
apart. Mounts are made when a pod starts. So a new member gets a project's folder with the next start of their server, and the pod of a person who was removed, or may
do less than before, has to be stopped: see `more_than`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labyard.permissions import Capability
from labyard_hub.backends.kubernetes.pod import quantity, shared_memory_bytes
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings

__all__ = ["HOME", "PROJECTS", "Mount", "Volumes", "home_claim", "more_than", "mounts_of", "project_volumes", "user_volumes"]

HOME = "/home/labyard"
PROJECTS = "/home/projects"
"""A folder per project, by its identifier, as on one machine; the links in ``~/projects`` lead there."""

CLAIM_TEMPLATE = "home-{username}"


@dataclass(frozen=True)
class Mount:
    """A project that somebody is a member of."""

    project_id: str
    name: str
    writable: bool


@dataclass(frozen=True)
class Volumes:
    """Volumes and mounts of a pod, as Kubernetes has them."""

    volumes: list[dict[str, Any]]
    mounts: list[dict[str, Any]]


def mounts_of(memberships: Sequence[tuple[str, str, Collection[str]]]) -> tuple[Mount, ...]:
    """Return what a person may reach.

    Parameters
    ----------
    memberships
        Identifier and name of each project, and what the person may do there.
    """
    found = [
        Mount(project_id, name, Capability.WRITE_FILES in capabilities)
        for project_id, name, capabilities in memberships
        if Capability.READ_FILES in capabilities
    ]
    return tuple(sorted(found, key=lambda mount: mount.project_id))


def more_than(mounted: Mapping[str, bool], project_id: str, writable: bool | None) -> bool:
    """Whether a pod has more of a project than its owner may.

    Parameters
    ----------
    mounted
        Whether it can write, by each project that it has.
    writable
        What the owner may: True to write, False to read, None nothing.
    """
    if project_id not in mounted:
        return False
    return writable is None or (mounted[project_id] and not writable)


def home_claim(cluster: ClusterSettings) -> dict[str, Any]:
    """Return KubeSpawner's traits for the claim of a person's home."""
    home = cluster.home
    return {
        # The spawner makes the claim itself: which claim is whose is not said by its name alone.
        "storage_pvc_ensure": False,
        "remember_pvc_name": False,
        "pvc_name_template": CLAIM_TEMPLATE,
        "storage_capacity": quantity(home.capacity_bytes),
        "storage_class": home.storage_class,
        "storage_access_modes": list(home.access_modes),
        "delete_pvc": False,
    }


def user_volumes(mounts: Sequence[Mount], profile: ProfileSettings, cluster: ClusterSettings) -> Volumes:
    """Return what a person's own server finds."""
    found = Volumes([_claim("home", "{pvc_name}")], [{"name": "home", "mountPath": HOME}])
    if mounts and cluster.projects_claim is not None:
        found.volumes.append(_claim("projects", cluster.projects_claim))
        found.mounts.extend(_project_mount(one.project_id, "files", writable=one.writable) for one in mounts)
    _add_scratch(found, profile, cluster)
    return found


def project_volumes(project_id: str, profile: ProfileSettings, cluster: ClusterSettings) -> Volumes:
    """Return what a project's own server finds: the project's folders and no person's home; with no volume of projects, nothing lasts."""
    if cluster.projects_claim is None:
        found = Volumes([{"name": "home", "emptyDir": {}}], [{"name": "home", "mountPath": HOME}])
    else:
        home = {"name": "projects", "mountPath": HOME, "subPath": f"{project_id}/home"}
        folders = [_project_mount(project_id, folder, writable=True) for folder in ("files", "tools")]
        found = Volumes([_claim("projects", cluster.projects_claim)], [home, *folders])
    _add_scratch(found, profile, cluster)
    return found


def _project_mount(project_id: str, folder: str, *, writable: bool) -> dict[str, Any]:
    mount = {"name": "projects", "mountPath": f"{PROJECTS}/{project_id}/{folder}", "subPath": f"{project_id}/{folder}"}
    return mount if writable else {**mount, "readOnly": True}


def _add_scratch(found: Volumes, profile: ProfileSettings, cluster: ClusterSettings) -> None:
    if cluster.pods.read_only_root:
        found.volumes.append({"name": "tmp", "emptyDir": {}})
        found.mounts.append({"name": "tmp", "mountPath": "/tmp"})  # noqa: S108  # in the pod, which nobody shares
    size = shared_memory_bytes(profile)
    if size is not None:
        found.volumes.append({"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": quantity(size)}})
        found.mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})  # noqa: S108  # so is this


def _claim(name: str, claim: str) -> dict[str, Any]:
    return {"name": name, "persistentVolumeClaim": {"claimName": claim}}
