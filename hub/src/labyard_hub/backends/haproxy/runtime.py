"""Commands to a running HAProxy by its socket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, MAP_NAME

__all__ = ["MapChangedError", "RuntimeSocket"]

MOST_BYTES = 12_000
"""HAProxy takes as much at once as fits into one of its buffers, by default 16 KiB."""
PATIENCE_SECONDS = 10.0
MARK_KEY = "@mark"
"""No path's key has an @ in it. What stands here says who told this process its routes last: one that was started again does not know it."""


class MapChangedError(Exception):
    """The proxy's routes are not what they were believed to be: it was started again, or another hub told it others."""


class RuntimeSocket:
    """Tells HAProxy its routes; every method raises OSError where it does not run.

    Parameters
    ----------
    path
        The socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def replace_routes(self, entries: Mapping[str, str], mark: str) -> None:
        """Set all routes at once, key → address; until that moment the former ones hold."""
        answer = await self._ask(f"prepare map {MAP_NAME}")
        found = re.search(r"New version created: (\d+)", answer)
        if found is None:
            raise OSError(f"HAProxy at {self._path}: {answer.strip()}")
        version = found[1]
        for lines in _portions(f"{key} {address}\n" for key, address in {**entries, MARK_KEY: mark}.items()):
            self._expect_nothing(await self._ask(f"add map @{version} {MAP_NAME} <<\n{lines}"))
        self._expect_nothing(await self._ask(f"commit map @{version} {MAP_NAME}"))

    async def change_routes(self, added: Mapping[str, str], changed: Mapping[str, str], removed: Iterable[str], mark: str) -> None:
        """Change some routes of a process that was told all others under `mark`.

        Raises
        ------
        MapChangedError
            If it was told others. It has to be told all of them then.
        """
        commands = [f"set map {MAP_NAME} {key} {address};" for key, address in changed.items()]
        commands += [f"del map {MAP_NAME} {key};" for key in removed]
        portions = [portion.rstrip(";") for portion in _portions(commands)]
        # Commands take a tenth of a millisecond each, lines of one command nothing.
        portions += [f"add map {MAP_NAME} <<\n{lines}" for lines in _portions(f"{key} {address}\n" for key, address in added.items())]
        for portion in portions:
            answer = await self._ask(f"get map {MAP_NAME} {MARK_KEY};{portion}")
            first, _, rest = answer.partition("\n")
            if f'value="{mark}"' not in first or rest.strip():
                raise MapChangedError(answer.strip())

    async def has_mark(self, mark: str) -> bool:
        """Whether it is the process that was told all routes under `mark`."""
        return f'value="{mark}"' in await self._ask(f"get map {MAP_NAME} {MARK_KEY}")

    async def replace_certificate(self, pem: str) -> None:
        """Use another certificate with its key for new connections.

        Raises
        ------
        ValueError
            If HAProxy does not take it. The former one stays.
        """
        lines = "".join(f"{line}\n" for line in pem.splitlines() if line.strip())
        answer = await self._ask(f"set ssl cert {CERTIFICATE_NAME} <<\n{lines}")
        committed = await self._ask(f"commit ssl cert {CERTIFICATE_NAME}") if "ransaction" in answer else ""
        if "Success" not in committed:
            await self._ask(f"abort ssl cert {CERTIFICATE_NAME}")
            raise ValueError(f"{answer.strip()} {committed.strip()}".strip())

    def _expect_nothing(self, answer: str) -> None:
        if answer.strip():
            raise OSError(f"HAProxy at {self._path}: {answer.strip()}")

    async def _ask(self, command: str) -> str:
        """Send one line of commands, or one with the lines that belong to it, and return all that is answered."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(self._path)
            try:
                writer.write(f"{command}\n".encode())
                await writer.drain()
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()


def _portions(pieces: Iterable[str]) -> Iterable[str]:
    """Join `pieces` to texts that HAProxy takes at once."""
    text = ""
    for piece in pieces:
        if text and len(text) + len(piece) > MOST_BYTES:
            yield text
            text = ""
        text += piece
    if text:
        yield text
