"""A world with people and projects for the tests of folders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labyard.permissions import Role
from labyard_hub.backends.local.project_files import LocalProjectFiles
from labyard_hub.config.state import StateFolder
from tests.labyard_hub.backends.people import World


@pytest.fixture
async def world(open_folder: Path) -> AsyncIterator[World]:
    """Ada owns the project, bob edits, carol looks, and mallory is no member."""
    state = StateFolder.open(open_folder / "state")
    world = World(state, LocalProjectFiles(state, isolated=True, trash_lifetime_seconds=60))
    try:
        world.person("mallory")
        await world.set_roles(ada=Role.OWNER, bob=Role.EDITOR, carol=Role.VIEWER)
        await world.files.settled()
        yield world
    finally:
        await world.files.close()
        world.close()
