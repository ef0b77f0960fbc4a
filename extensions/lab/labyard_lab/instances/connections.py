"""Which connections are open, from the kernel's own lists. Linux only."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from labyard_lab.instances.readiness import Address

__all__ = ["has_connections", "open_connections"]

_CONNECTED, _ESTABLISHED = "03", "01"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def open_connections(pid: int) -> frozenset[int]:
    """Return the inodes of the connected Unix sockets of a process of our own; none if it is gone."""
    held: set[int] = set()
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if match := _SOCKET.fullmatch(str(entry.readlink())):
                    held.add(int(match[1]))
    return frozenset(inode for inode, _ in _unix_sockets() if inode in held) if held else frozenset()


def has_connections(address: Address) -> bool:
    """Return whether anybody is connected to what listens there."""
    if address.path is not None:
        return any(name == str(address.path) for _, name in _unix_sockets())
    # sl local_address rem_address st
    wanted = f":{address.port:04X}"
    fields = (line.split(None, 4) for line in _lines("/proc/net/tcp"))
    return any(one[1].endswith(wanted) and one[3] == _ESTABLISHED for one in fields if len(one) > 3)


def _unix_sockets() -> list[tuple[int, str]]:
    """Return inode and path of each connected one, on either side."""
    # Num RefCount Protocol Flags Type St Inode Path
    fields = (line.split(None, 7) for line in _lines("/proc/net/unix"))
    return [(int(one[6]), one[7] if len(one) > 7 else "") for one in fields if len(one) > 6 and one[5] == _CONNECTED]


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(errors="surrogateescape").splitlines()[1:]
    except OSError:
        return []
