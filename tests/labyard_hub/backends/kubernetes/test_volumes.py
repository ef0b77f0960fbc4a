"""Who finds what in their pod."""

from __future__ import annotations

from labyard.permissions import Role, capabilities_of
from labyard_hub.backends.kubernetes.volumes import Mount, Volumes, home_claim, more_than, mounts_of, project_volumes, user_volumes
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings

CLUSTER = ClusterSettings(projects_claim="shared")
PROFILE = ProfileSettings(name="one")


def places(found: Volumes) -> dict[str, tuple[str, bool]]:
    return {one["mountPath"]: (one.get("subPath", ""), one.get("readOnly", False)) for one in found.mounts}


def test_roles_and_archives() -> None:
    memberships = [
        ("a--p1", "a", capabilities_of(Role.OWNER)),
        ("b--p2", "b", capabilities_of(Role.EDITOR)),
        ("c--p3", "c", capabilities_of(Role.VIEWER)),
        ("d--p4", "d", capabilities_of(Role.OWNER, archived=True)),
    ]
    assert [(one.name, one.writable) for one in mounts_of(memberships)] == [("a", True), ("b", True), ("c", False), ("d", False)]


def test_a_person_finds_their_home_and_their_projects() -> None:
    found = user_volumes([Mount("a--p1", "a", writable=True), Mount("c--p3", "c", writable=False)], PROFILE, CLUSTER)
    assert places(found) == {
        "/home/labyard": ("", False), "/home/projects/a--p1/files": ("a--p1/files", False), "/home/projects/c--p3/files": ("c--p3/files", True), "/tmp": ("", False),
    }  # fmt: skip
    assert [one["name"] for one in found.volumes] == ["home", "projects", "tmp"]


def test_who_is_in_no_project_has_not_even_the_volume() -> None:
    assert [one["name"] for one in user_volumes([], PROFILE, CLUSTER).volumes] == ["home", "tmp"]


def test_without_a_volume_of_projects_there_are_none() -> None:
    found = user_volumes([Mount("a--p1", "a", writable=True)], PROFILE, ClusterSettings())
    assert [one["name"] for one in found.volumes] == ["home", "tmp"]
    assert {"name": "home", "emptyDir": {}} in project_volumes("a--p1", PROFILE, ClusterSettings()).volumes


def test_a_project_s_server_lives_on_the_project_s_volume() -> None:
    found = places(project_volumes("a--p1", PROFILE, CLUSTER))
    assert found["/home/labyard"] == ("a--p1/home", False)
    assert found["/home/projects/a--p1/tools"] == ("a--p1/tools", False)


def test_a_root_that_can_be_written_needs_no_other_place() -> None:
    cluster = ClusterSettings.model_validate({"pods": {"read_only_root": False}})
    assert "/tmp" not in places(user_volumes([], PROFILE, cluster))


def test_what_a_pod_has_too_much() -> None:
    mounted = {"a--p1": True, "c--p3": False}
    assert more_than(mounted, "a--p1", None)
    assert more_than(mounted, "a--p1", writable=False)
    assert not more_than(mounted, "a--p1", writable=True)
    assert more_than(mounted, "c--p3", None)
    assert not more_than(mounted, "c--p3", writable=False)
    assert not more_than(mounted, "other--p9", None)


def test_homes_are_removed_with_their_owners() -> None:
    claim = home_claim(ClusterSettings.model_validate({"home": {"capacity_bytes": "20Gi", "storage_class": "fast"}}))
    assert (claim["storage_capacity"], claim["storage_class"], claim["delete_pvc"]) == ("20Gi", "fast", False)
