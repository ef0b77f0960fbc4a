"""The outer proxy: HAProxy, with a map of routes, so that it runs on while the hub is away."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from labyard_hub.backends.haproxy.certificate import joined_certificate
from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, CONFIGURATION_NAME, MAP_NAME, ProxyPlan, configuration_files
from labyard_hub.backends.haproxy.program import find_haproxy
from labyard_hub.backends.local.runtime import make_runtime_root, proxy_socket
from labyard_hub.config.platform import Platform
from labyard_hub.config.proxy_word import proxy_word
from labyard_hub.config.settings import ListenSettings
from labyard_hub.config.state import StateFolder, write_atomically
from labyard_hub.exceptions import ConfigurationError
from labyard_hub.supervisor.process import ProcessSpec

__all__ = ["proxy_plan", "proxy_process"]

MOST_THREADS = 4
"""One carries some ten thousand requests a second; each costs memory."""
NOBODY = (65534, 65534)
SET_IDS = 1 << 6 | 1 << 7
"""The capabilities to change one's groups and one's user."""
FORMER_FILES = ("proxy.yaml", "proxy-routes.yaml")
"""Traefik's, which was the proxy once."""


def proxy_plan(state: StateFolder, platform: Platform, listen: ListenSettings) -> ProxyPlan:
    """Return what the proxy is to do. The routes of the hub and of our own services are always there, so nobody has to bring them."""
    return ProxyPlan(
        host=listen.host,
        port=platform.port,
        admin=f"127.0.0.1:{platform.proxy_api_port}",
        socket=proxy_socket(state),
        default=f"127.0.0.1|{platform.hub_port}",
        fixed={
            "/services/labyard": f"127.0.0.1|{platform.service_port}",
            "/services/mlflow": f"127.0.0.1|{platform.mlflow_port}",
        },
        tls=listen.tls_certificate is not None,
        before="https" if (listen.public_url or "").startswith("https://") else None,
        trusted=listen.trusted_proxies,
        origins=platform.origins,
        word=proxy_word(state.secret("proxy_api_password")),
        # It reads what it needs and opens its sockets as root; then it has nothing of anybody's to do.
        account=NOBODY if _can_become_nobody() else None,
        threads=min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1),
    )


def _can_become_nobody() -> bool:
    """Whether this is root with the right to be somebody else, and there is such an account: in some containers there is no other than root."""
    if os.geteuid() != 0:
        return False
    try:
        capabilities = int(re.findall(r"^CapEff:\s+([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)[0], 16)
        maps = [Path(f"/proc/self/{kind}_map").read_text() for kind in ("uid", "gid")]
    except (OSError, IndexError):
        return False
    mapped = all(
        any(first <= number < first + count for first, _, count in (map(int, line.split()) for line in text.splitlines()))
        for text, number in zip(maps, NOBODY, strict=True)
    )
    return mapped and capabilities & SET_IDS == SET_IDS


def proxy_process(state: StateFolder, platform: Platform, listen: ListenSettings) -> ProcessSpec:
    """Return the proxy's process, its files written.

    Raises
    ------
    PlatformStartError
        If there is no HAProxy.
    ConfigurationError
        If the certificate or its key cannot be read.
    """
    folder = state.run_private
    make_runtime_root(state)
    files = configuration_files(proxy_plan(state, platform, listen))
    for name, text in files.items():
        write_atomically(folder / name, text, mode=0o600)
    if listen.tls_certificate is not None and listen.tls_key is not None:
        try:
            write_atomically(folder / CERTIFICATE_NAME, joined_certificate(listen.tls_certificate, listen.tls_key), mode=0o600)
        except OSError as error:
            raise ConfigurationError(None, None, f"{error.filename} cannot be read: {error.strerror}") from error
    if not (folder / MAP_NAME).exists():
        write_atomically(folder / MAP_NAME, "", mode=0o600)
    for name in FORMER_FILES:
        (folder / name).unlink(missing_ok=True)
    return ProcessSpec(
        name="proxy",
        argv=(str(find_haproxy()), "-db", "-f", str(folder / CONFIGURATION_NAME)),
        # The digest makes a supervisor that adopts see another configuration.
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "LABYARD_CONFIGURATION": hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:16],
        },
        ready_url=f"http://127.0.0.1:{platform.proxy_api_port}/",
        start_timeout_seconds=20,
    )
