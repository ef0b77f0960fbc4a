"""Which kernels may come from the same parent."""

from __future__ import annotations

import pytest

from labyard_lab.kernels.recipe import NotForkableError, Recipe

PYTHON = "/opt/python/bin/python"
KERNEL = ["-m", "ipykernel_launcher", "-f", "/run/kernel-1.json"]


def test_only_what_each_kernel_has_for_itself_may_differ() -> None:
    one = Recipe.of([PYTHON, *KERNEL], {"PATH": "/bin", "JPY_SESSION_NAME": "a.ipynb", "JPY_PARENT_PID": "7"})
    assert one == Recipe.of([PYTHON, *KERNEL[:-1], "/run/kernel-2.json"], {"PATH": "/bin", "JPY_SESSION_NAME": "b.ipynb"})
    assert one != Recipe.of([PYTHON, *KERNEL], {"PATH": "/usr/bin"})
    assert one != Recipe.of([PYTHON, *KERNEL], {"PATH": "/bin", "OMP_NUM_THREADS": "1"})
    assert one != Recipe.of(["/other/python", *KERNEL], {"PATH": "/bin"})
    assert one != Recipe.of([PYTHON, "-Xfrozen_modules=off", *KERNEL], {"PATH": "/bin"})


@pytest.mark.parametrize("flags", [[], ["-Xfrozen_modules=off"], ["-X", "frozen_modules=off"]])
def test_plain_commands(flags: list[str]) -> None:
    assert Recipe.of([PYTHON, *flags, *KERNEL], {}).interpreter == (PYTHON, *flags)


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
        Recipe.of(command, {})
