"""What a project's server is told instead of its home's own folders."""

from __future__ import annotations

import os
import site
import sqlite3
from pathlib import Path

import pytest

from labyard_lab.fresh_start import start_afresh

FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*FOLDERS, "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "PYTHONNOUSERSITE", "LABYARD_PROJECT"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_folders_are_new_at_each_start_and_data_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABYARD_PROJECT", "vision--p1")
    start_afresh()
    first = {name: Path(os.environ[name]) for name in FOLDERS}
    (first["IPYTHONDIR"] / "profile_default" / "startup").mkdir()
    with sqlite3.connect(first["IPYTHONDIR"] / "profile_default" / "history.sqlite") as history:
        history.execute("create table lines (line)")
    start_afresh()
    second = {name: Path(os.environ[name]) for name in FOLDERS}
    assert not set(first.values()) & set(second.values())
    assert not any(home in one.parents for one in second.values())
    assert [one.name for one in (second["IPYTHONDIR"] / "profile_default").iterdir()] == ["history.sqlite"]
    with sqlite3.connect(second["IPYTHONDIR"] / "profile_default" / "history.sqlite") as history:
        assert history.execute("select * from lines").fetchall() == []
    assert (home / ".ipython" / "profile_default" / "history.sqlite").is_file()
    assert os.environ["JUPYTERLAB_SETTINGS_DIR"] == str(home / ".jupyter" / "lab" / "user-settings")
    assert os.environ["PYTHONNOUSERSITE"] == "1"
    assert site.ENABLE_USER_SITE is False


@pytest.mark.usefixtures("home")
def test_a_persons_own_server_keeps_its_folders() -> None:
    start_afresh()
    assert not {*FOLDERS, "PYTHONNOUSERSITE"} & set(os.environ)
    assert site.ENABLE_USER_SITE is True
