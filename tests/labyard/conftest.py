"""What the tests of client and command line share: a running service, and a home of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import PREFIX, Service, serve_service


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of this test's own: those of whoever runs the tests are neither read nor written."""
    folder = tmp_path / "settings"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    monkeypatch.delenv("LABYARD_URL", raising=False)
    monkeypatch.delenv("LABYARD_TOKEN", raising=False)
    return folder / "labyard"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Service]]:
    """The real application behind a real server: the platform's address, and the service. A token is the name of its user."""
    with serve_service(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('service') / 'labyard.db'}") as (url, service):
        yield url.removesuffix(f"{PREFIX.lstrip('/')}api/v1/"), service


@pytest.fixture(scope="module")
def url(served: tuple[str, Service]) -> str:
    """The address of a running platform."""
    return served[0]
