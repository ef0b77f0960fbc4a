"""``python -m labyard_hub.proxy_agent``: what runs beside HAProxy in the chart's pod. It writes HAProxy's files, then serves until it is ended."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from labyard_hub.backends.haproxy.certificate import joined_certificate
from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, MAP_NAME, ProxyPlan, configuration_files
from labyard_hub.config.origins import Origins
from labyard_hub.config.proxy_word import proxy_word
from labyard_hub.config.state import write_atomically
from labyard_hub.proxy_agent.agent import Agent
from labyard_hub.proxy_agent.api import create_api

__all__ = ["main", "prepare"]

HTTP_PORT, HTTPS_PORT, API_PORT, ADMIN_PORT = 8000, 8443, 8001, 8002
TLS_FOLDER = "/etc/labyard/tls"


def prepare(environment: Mapping[str, str]) -> Starlette:
    """Write what HAProxy reads when it starts into ``LABYARD_PROXY_DIR``, and return the agent's application.

    ``LABYARD_PROXY_TRUSTED`` lists the networks of an ingress before it, whose word on where a request came from is taken; without it everybody seems to come from there.
    It listens on every address, or on the one that ``LABYARD_LISTEN`` names. Ports, the certificate's folder and the threads can be given by ``LABYARD_PROXY_HTTP_PORT``, ``..._HTTPS_PORT``, ``..._ADMIN_PORT``, ``LABYARD_PROXY_TLS_DIR`` and
    ``LABYARD_PROXY_THREADS``, and by ``LABYARD_PROXY_SOFT_STOP_SECONDS`` how long HAProxy waits for open requests. There is TLS where that folder holds ``tls.crt`` and ``tls.key``, as a Secret of Kubernetes does.

    Raises
    ------
    KeyError
        For a variable that is missing.
    ValueError
        For networks that are none.
    """
    folder = Path(environment["LABYARD_PROXY_DIR"])
    tls = Path(environment.get("LABYARD_PROXY_TLS_DIR", TLS_FOLDER))
    certificate = (tls / "tls.crt", tls / "tls.key") if (tls / "tls.crt").exists() else None
    http, https, admin = (
        int(environment.get(f"LABYARD_PROXY_{name}_PORT", default))
        for name, default in (("HTTP", HTTP_PORT), ("HTTPS", HTTPS_PORT), ("ADMIN", ADMIN_PORT))
    )
    public = environment.get("LABYARD_PUBLIC_URL")
    origins = Origins(public, environment.get("LABYARD_ORIGINS") == "separate") if public else None
    plan = ProxyPlan(
        host=environment.get("LABYARD_LISTEN") or _every_address(),
        port=https if certificate else http,
        plain_port=http if certificate else None,
        admin=f"127.0.0.1:{admin}",
        socket=folder / "proxy.sock",
        tls=certificate is not None,
        before="https" if environment.get("LABYARD_PUBLIC_URL", "").startswith("https://") else None,
        trusted=tuple(str(ip_network(one.strip())) for one in environment.get("LABYARD_PROXY_TRUSTED", "").split(",") if one.strip()),
        threads=int(environment.get("LABYARD_PROXY_THREADS", "2")),
        origins=origins,
        word=proxy_word(environment["CONFIGPROXY_AUTH_TOKEN"]),
        soft_stop_seconds=int(environment.get("LABYARD_PROXY_SOFT_STOP_SECONDS", "3")),
    )
    for name, text in configuration_files(plan).items():
        write_atomically(folder / name, text, mode=0o600)
    if certificate is not None:
        write_atomically(folder / CERTIFICATE_NAME, joined_certificate(*certificate), mode=0o600)
    if not (folder / MAP_NAME).exists():
        write_atomically(folder / MAP_NAME, "", mode=0o600)
    services = {"/services/labyard": "LABYARD_SERVICE_URL", "/services/mlflow": "LABYARD_MLFLOW_URL", "/": "LABYARD_HUB_URL"}
    fixed = {path: environment[name].rstrip("/").removesuffix(path) for path, name in services.items() if environment.get(name)}
    return create_api(Agent(folder, plan.socket, fixed, certificate, origins), environment["CONFIGPROXY_AUTH_TOKEN"])


def _every_address() -> str:
    """Return what stands for all addresses, IPv6 ones where the machine has them."""
    with socket.socket(socket.AF_INET6) if socket.has_ipv6 else socket.socket() as probe:
        try:
            probe.bind(("::", 0))
        except (OSError, TypeError):
            return "0.0.0.0"  # noqa: S104  # network policies say who comes
    return "::"


def main() -> None:
    """Run it."""
    try:
        application = prepare(os.environ)
    except KeyError as error:
        sys.exit(f"the variable {error} is missing: this runs in the chart's proxy pod")
    except ValueError as error:
        sys.exit(f"a variable of the proxy's pod cannot be: {error}")
    level = "info" if os.environ.get("LABYARD_DEBUG") else "warning"
    port = int(os.environ.get("LABYARD_PROXY_API_PORT", API_PORT))
    uvicorn.run(
        application, host=os.environ.get("LABYARD_LISTEN", ""), port=port, log_level=level, access_log=bool(os.environ.get("LABYARD_DEBUG"))
    )


if __name__ == "__main__":
    main()
