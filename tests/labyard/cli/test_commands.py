"""Commands are found, suggested and completed; a call imports no more than it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

from labyard.cli.plug_ins import COMMAND_GROUP, find_plug_ins
from labyard.cli.root import cli
from tests.platform import LABYARD


def test_plug_ins_are_those_that_python_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def known() -> dict[str, str]:
        return {point.name: f"{point.module}:{point.attr}" for point in entry_points(group=COMMAND_GROUP)}

    assert find_plug_ins() == known()
    for name, text in {
        "choir-1": "[console_scripts]\nchoir = choir:main\n\n[labyard.commands]\n# all of them\nsing = choir.sing:sing\nhum=choir.hum:hum [extra]\n\n[other]\nx = y:z\n",
        "band-1": "[labyard.commands]\nplay = band.cli:play\n",
    }.items():
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "entry_points.txt").write_text(text)
    (tmp_path / "odd-1.dist-info").write_text("no folder")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "nowhere")
    assert find_plug_ins() == known()
    assert {"sing": "choir.sing:sing", "hum": "choir.hum:hum", "play": "band.cli:play"}.items() <= find_plug_ins().items()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["projct", "list"], "There is no command 'projct'. Did you mean 'project'?"),
        (["statsu"], "There is no command 'statsu'. Did you mean 'status'?"),
        (["project", "membr", "list", "x"], "There is no command 'membr'. Did you mean 'member'?"),
        (["project", "member", "set-rol"], "There is no command 'set-rol'. Did you mean 'set-role'?"),
        (["user", "invit"], "There is no command 'invit'. Did you mean 'invite'?"),
        (["xyzzy"], "There is no command 'xyzzy'."),
    ],
)
def test_a_mistyped_command_gets_a_suggestion(words: list[str], said: str) -> None:
    answer = CliRunner().invoke(cli, words)
    assert answer.exit_code == 2
    assert answer.output.rstrip().endswith(said)


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    [
        ("labyard pro", 1, ["project"]), ("labyard project mem", 2, ["member"]), ("labyard project list --", 3, ["--archived", "--all", "--json", "--help"]),
        ("labyard up --tls-k", 2, ["--tls-key"]),
    ],
)  # fmt: skip
def test_a_shell_completes_by_it(words: str, number: int, expected: list[str]) -> None:
    environment = {"PATH": "/usr/bin:/bin", "_LABYARD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    done = subprocess.run([LABYARD], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert [line.partition(",")[2] for line in done.stdout.splitlines() if line] == expected


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["completion", "bash"], ["project", "member", "--help"], ["status", "--help"]]
)
def test_what_asks_no_platform_imports_no_client(words: list[str]) -> None:
    program = (
        f"import sys; sys.argv = {['labyard', *words]!r}\nfrom labyard.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        "    assert not {'httpx', 'pydantic', 'importlib.metadata', 'asyncio', 'psutil', 'jupyterhub'} & sys.modules.keys(), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL, timeout=60)


@pytest.mark.parametrize(
    ("words", "variables", "status", "message"),
    [
        (["status"], {"LABYARD_STATE_DIR": "/nonexistent"}, 3, "nothing runs on /nonexistent\n"),
        (["whoami"], {}, 4, "labyard: you are not signed in: `labyard login URL`, or set LABYARD_URL and LABYARD_TOKEN\n"),
        (["project", "list"], {"LABYARD_URL": "http://127.0.0.1:9", "LABYARD_TOKEN": "x"}, 8, "labyard: cannot reach http://127.0.0.1:9/"),
    ],
)
def test_a_read_that_fails_says_why(words: list[str], variables: dict[str, str], status: int, message: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": "/nonexistent", **variables}
    done = subprocess.run([LABYARD, *words], check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == status
    assert (done.stdout + done.stderr).startswith(message)
