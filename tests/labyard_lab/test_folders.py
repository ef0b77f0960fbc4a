"""Which folder a request means, where links lead into projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from labyard_lab.exceptions import FolderError
from labyard_lab.running_tools.folders import instance_id, resolve_folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a link to the folder of links to projects, as the platform makes it, and links of its owner's."""
    files = tmp_path / "projects" / "vision--p0123456789" / "files"
    (files / "runs" / "first").mkdir(parents=True)
    (files / "again").symlink_to("runs")
    (files / "out").symlink_to("/etc")
    view = tmp_path / "project-views" / "ada"
    view.mkdir(parents=True)
    (view / "vision").symlink_to("../../projects/vision--p0123456789/files")
    home = tmp_path / "homes" / "ada"
    (home / "own").mkdir(parents=True)
    (home / "projects").symlink_to("../../project-views/ada")
    (home / "short").symlink_to(files / "runs")
    (home / "etc").symlink_to("/etc")
    return home


@pytest.mark.parametrize(
    ("asked", "name", "real"),
    [
        ("projects/vision", "projects/vision", "files"),
        ("projects/vision/runs", "projects/vision/runs", "files/runs"),
        ("projects/vision/again", "projects/vision/runs", "files/runs"),
        ("projects/vision/runs/first/..", "projects/vision/runs", "files/runs"),
        ("short", "short", "files/runs"),
        ("short/first", "short/first", "files/runs/first"),
    ],
)
def test_a_folder_of_a_project(home: Path, tmp_path: Path, asked: str, name: str, real: str) -> None:
    projects = tmp_path / "projects"
    path, relative = resolve_folder(home, asked, projects)
    assert (path, relative) == (projects / "vision--p0123456789" / real, name)
    # What is remembered leads to the same folder and instance again.
    assert resolve_folder(home, relative, projects) == (path, relative)
    assert instance_id("tensorboard", relative) == instance_id("tensorboard", name)


@pytest.mark.parametrize("asked", ["etc", "projects", "projects/vision/out", "projects/vision/../../../..", "projects/other"])
def test_what_is_neither_in_the_home_nor_in_a_project(home: Path, tmp_path: Path, asked: str) -> None:
    with pytest.raises(FolderError):
        resolve_folder(home, asked, tmp_path / "projects")


def test_without_projects_no_link_leads_out(home: Path) -> None:
    assert resolve_folder(home, "own") == (home / "own", "own")
    with pytest.raises(FolderError, match="outside"):
        resolve_folder(home, "projects/vision")
