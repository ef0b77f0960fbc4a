"""What ``labyard up`` does, from the empty state folder to the URL, and back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from labyard import __version__
from labyard_hub.backends.local.accounts import check_reachable, isolates
from labyard_hub.backends.local.limits import describe_support
from labyard_hub.backends.local.processes import end_processes
from labyard_hub.backends.local.servers import end_servers, list_servers
from labyard_hub.config.loader import Configuration, dump_configuration
from labyard_hub.config.platform import Platform, choose_platform
from labyard_hub.config.state import StateFolder, write_atomically
from labyard_hub.exceptions import PlatformStartError
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.supervisor.control import PATIENCE_SECONDS, leftover_processes
from labyard_hub.supervisor.damage import check_files
from labyard_hub.supervisor.disk import DiskWatch
from labyard_hub.supervisor.hub import hub_process
from labyard_hub.supervisor.lock import hold, is_held
from labyard_hub.supervisor.mlflow import mlflow_process
from labyard_hub.supervisor.output import keep_printing
from labyard_hub.supervisor.page_assets import prepare_page_assets
from labyard_hub.supervisor.process import ProcessSpec
from labyard_hub.supervisor.proxy import proxy_process
from labyard_hub.supervisor.service import service_process
from labyard_hub.supervisor.supervisor import Supervisor
from labyard_hub.supervisor.tools import environment_store, prepare_tools

__all__ = ["Reporter", "run_detached", "run_platform"]

SERVER_PATIENCE_SECONDS = 10
PARTS = frozenset({"proxy", "hub", "service", "mlflow"})
"""Names of the processes that make a platform."""
DETACH_TIMEOUT_SECONDS = 1800
"""The first start makes environments, which takes as long as the network does."""


class Reporter(Protocol):
    """Who tells the person."""

    def title(self, text: str) -> None:
        """Print the first line."""

    def fact(self, subject: str, text: str) -> None:
        """Print what is so with `subject`."""

    def url(self, kind: str, text: str, url: str) -> None:
        """Print the last line."""


def run_platform(configuration: Configuration, root: Path, report: Reporter, *, browser: bool) -> None:
    """Start the platform, keep it up until SIGINT or SIGTERM, then stop it.

    Raises
    ------
    StateFolderError
        If the state folder cannot be used or is in use.
    ConfigurationError
        If the port is taken.
    UnreachableError
        If users' accounts cannot get to the state folder or the interpreter.
    PlatformStartError
        If a process does not start; what had started is stopped again.
    """
    if isolates(configuration.settings.servers.isolation):
        check_reachable("the state folder", root)
        check_reachable("Labyard's own environment", Path(sys.prefix))
        check_reachable("the Python interpreter", Path(sys.executable))
    keep_printing()
    state = StateFolder.open(root)
    with hold(state):
        check_files(state)
        asyncio.run(_run(configuration, state, report, browser=browser))


async def _run(configuration: Configuration, state: StateFolder, report: Reporter, *, browser: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    report.title(f"Labyard {__version__} · state in {state.root}")
    left = await asyncio.to_thread(_end_the_unknown, state)
    platform = choose_platform(configuration.settings.listen, state, proxy_runs="proxy" in left, hub_runs="hub" in left)
    platform = replace(platform, pid=os.getpid(), ready=False)
    platform.write(state)
    write_atomically(state.configuration_file, dump_configuration(configuration), mode=0o600)
    supervisor = Supervisor(state, report.fact)
    try:
        await _until(stopped, _start(configuration, state, platform, supervisor, report))
        if not stopped.is_set():
            _announce(configuration, state, platform, report, browser=browser)
            replace(platform, ready=True).write(state)
            await asyncio.gather(supervisor.watch(stopped), DiskWatch(state, report.fact).run(stopped))
    finally:
        report.fact("stopping", "servers and all that `labyard up` started")
        await supervisor.stop(("hub",))
        await asyncio.to_thread(end_servers, state, list_servers(state), patience_seconds=SERVER_PATIENCE_SECONDS)
        await supervisor.stop()
        with contextlib.suppress(OSError):  # on a full disk; that nobody holds the lock says enough
            replace(platform, pid=0, ready=False).write(state)


def _end_the_unknown(state: StateFolder) -> set[str]:
    """End what a killed ``labyard up`` left behind and this one cannot adopt; return the names of the rest."""
    left = leftover_processes(state)
    end_processes((one for one in left if one.name not in PARTS), patience_seconds=PATIENCE_SECONDS, spare=list_servers(state))
    return {one.name for one in left} & PARTS


async def _until(stopped: asyncio.Event, work: Awaitable[None]) -> None:
    """Do `work`, but leave it as soon as `stopped` is set."""
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future(stopped.wait())
    await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    else:
        task.result()


async def _start(configuration: Configuration, state: StateFolder, platform: Platform, supervisor: Supervisor, report: Reporter) -> None:
    settings = configuration.settings
    tools = await asyncio.to_thread(prepare_tools, configuration, state, report.fact)
    await asyncio.to_thread(prepare_page_assets, state, report.fact)
    await asyncio.to_thread(lambda: IdentityStore(state.identity_database).list_users())
    report.fact("database", f"SQLite in {state.root}" if settings.database.url is None else "PostgreSQL for projects, SQLite for the rest")
    hub = hub_process(state, platform)
    await supervisor.start(proxy_process(state, platform, settings.listen))
    await supervisor.start(hub)
    await supervisor.start(service_process(state, platform))
    names = {tool.name for tool in tools}
    if "mlflow" in names:
        python = environment_store(configuration, state.root).python("mlflow")
        # It takes ten seconds, the first time forty, and nobody needs it to sign in: its tab shows the progress.
        await supervisor.start(replace(mlflow_process(state, settings, platform, python=python), essential=False))
    # The proxy learns the hub's route from the hub: only now does the public address work.
    await supervisor.wait_ready(_route_check(platform))
    for problem in await asyncio.to_thread(platform.origins.problems, settings.listen.tls_certificate, settings.listen.tls_key):
        report.fact("names", problem)
    if not platform.separate:
        report.fact(
            "origins", "shared: a member's server can act for everybody who opens a page of it. Only for people who trust one another fully"
        )
    report.fact("tools", ", ".join(tool.title for tool in tools) or "none")
    if isolates(settings.servers.isolation):
        report.fact("isolation", "on: a Unix account per user")
        report.fact("limits", await asyncio.to_thread(describe_support))
        if unlimited := [one.label for one in settings.profiles if one.memory_bytes is None]:
            which = "" if len(settings.profiles) == len(unlimited) else f" with the profile {', '.join(unlimited)}"
            report.fact(
                "memory", f"no limit: a server{which} can take all of this machine's. Set `servers.memory_limit_bytes`, such as 4Gi"
            )
    else:
        why = "started as an ordinary user" if os.geteuid() != 0 else "by the setting servers.isolation"
        report.fact(
            "isolation", f"off ({why}): people can read each other's files. This way of running is for trying it out, not for a team"
        )


def _route_check(platform: Platform) -> ProcessSpec:
    host = platform.bind_url
    return ProcessSpec(name="hub", argv=(), ready_url=f"{host}hub/health", start_timeout_seconds=30)


def _announce(configuration: Configuration, state: StateFolder, platform: Platform, report: Reporter, *, browser: bool) -> None:
    store = IdentityStore(state.identity_database)
    login = configuration.settings.login
    if not login.is_local:
        report.fact("login", f"at {login.title} ({login.provider})")
    if not login.is_local or any(user.admin for user in store.list_users()):
        url = platform.url
        report.url("ready", "Labyard is ready. Ctrl-C stops it.", url)
    else:
        lifetime = configuration.settings.sign_in.setup_lifetime_seconds
        url = f"{platform.url}hub/setup?token={store.ensure_setup_token(lifetime)}"
        report.url("setup", f"First time here. Choose the administrator at this link, which works once, for {lifetime / 3600:g} h:", url)
    if browser and sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(url)


def run_detached(configuration: Configuration, root: Path, report: Reporter) -> None:
    """Start the platform in a process of its own, pass on what it prints, and return when it is up.

    Raises
    ------
    PlatformStartError
        If it ends instead.
    """
    state = StateFolder.open(root)
    with hold(state, "detach.lock"):  # of two at once the second says so
        with hold(state):  # as it does if another one runs
            check_files(state)
        log = state.logs / "up.log"
        request = state.run_private / "detach.json"
        write_atomically(request, dump_configuration(configuration), mode=0o600)
        with log.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "labyard_hub.supervisor.detached", str(root), str(request)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, cwd="/",
            )  # fmt: skip
        _follow(log, child, state, report)


def _follow(log: Path, child: subprocess.Popen[bytes], state: StateFolder, report: Reporter) -> None:
    deadline = time.monotonic() + DETACH_TIMEOUT_SECONDS
    with log.open() as output:
        while time.monotonic() < deadline:
            line = output.readline()
            if line:
                report.title(line.rstrip("\n"))
            elif child.poll() is not None:
                raise PlatformStartError("labyard up", f"it ended with status {child.returncode}", log)
            elif is_held(state) and (platform := Platform.read(state)) is not None and platform.ready and platform.pid == child.pid:
                for rest in output.read().splitlines():
                    report.title(rest)
                return
            else:
                time.sleep(0.05)
    raise PlatformStartError("labyard up", f"it was not ready within {DETACH_TIMEOUT_SECONDS} s", log)
