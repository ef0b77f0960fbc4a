"""``labyard config``: check and show the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import click

from labyard.cli.lazy import LazyGroup
from labyard_hub.cli.options import config_option, find_config, json_option, state_dir_option

__all__ = ["config"]


@click.group(cls=LazyGroup)
def config() -> None:
    """Check and show the configuration."""


@config.command()
@config_option
@state_dir_option
def check(config_file: Path | None, state_dir: Path) -> None:
    """Say whether the configuration can be used; exit status 2 if not."""
    from labyard_hub.cli.hub_groups import known_groups
    from labyard_hub.config.loader import load_configuration, require_login_secret
    from labyard_hub.config.origins import Origins
    from labyard_hub.config.platform import expected_url
    from labyard_hub.config.state import StateFolder
    from labyard_hub.domain.groups import groups_asked_for, tell_empty_groups

    configuration = load_configuration(find_config(config_file, state_dir))
    require_login_secret(configuration)
    source = configuration.source or "no configuration file, so the defaults"
    known = known_groups(state_dir) if configuration.settings.login.is_local else None
    for sentence in tell_empty_groups(groups_asked_for(configuration.settings), known) if known is not None else ():
        click.echo(f"labyard: warning: {sentence}", err=True)
    listen = configuration.settings.listen
    origins = Origins(expected_url(listen, StateFolder(state_dir)), listen.origins == "separate")
    for problem in origins.problems(listen.tls_certificate, listen.tls_key):
        click.echo(f"labyard: warning: {problem}", err=True)
    click.echo(f"ok: {source}; {len(configuration.tools)} tools of your own, {len(configuration.hub_files)} files for JupyterHub")


@config.command()
@config_option
@state_dir_option
@json_option
def show(config_file: Path | None, state_dir: Path, as_json: bool) -> None:
    """Print the settings in force, secrets masked."""
    import yaml

    from labyard_hub.config.loader import load_configuration

    configuration = load_configuration(find_config(config_file, state_dir))
    # SecretStr dumps itself as asterisks.
    data = configuration.settings.model_dump(mode="json")
    click.echo(json.dumps(data, indent=2) if as_json else yaml.safe_dump(data, sort_keys=False).rstrip())
