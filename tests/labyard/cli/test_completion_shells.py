"""The scripts of `labyard completion` in the shells that they are for, each on a terminal. Worth its seconds: they come from click, and each shell has a language of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from tests.platform import LABYARD

SHELLS = {"bash": ["--norc", "--noprofile", "-i"], "fish": ["--no-config", "-i"], "zsh": ["-f", "-i"]}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A shell that has read its script."""
    name: str = request.param
    program = shutil.which(name)
    assert program is not None, f"the test of completions needs {name}: sudo apt-get install {name}"
    environment = {
        "PATH": f"{Path(LABYARD).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
    }
    started = pexpect.spawn(program, SHELLS[name], env=environment, encoding="utf-8", dimensions=(50, 200), timeout=60, cwd=str(tmp_path))
    ready = {"bash": "", "fish": "", "zsh": "autoload -Uz compinit && compinit -u; "}[name]
    started.sendline(f"{ready}labyard completion {name} > script; source ./script; echo READ''Y")  # an echo of this line has the quotes
    started.expect("READY")
    yield started
    started.close(force=True)


def test_commands_options_and_files_are_completed(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "settings-of-mine.yaml").touch()
    for typed, completed in (
        ("labyard proje\t", "labyard project "),
        ("member a\t", "member add "),
        ("--js\t", "--json "),
    ):
        shell.send(typed)
        shell.expect(re.escape(completed))
    shell.sendline("\x15echo NEX''T")  # what was typed so far is taken back
    shell.expect("NEXT")
    shell.send("labyard config check --conf\t")
    shell.expect("check --config ")
    shell.send("settings-o\t")
    shell.expect("settings-of-mine.yaml")
