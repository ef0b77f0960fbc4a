"""What a process can ask of the kernel for itself, for which Python has no function."""

from __future__ import annotations

import ctypes

__all__ = ["allow_inspection", "forbid_new_privileges"]

# From <linux/prctl.h>.
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38


def forbid_new_privileges() -> None:
    """Let no program that this process or its children start give them more rights, whatever bits its file has.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    _set("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS)


def allow_inspection() -> None:
    """Let the process's own account look into it, also where it was another's before.

    Raises
    ------
    OSError
        If the kernel refuses.
    """
    _set("PR_SET_DUMPABLE", _PR_SET_DUMPABLE)


def _set(name: str, option: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({name}) failed")
