"""The embedded mode's spawner: one local process per server, as the user's own account when isolated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Any, ClassVar

from jupyterhub.spawner import LocalProcessSpawner, SpawnException
from traitlets import Bool, Dict, Instance, Integer, Unicode, default

from labyard.exceptions import LabyardError
from labyard.fork_server.client import ForkServer
from labyard.fork_server.process import ForkedProcess, NotForkableError
from labyard.units import format_bytes
from labyard_hub.backends.local.accounts import Account, ensure_account, ensure_project_account
from labyard_hub.backends.local.consumption import process_tree
from labyard_hub.backends.local.limits import Become, ControlGroup, Limits, drop_privileges
from labyard_hub.backends.local.processes import ProcessRecord
from labyard_hub.backends.local.project_views import ensure_home_link
from labyard_hub.backends.local.removed_people import retire
from labyard_hub.backends.local.runtime import make_runtime_folder
from labyard_hub.backends.local.server_fork import MODULE, single_user_program
from labyard_hub.backends.local.server_records import server_label
from labyard_hub.backends.local.servers import end_servers, server_control_group, server_record_file
from labyard_hub.config.platform import choose_port
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.quotas import Usage
from labyard_hub.domain.scopes import use_scope_of
from labyard_hub.hub_process import mlflow_client
from labyard_hub.hub_process.starting.failures import failure
from labyard_hub.hub_process.starting.spawner import ChosenSpawner

__all__ = ["LabyardSpawner"]

SINGLEUSER = Path(__file__).parents[2] / "singleuser"
PRIVATE_UMASK = 0o077
SHARED_UMASK = 0o007
"""With access lists the group's bits of a file's mode are the most that any member can have."""
LOG_MAX_BYTES = 5 * 2**20
LISTEN_CHECK_SECONDS = 0.5


class LabyardSpawner(ChosenSpawner, LocalProcessSpawner):  # type: ignore[misc]  # jupyterhub carries no types
    """Starts servers as detached processes that outlive the hub, finds them again, and ends all that they started."""

    state_dir = Unicode(config=True, help="The state folder.")
    isolated = Bool(False, config=True, help="Whether each user is a Unix account of their own.")
    process_limit = Integer(4096, config=True, help="Processes and threads of one server.")
    base_environment = Dict(config=True, help="Variables that every server gets.")
    proc: Any = Instance(object, allow_none=True)  # a Popen, or what the fork server made
    warm_start = Bool(True, config=True, help="Whether the fork server makes servers, where it can.")
    fork_server: ClassVar[ForkServer | None] = None
    """One for all servers of a hub; none in a hub that has not started."""

    @default("oauth_client_allowed_scopes")
    def _visitor_scopes(self) -> list[str]:
        """Return what the token of a visitor may do beside opening this server: the owner's own token opens the service too.

        A project's server gets nothing: members work there in one account, and could read one another's tokens. It is a default because JupyterHub cannot start a
        server for which a function is configured (6.1.1 writes it into the environment as JSON).
        """
        return [] if self._is_project else [use_scope_of(self.user.name)]

    @property
    def _is_project(self) -> bool:
        return is_project_id(self.user.name)

    @property
    def _state_folder(self) -> StateFolder:
        return StateFolder(Path(self.state_dir))

    @property
    def _limits(self) -> Limits:
        usage = self.granted.usage if self.granted is not None else Usage()
        return Limits(usage.memory_bytes or None, usage.cpu_cores or None, self.process_limit)

    @property
    def log_file(self) -> Path:
        """The output of this server's process."""
        return self._state_folder.logs / "servers" / (f"{self.user.name}--{self.name}.log" if self.name else f"{self.user.name}.log")

    def log_tail(self, lines: int = 20) -> list[str]:
        """Return the last `lines` lines that the server wrote."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, self.log_file.stat().st_size - 64 * 1024))
                return file.read().decode(errors="replace").splitlines()[-lines:]
        except OSError:
            return []

    def get_env(self) -> dict[str, str]:
        """Return the whole environment of the process: ours and JupyterHub's, nothing of the machine's."""
        environment: dict[str, str] = super(LocalProcessSpawner, self).get_env()
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "JUPYTERHUB_SINGLEUSER_APP"):
            environment.pop(name, None)
        environment.update(self.base_environment)
        if self.starts.gives_out_gpus:
            # Without it, a program takes every GPU that it finds. It is a convention: the devices themselves are open to all.
            environment["CUDA_VISIBLE_DEVICES"] = ""
        environment.update(self.chosen_environment())
        environment.update(mlflow_client.new_token(self))
        kind = "project" if self._is_project else "personal"
        environment["JUPYTER_CONFIG_PATH"] = f"{SINGLEUSER / kind}:{SINGLEUSER}"
        if self._is_project:
            folder = self._state_folder.projects / self.user.name
            environment |= {
                "JUPYTERHUB_ROOT_DIR": str(folder / "files"),
                "LABYARD_PROJECT": self.user.name,
                "PYTHONNOUSERSITE": "1",  # also for the interpreter that starts the server
                "LABYARD_TOOL_DATA_DIR": str(folder / "tools"),
            }
        return environment

    async def start(self) -> tuple[str, int]:
        """Start the process.

        Raises
        ------
        SpawnException
            With a sentence for the person, if the account or the process cannot be made.
        """
        if not self.port:
            self.port: int = choose_port()
        self.told_ready = asyncio.Event()
        try:
            self.proc = await asyncio.to_thread(self._start_process, self.get_env(), [*self.cmd, *self.get_args()])
        except (LabyardError, OSError) as error:
            self.log.exception("could not start the server of %s", self.user.name)
            raise failure("process", f"The server could not be started: {error}. Ask an administrator to look at the hub's log.") from error
        self.pid = self.proc.pid
        await self._wait_ready(self.proc)
        return (self.ip or "127.0.0.1", self.port)

    async def _wait_ready(self, process: Popen[bytes] | ForkedProcess) -> None:
        """Wait until the server says that it answers, or at least listens, for at most `start_timeout`, which the hub watches.

        The hub itself would look ever more rarely, and take one that ended at once for one that is slow.
        """
        while not self.told_ready.is_set():
            status = process.poll()
            if status is not None:
                raise await self._ended(status)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.told_ready.wait(), LISTEN_CHECK_SECONDS)
            else:
                writer.close()
                return

    async def _ended(self, status: int) -> SpawnException:
        """Return why a start came to nothing."""
        memory = self._limits.memory_bytes
        if memory is not None and await asyncio.to_thread(self._control_group.ran_out_of_memory):
            what = f"the profile “{self.granted.title}” allows" if self.granted is not None else "it may have"
            return failure("out_of_memory", f"It needed more memory to start than {what}, which is {format_bytes(memory)}.")
        where = " The end of its log says why." if await asyncio.to_thread(self.log_tail) else ""
        return failure("ended", f"It ended with status {status} before it was ready.{where}")

    @property
    def _control_group(self) -> ControlGroup:
        return server_control_group(self._state_folder, self.user.name, self.name)

    def process_ids(self) -> set[int]:
        """Return the processes of the server: those of its control group, else what its first process has started."""
        return self._control_group.pids() or (process_tree(self.pid) if self.pid else set())

    def _start_process(self, environment: dict[str, str], argv: list[str]) -> Popen[bytes] | ForkedProcess:
        state = self._state_folder
        ensure = ensure_project_account if self._is_project else ensure_account
        account = ensure(self.user.name, state, isolated=self.isolated)
        if not self._is_project:
            ensure_home_link(account, state, isolated=self.isolated)
        runtime = make_runtime_folder(state, account, self.name)
        environment |= {
            "HOME": str(account.home),
            # What programs show and note as the author, such as MLflow, is the name that people know.
            "USER": self.user.name,
            "LOGNAME": self.user.name,
            "SHELL": "/bin/bash",
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "XDG_RUNTIME_DIR": str(runtime),
        }
        group = self._control_group
        missing = group.create(self._limits)
        if missing:
            self.log.info("the kernel lets us set no limits on: %s", ", ".join(sorted(set(missing))))
        with self._open_log() as log:
            return self._launch(argv, environment, self._become(account, group), log)

    def _launch(self, argv: list[str], environment: dict[str, str], become: Become, log: Any) -> Popen[bytes] | ForkedProcess:
        """Have the process forked, or start it in the ordinary way."""
        if self.warm_start and self.fork_server is not None and argv[0] == str(single_user_program()):
            order = {"module": MODULE, "argv": argv, "output": str(self.log_file), "become": asdict(become)}
            try:
                return self.fork_server.fork(environment, order, note=self._note)
            except NotForkableError as reason:
                self.log.warning("%s starts in the ordinary way: %s", self._log_name, reason)
        process = Popen(
            argv, env=environment, cwd="/", stdin=DEVNULL, stdout=log, stderr=STDOUT, start_new_session=True,
            preexec_fn=lambda: drop_privileges(become),  # noqa: PLW1509  # limits and the account must be set before exec; it takes no locks
        )  # fmt: skip
        self._note(process.pid)
        return process

    def _note(self, pid: int) -> None:
        """Record the process, so that it can be found and ended without the hub."""
        ProcessRecord.of(server_label(self.user.name, self.name), pid).write(self._record_file)

    def _become(self, account: Account, group: ControlGroup) -> Become:
        return Become(
            uid=account.uid, gid=account.gid, unix_name=account.unix_name, home=str(account.home),
            join=group.join_files(), processes=self.process_limit, isolated=self.isolated,
            umask=SHARED_UMASK if self._is_project else PRIVATE_UMASK,
        )  # fmt: skip

    def _open_log(self) -> Any:
        path = self.log_file
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    @property
    def _record_file(self) -> Path:
        return server_record_file(self._state_folder, self.user.name, self.name)

    async def poll(self) -> int | None:
        """Return None while the server runs, its exit status after; 0 where a former hub started it and nobody knows."""
        if self.proc is not None:
            status: int | None = self.proc.poll()
            if status is not None:
                self.clear_state()
            return status
        record = ProcessRecord.read(self._record_file)
        if self.pid and record is not None and record.pid == self.pid and record.process() is not None:
            return None
        self.clear_state()
        return 0

    async def retire(self) -> None:
        """Move the home of a person who is removed to the trash, and delete their Unix account."""
        await asyncio.to_thread(retire, self.user.name, self._state_folder)

    async def has_home(self) -> bool:
        """Return whether there is a home."""
        return bool((self._state_folder.homes / self.user.name).exists())

    async def stop(self, now: bool = False) -> None:
        """End the server and everything that it started: kernels, terminals, tools."""
        record = ProcessRecord.read(self._record_file)
        patience = 0.0 if now else float(self.term_timeout)
        if record is not None:
            await asyncio.to_thread(end_servers, self._state_folder, [record], patience_seconds=patience)
        await self.poll()  # reaps the child

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Tell the waiting page what happens."""
        yield {"progress": 10, "message": "looking for room"}
        while self.granted is None:  # noqa: ASYNC110  # JupyterHub offers no event for it
            await asyncio.sleep(0.1)
        yield {"progress": 20, "message": "preparing the home folder"}
        while not self.pid:  # noqa: ASYNC110  # JupyterHub offers no event for it
            await asyncio.sleep(0.1)
        yield {"progress": 50, "message": "starting JupyterLab"}
        while not any("is running at" in line for line in self.log_tail(60)):  # noqa: ASYNC110  # it is another process that writes
            await asyncio.sleep(0.3)
        yield {"progress": 85, "message": "JupyterLab answers, connecting it"}
