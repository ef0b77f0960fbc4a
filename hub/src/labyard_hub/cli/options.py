"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from labyard_hub.config.state import STATE_DIRECTORY_VARIABLE, default_state_directory

__all__ = ["config_option", "find_config", "json_option", "state_dir_option"]

F = TypeVar("F", bound=Callable[..., Any])


def state_dir_option(function: F) -> F:
    """Add ``--state-dir``."""
    return click.option(
        "--state-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=default_state_directory,
        show_default="/var/lib/labyard for root, else the user's data folder",
        envvar=STATE_DIRECTORY_VARIABLE,
        help="Folder that keeps everything.",
    )(function)


def config_option(function: F) -> F:
    """Add ``--config``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=None,
        help="YAML file with settings.  [default: config.yaml in the state folder, where there is one]",
    )(function)


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def find_config(config_file: Path | None, state_dir: Path) -> Path | None:
    """Return the configuration file: the one that was named, else ``config.yaml`` in the state folder, else None."""
    if config_file is not None:
        return config_file.absolute()
    beside = state_dir / "config.yaml"
    return beside.absolute() if beside.exists() else None
