"""Which kernels can be forked."""

from __future__ import annotations

import pytest

from labyard.fork_server.process import NotForkableError
from labyard_lab.kernels.fork_servers import interpreter_of

PYTHON = "/opt/python/bin/python"
KERNEL = ["-m", "ipykernel_launcher", "-f", "/run/kernel-1.json"]


@pytest.mark.parametrize("flags", [[], ["-Xfrozen_modules=off"], ["-X", "frozen_modules=off"]])
def test_plain_commands(flags: list[str]) -> None:
    assert interpreter_of([PYTHON, *flags, *KERNEL]) == (PYTHON, *flags)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["R", "--slave", "-e", "IRkernel::main()"],
        [PYTHON, "-m", "ipykernel", "-f", "/run/kernel-1.json"],
        [PYTHON, "-u", *KERNEL],
        [PYTHON, *KERNEL, "--debug"],
        [PYTHON, "-Xfrozen_modules=off", "-O", *KERNEL],
        ["/usr/bin/env", PYTHON, *KERNEL],
        ["python3", *KERNEL],
    ],
)
def test_other_commands_are_started_as_ever(command: list[str]) -> None:
    with pytest.raises(NotForkableError):
        interpreter_of(command)
