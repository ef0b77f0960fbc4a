"""``labyard tools``: the tools' environments."""

from __future__ import annotations

from pathlib import Path

import click

from labyard.cli.lazy import LazyGroup
from labyard_hub.cli.options import config_option, find_config, json_option, state_dir_option

__all__ = ["tools"]


@click.group(cls=LazyGroup)
def tools() -> None:
    """Make and list the environments that tools and notebooks run in."""


@tools.command()
@config_option
@state_dir_option
def install(config_file: Path | None, state_dir: Path) -> None:
    """Make what is missing. `labyard up` does the same when it starts."""
    from labyard_hub.backends.assets.bundle import assets_folder, ensure_assets
    from labyard_hub.config.loader import load_configuration
    from labyard_hub.supervisor.tools import environment_store, install_environments

    configuration = load_configuration(find_config(config_file, state_dir))
    install_environments(configuration, environment_store(configuration, state_dir.absolute()), click.echo)
    ensure_assets(assets_folder(state_dir.absolute()), report=click.echo)


@tools.command("list")
@config_option
@state_dir_option
@json_option
def list_(config_file: Path | None, state_dir: Path, as_json: bool) -> None:
    """List the environments, and whether each is made."""
    from labyard.cli.output import print_json, print_table
    from labyard_hub.config.loader import load_configuration
    from labyard_hub.supervisor.tools import environment_store, wanted_environments

    configuration = load_configuration(find_config(config_file, state_dir))
    store = environment_store(configuration, state_dir.absolute())
    rows = [(name, store.is_ready(name), str(store.path(name))) for name in wanted_environments(configuration)]
    if as_json:
        print_json([{"name": name, "ready": ready, "path": path} for name, ready, path in rows])
    else:
        print_table([[name, "ready" if ready else "missing", path] for name, ready, path in rows], ["NAME", "STATE", "PATH"])
