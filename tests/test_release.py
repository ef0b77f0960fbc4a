"""The version stands in many files, and all say the same."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from labyard import __version__
from scripts import release

ROOT = Path(__file__).parent.parent


def test_every_file_states_the_same_version() -> None:
    assert release.stated_versions() == {path: {__version__} for path in release.PLACES}


def test_a_release_changes_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (*release.PLACES, release.CHANGELOG):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    assert release.main(["9.8.7"]) == 0
    assert release.stated_versions(tmp_path) == {path: {"9.8.7"} for path in release.PLACES}
    before, after = ((root / "pyproject.toml").read_text().splitlines() for root in (ROOT, tmp_path))
    changed = [line for line, former in zip(after, before, strict=True) if line != former]
    assert changed
    assert all("9.8.7" in line for line in changed)
    assert re.search(r"^## Unreleased\n\n## 9\.8\.7 \(\d{4}-\d\d-\d\d\)$", (tmp_path / release.CHANGELOG).read_text(), re.M)


def test_a_version_that_was_released_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["1.0"]) == 1
    assert "1.0 is not a version" in capsys.readouterr().err
