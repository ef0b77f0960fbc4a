"""``~/projects`` in a pod."""

from __future__ import annotations

import json
from pathlib import Path

from labyard_lab.project_links import make_project_links


def make(home: Path, **links: str) -> Path | None:
    return make_project_links({"HOME": str(home), "LABYARD_PROJECTS_DIR": "/home/projects", "LABYARD_PROJECT_LINKS": json.dumps(links)})


def test_links_follow_the_projects(tmp_path: Path) -> None:
    assert make(tmp_path, vision="vision--p1", ranking="ranking--p2") == tmp_path / "projects"
    assert str((tmp_path / "projects/vision").readlink()) == "/home/projects/vision--p1/files"
    make(tmp_path, vision="vision--p9")
    assert sorted(path.name for path in (tmp_path / "projects").iterdir()) == ["vision"]
    assert str((tmp_path / "projects/vision").readlink()) == "/home/projects/vision--p9/files"


def test_what_is_somebody_s_own_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "projects" / "vision"
    own.mkdir(parents=True)
    (tmp_path / "projects" / "elsewhere").symlink_to("/tmp")
    make(tmp_path, vision="vision--p1")
    assert own.is_dir()
    assert not own.is_symlink()
    assert (tmp_path / "projects" / "elsewhere").is_symlink()


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "projects").write_text("mine")
    assert make(tmp_path, vision="vision--p1") == tmp_path / "labyard-projects"
    assert (tmp_path / "projects").read_text() == "mine"


def test_nothing_to_do(tmp_path: Path) -> None:
    assert make(tmp_path) is None
    assert make_project_links({"HOME": str(tmp_path)}) is None
    assert list(tmp_path.iterdir()) == []
