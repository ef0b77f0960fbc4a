"""What two kernels must have in common to come from the same parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NotForkableError", "Recipe"]

KERNEL = ("-m", "ipykernel_launcher", "-f")
HARMLESS_FLAGS = (["-Xfrozen_modules=off"], ["-X", "frozen_modules=off"])
OWN_VARIABLES = frozenset({"JPY_SESSION_NAME", "JPY_PARENT_PID"})
"""Differ from kernel to kernel, and nothing reads them when it is imported, or they are the same in one server."""


class NotForkableError(Exception):
    """A kernel needs the ordinary start; the message, a clause, says why."""


@dataclass(frozen=True)
class Recipe:
    """An interpreter and all that it may have read when it started.

    The whole environment belongs to it: a package may look at any variable when it is imported.

    Attributes
    ----------
    interpreter
        The interpreter, by its path, and its flags.
    environment
        Variables, without those that each kernel has for itself.
    """

    interpreter: tuple[str, ...]
    environment: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, command: Sequence[str], environment: Mapping[str, str]) -> Recipe:
        """Return what a kernel's parent would have to be started with.

        Parameters
        ----------
        command
            ``[PYTHON, "-m", "ipykernel_launcher", "-f", FILE]``, with or without ``-Xfrozen_modules=off``.

        Raises
        ------
        NotForkableError
            If the command is another.
        """
        flags, kernel = list(command[1:-4]), tuple(command[-4:-1])
        if kernel != KERNEL or (flags and flags not in HARMLESS_FLAGS):
            raise NotForkableError("its command is not the plain one of ipykernel")
        if not Path(command[0]).is_absolute():
            raise NotForkableError(f"its command does not say where the interpreter {command[0]!r} is")
        return cls((command[0], *flags), frozenset(item for item in environment.items() if item[0] not in OWN_VARIABLES))
