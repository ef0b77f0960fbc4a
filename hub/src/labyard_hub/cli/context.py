"""What the commands about people work on: the state folder, the settings in force, the names and passwords."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labyard_hub.config.settings import Settings
    from labyard_hub.config.state import StateFolder
    from labyard_hub.storage.identity import IdentityStore

__all__ = ["Context", "open_context"]


@dataclass(frozen=True)
class Context:
    """What every command about people works on."""

    state: StateFolder
    settings: Settings
    store: IdentityStore
    running: bool


def open_context(state_dir: Path, *, create: bool = False) -> Context:
    """Open a state folder for a command that works before and while Labyard runs.

    Raises
    ------
    StateFolderError
        If there is none and `create` is not set.
    """
    from labyard_hub.cli.options import find_config
    from labyard_hub.config.loader import load_configuration, parse_configuration
    from labyard_hub.config.state import StateFolder
    from labyard_hub.exceptions import StateFolderError
    from labyard_hub.storage.identity import IdentityStore
    from labyard_hub.storage.passwords import PasswordPolicy
    from labyard_hub.supervisor.lock import is_held

    if not create and not any(state_dir.glob("*")):
        raise StateFolderError(state_dir, "there is no Labyard in it. Start one with `labyard up`, or name its folder with --state-dir")
    state = StateFolder.open(state_dir.absolute())
    running = is_held(state) or bool(os.environ.get("LABYARD_RELEASE"))  # on a cluster this is the hub's own pod
    if running and state.configuration_file.exists():
        configuration = parse_configuration(state.configuration_file.read_text())
    else:
        configuration = load_configuration(find_config(None, state_dir))
    settings = configuration.settings
    policy = PasswordPolicy(settings.sign_in.minimum_password_length)
    return Context(state, settings, IdentityStore(state.identity_database, policy=policy), running)
