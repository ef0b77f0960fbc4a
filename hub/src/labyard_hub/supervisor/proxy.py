"""The outer proxy: Traefik, configured by files, so that it runs on while the hub is away."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from labyard_hub.config.platform import Platform
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder, write_atomically
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["proxy_process", "static_configuration"]


def static_configuration(platform: Platform, listen: ListenSettings, dynamic_file: Path) -> dict[str, Any]:
    """Return Traefik's static configuration.

    Parameters
    ----------
    dynamic_file
        Where JupyterHub writes the routes.
    """
    scheme, _, address = platform.bind_url.rstrip("/").partition("://")
    http: dict[str, Any] = {
        # A header such as X_Forwarded_For must not pass for X-Forwarded-For.
        "aliasHeadersStrategy": "delete",
        # JupyterLab and MLflow put encoded slashes and the like into paths; the servers behind decode them themselves.
        "encodedCharacters": dict.fromkeys(("allowEncodedSlash", "allowEncodedBackSlash", "allowEncodedNullCharacter", "allowEncodedSemicolon", "allowEncodedPercent", "allowEncodedQuestionMark", "allowEncodedHash"), True)
    }  # fmt: skip
    if listen.tls_certificate is not None:
        http["tls"] = {"options": "default"}
    return {
        "api": {},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN"},
        "providers": {"providersThrottleDuration": "0s", "file": {"filename": str(dynamic_file), "watch": True}},
        "entryPoints": {
            scheme: {
                "address": address,
                "http": http,
                # A large upload or a long answer may take longer than the default minute.
                "transport": {"respondingTimeouts": {"readTimeout": "0s", "idleTimeout": "180s"}},
            },
            "auth_api": {"address": f"127.0.0.1:{platform.proxy_api_port}", "http": {"aliasHeadersStrategy": "delete"}},
        },
    }


def proxy_process(state: StateFolder, platform: Platform, listen: ListenSettings) -> ProcessSpec:
    """Return the proxy's process, its static configuration written."""
    dynamic_file = state.run_private / "proxy-routes.yaml"
    # JSON is YAML.
    static_file = state.run_private / "proxy.yaml"
    text = json.dumps(static_configuration(platform, listen, dynamic_file), indent=1)
    write_atomically(static_file, text, mode=0o600)
    if not dynamic_file.exists():
        write_atomically(dynamic_file, "{}\n", mode=0o600)
    return ProcessSpec(
        name="proxy",
        argv=(str(Path(sys.prefix) / "bin" / "traefik"), f"--configfile={static_file}"),
        # The digest makes a supervisor that adopts see another configuration.
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(state.run_private),
            "LABYARD_CONFIGURATION": hashlib.sha256(text.encode()).hexdigest()[:16],
        },
        ready_url=f"http://127.0.0.1:{platform.proxy_api_port}/",
        start_timeout_seconds=20,
    )
