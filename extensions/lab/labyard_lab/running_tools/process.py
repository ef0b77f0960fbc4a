"""One tool's process, held by a keeper (`labyard_lab.environment_programs.keeper`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ending", "ToolProcess"]

_KEEPER = Path(__file__).parent.parent / "environment_programs" / "keeper.py"
_KEEPER_MARGIN_SECONDS = 5  # what the keeper may need beyond its tool's grace period


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Attributes
    ----------
    code
        Exit code; None if a signal ended it or it never ran.
    signal
        Number of the signal that ended it; None if none did.
    error
        Why it could not be run; None if it ran.
    """

    code: int | None = None
    signal: int | None = None
    error: str | None = None

    def sentence(self) -> str:
        """Say it in a sentence."""
        if self.error is not None:
            return f"It could not be started: {self.error}."
        if self.signal is not None:
            try:
                name = signal.Signals(self.signal).name
            except ValueError:
                name = "unknown"
            hint = " Often that means that the memory was used up." if self.signal == signal.SIGKILL else ""
            return f"It was ended by signal {self.signal} ({name}).{hint}"
        return f"It ended with code {self.code}."


class ToolProcess:
    """A tool's process and everything that it has started.

    Parameters
    ----------
    log
        File that its output goes to.
    log_bytes
        Size that the log is kept below.
    grace_seconds
        How long it may take to end when asked to.
    """

    def __init__(self, log: Path, log_bytes: int, grace_seconds: float) -> None:
        self._log, self._log_bytes, self._grace = log, log_bytes, grace_seconds
        self._keeper: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[Ending] | None = None

    @property
    def keeper_pid(self) -> int | None:
        """Process id of the keeper, which everything else hangs below; None before the start."""
        return self._keeper.pid if self._keeper else None

    async def start(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Start it. That the program itself cannot be run is told by `wait`.

        Raises
        ------
        OSError
            If not even the keeper can be started.
        """
        self._keeper = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(_KEEPER), str(self._log), str(self._log_bytes), str(self._grace), *command,
            cwd=folder, env=dict(environment), start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(self._keeper))

    async def wait(self) -> Ending:
        """Wait until it has ended, with all that it had started, and return how."""
        if self._reader is None:
            return Ending(error="it was never started")
        return await asyncio.shield(self._reader)

    async def stop(self) -> Ending:
        """End it: politely first, by force after the grace period. Return how it ended."""
        if self._keeper is None or self._reader is None:
            return Ending(code=0)
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        try:
            return await asyncio.wait_for(asyncio.shield(self._reader), self._grace + _KEEPER_MARGIN_SECONDS)
        except TimeoutError:
            # The keeper itself hangs, for example in a write to a network disk that is gone.
            with contextlib.suppress(OSError):
                os.killpg(self._keeper.pid, signal.SIGKILL)
            return await asyncio.shield(self._reader)

    @staticmethod
    async def _read(keeper: asyncio.subprocess.Process) -> Ending:
        ending: Ending | None = None
        assert keeper.stdout is not None  # noqa: S101  it was asked for
        async for line in keeper.stdout:
            event = json.loads(line)
            if "pid" not in event:
                ending = Ending(**event)
        code = await keeper.wait()
        return ending or Ending(code=code if code >= 0 else None, signal=-code if code < 0 else None)
