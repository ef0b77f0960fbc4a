"""``labyard up``: start the platform on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from labyard_hub.cli.options import config_option, find_config, json_option, state_dir_option

__all__ = ["up"]


@click.command()
@state_dir_option
@config_option
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.  [default: 8000]")
@click.option("--tls-certificate", type=click.Path(dir_okay=False, path_type=Path), help="PEM file with the certificate chain.")
@click.option("--tls-key", type=click.Path(dir_okay=False, path_type=Path), help="PEM file with the private key.")
@click.option("--allow-insecure", is_flag=True, default=None, help="Listen on a public address without TLS.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--detach", is_flag=True, help="Return when it runs, and leave it running; `labyard down` stops it.")
@json_option
def up(
    state_dir: Path,
    config_file: Path | None,
    host: str | None,
    port: int | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    allow_insecure: bool | None,
    no_browser: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Start the platform on this machine, and stop it with Ctrl-C.

    The first start prints a link that makes you the administrator. Everything is kept in the state folder.
    """
    from labyard_hub.cli.report import Report
    from labyard_hub.config.loader import load_configuration, require_login_secret
    from labyard_hub.supervisor.up import run_detached, run_platform

    listen: dict[str, Any] = {
        key: value
        for key, value in {
            "host": host, "port": port, "allow_insecure": allow_insecure,
            "tls_certificate": tls_certificate and tls_certificate.absolute(), "tls_key": tls_key and tls_key.absolute(),
        }.items()
        if value is not None
    }  # fmt: skip
    configuration = load_configuration(find_config(config_file, state_dir), {"listen": listen} if listen else None)
    require_login_secret(configuration)
    report = Report(as_json=as_json)
    if detach:
        run_detached(configuration, state_dir.absolute(), report)
    else:
        run_platform(configuration, state_dir.absolute(), report, browser=not no_browser)
