"""What the command line answers without click is what click would answer, and costs next to nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete, get_completion_class

from labyard.cli import plug_ins, quick, root
from labyard.cli.complete import complete
from labyard.cli.plug_ins import COMMAND_GROUP, find_plug_ins
from labyard.cli.quick import COMPLETE_VARIABLE, SHELLS, answer
from labyard.cli.root import cli
from tests.platform import LABYARD

Install = Callable[[dict[str, str]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """As if these commands were what other distributions bring."""

    def install(commands: dict[str, str]) -> None:
        for module in (quick, root):
            monkeypatch.setattr(module, "find_plug_ins", lambda: commands)

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv(COMPLETE_VARIABLE, raising=False)
    return install


@pytest.fixture(params=["alone", "with the hub"])
def installed(request: pytest.FixtureRequest, install: Install) -> None:
    """Each installation that has texts of its own."""
    found = find_plug_ins()
    assert found
    install(found if request.param == "with the hub" else {})


def by_click(*words: str) -> str:
    # click's own CliRunner would write for a terminal of another width.
    with redirect_stdout(StringIO()) as written:
        cli(words, prog_name="labyard", standalone_mode=False)
    return written.getvalue()


@pytest.mark.usefixtures("installed")
def test_help_and_version_are_clicks_to_the_byte() -> None:
    assert answer(["--help"]) == answer(["-h"]) == by_click("--help")
    assert answer(["--version"]) == by_click("--version")


def test_without_the_hub_its_commands_are_not_listed(install: Install) -> None:
    install({})
    assert "\n  up  " not in str(answer(["--help"]))
    assert "pip install 'labyard[all]'" in " ".join(str(answer(["--help"])).split())


@pytest.mark.parametrize(
    "words", [[], ["project"], ["--help", "up"], ["up", "--help"], ["--verison"], ["completion", "csh"], ["completion"]]
)
def test_everything_else_is_for_click(install: Install, words: list[str]) -> None:
    install({})
    assert answer(words) is None


def test_a_narrow_terminal_gets_its_help_from_click(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install({})
    for columns in ("79", "40"):
        monkeypatch.setenv("COLUMNS", columns)
        assert answer(["--help"]) is None
    for columns in ("81", "200", "none", "-3"):
        monkeypatch.setenv("COLUMNS", columns)
        assert answer(["--help"]) == by_click("--help")


def test_commands_of_a_third_distribution_are_found_by_click(install: Install) -> None:
    found = find_plug_ins()
    assert found
    install({**found, "sing": "labyard_choir.cli.sing:sing"})
    assert answer(["--help"]) is None
    install({"up": "labyard_hub.cli.up:other"})  # another version of the hub than the texts are of
    assert answer(["--help"]) is None


CASES = [
    ("labyard ", 1), ("labyard pro", 1), ("labyard x", 1), ("labyard -", 1), ("labyard --ver", 1), ("labyard project ", 2), ("labyard project m", 2),
    ("labyard project member ", 3), ("labyard project member add --", 4), ("labyard project list --", 3), ("labyard project list --all --", 4),
    ("labyard project list --all ", 4), ("labyard project list --all --archived --json --", 6), ("labyard login http://x --", 3), ("labyard use ", 2),
    ("labyard login --name", 2), ("labyard login --name me --", 4), ("labyard whoami ", 2), ("labyard whoami -h", 2), ("labyard completion -", 2),
    ("labyard project nothing ", 3), ("labyard nothing ", 2), ("labyard up --p", 2), ("labyard up --port 1 --p", 4), ("labyard status --state-dir ", 3),
    ("labyard status -- --", 3), ("labyard -h ", 2), ("labyard project create --title 'a b' --", 5), ("labyard login --name=me --", 3),
    ("labyard config ", 2), ("labyard config show --config x --state-dir y --", 7),
]  # fmt: skip


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("words", "number"), CASES)
def test_a_completion_is_clicks_to_the_byte(shell: str, words: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    split = words.split()
    current = split[number] if len(split) > number else ""
    environment = {COMPLETE_VARIABLE: f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": current if shell == "fish" else str(number)}
    ours = complete(environment)
    if ours is None:
        # Only these may be slow: what needs a parser, what is no command here, and values.
        assert split[1] in root.HUB_COMMANDS or any(sign in words for sign in ("'", "=", " -- ", "nothing", "--state-dir ", " -h ")), words
        return
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = get_completion_class(shell)
    assert made is not None
    assert ours == made(cli, {}, "labyard", COMPLETE_VARIABLE).complete() + "\n"


def test_values_are_for_click(install: Install) -> None:
    install({})
    for words, number in (("labyard project show v", 3), ("labyard completion ", 2), ("labyard project member add vision bob --role ", 7)):
        assert complete({COMPLETE_VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}) is None


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell(shell: str) -> None:
    made = get_completion_class(shell)
    assert made is not None
    assert (
        answer(["completion", shell]) == by_click("completion", shell) == ShellComplete.source(made(cli, {}, "labyard", COMPLETE_VARIABLE))
    )


def test_bash_completes_with_it() -> None:
    script = f"""
        PATH={Path(LABYARD).parent}:$PATH
        eval "$(labyard completion bash)"
        COMP_WORDS=(labyard project mem) COMP_CWORD=2
        _labyard_completion labyard
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "member\n", done.stderr


@pytest.mark.parametrize("call", [("--version",), ("--help",), ("completion", "bash"), "project mem"])
def test_nothing_is_imported_that_python_has_not_imported_by_itself(call: tuple[str, ...] | str) -> None:
    words = () if isinstance(call, str) else call
    environment = {} if words else {COMPLETE_VARIABLE: "bash_complete", "COMP_WORDS": f"labyard {call}", "COMP_CWORD": "2"}
    program = (
        "import sys, os; before = set(sys.modules)\n"
        f"sys.argv = {['labyard', *words]!r}; os.environ.update({environment!r}); os.environ['COLUMNS'] = '80'\n"
        "from labyard.cli.main import main; main()\n"
        "sys.stderr.write(' '.join(name for name in set(sys.modules) - before if not name.startswith('labyard')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout
    assert done.stderr == ""


def distribution(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "entry_points.txt").write_text(text)


def test_plug_ins_are_those_that_python_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def known() -> dict[str, str]:
        return {point.name: point.value for point in entry_points(group=COMMAND_GROUP)}

    assert find_plug_ins() == known()
    distribution(
        tmp_path,
        "choir-1.dist-info",
        "[console_scripts]\nchoir = choir:main\n\n[labyard.commands]\n# all of them\nsing = choir.sing:sing\nhum=choir.hum:hum\n\n[other]\nx = y:z\n",
    )
    distribution(tmp_path, "band-1.egg-info", "[labyard.commands]\nplay = band.cli:play\n")
    (tmp_path / "odd-1.dist-info").write_text("no folder")
    monkeypatch.syspath_prepend(tmp_path)
    found = find_plug_ins()
    assert found is not None
    assert found == known()
    assert {name: found[name] for name in ("sing", "hum", "play")} == {
        "sing": "choir.sing:sing",
        "hum": "choir.hum:hum",
        "play": "band.cli:play",
    }


def test_what_only_python_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive.zip").write_bytes(b"")
    monkeypatch.setattr(plug_ins.sys, "path", [str(tmp_path / "archive.zip")])
    assert find_plug_ins() is None
    distribution(tmp_path / "site", "odd-1.dist-info", "[labyard.commands]\nodd = odd:cli [extra]\n")
    monkeypatch.setattr(plug_ins.sys, "path", [str(tmp_path / "site")])
    assert find_plug_ins() is None


HUB_STATUS = {"status": "labyard_hub.cli.status:status"}


@pytest.mark.parametrize(
    "words", [["whoami"], ["whoami", "--json"], ["project", "list"], ["project", "list", "--json"], ["status"], ["status", "--json"]]
)
def test_everyday_reads_need_no_click(install: Install, words: list[str]) -> None:
    install(HUB_STATUS)
    assert quick.find_read(words) is not None
    program = (
        f"import sys; sys.argv = {['labyard', *words]!r}\nfrom labyard.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (3, 4), end.code\n"
        "assert not {'click', 'psutil', 'ssl', 'http.client', 'httpx', 'pydantic'} & sys.modules.keys(), sorted(sys.modules)"
    )
    nobody = {"PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": "/nonexistent", "LABYARD_STATE_DIR": "/nonexistent"}
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60, env=nobody)


@pytest.mark.parametrize(
    "words",
    [[], ["--json"], ["whoami", "--all"], ["whoami", "--json", "--json"], ["--json", "whoami"], ["project"], ["project", "list", "--all"], ["status", "--help"],
     ["status", "--state-dir", "/x"]],
)  # fmt: skip
def test_what_has_other_arguments_is_for_click(install: Install, words: list[str]) -> None:
    install(HUB_STATUS)
    assert quick.find_read(words) is None


def test_a_status_of_another_distribution_is_its_own(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    for found in ({}, {"status": "other.cli:status"}):
        install(found)
        assert quick.find_read(["status"]) is None
        assert quick.find_read(["whoami"]) is not None
    monkeypatch.setenv(COMPLETE_VARIABLE, "bash_complete")
    assert quick.find_read(["whoami"]) is None


@pytest.mark.parametrize(
    ("words", "variables", "status", "message"),
    [
        (["status"], {"LABYARD_STATE_DIR": "/nonexistent"}, 3, "nothing runs on /nonexistent\n"),
        (["whoami"], {}, 4, "labyard: you are not signed in: `labyard login URL`, or set LABYARD_URL and LABYARD_TOKEN\n"),
        (["project", "list"], {"LABYARD_URL": "http://127.0.0.1:9", "LABYARD_TOKEN": "x"}, 8, "labyard: cannot reach http://127.0.0.1:9/"),
    ],
)
def test_reads_fail_as_they_do_with_click(words: list[str], variables: dict[str, str], status: int, message: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": "/nonexistent", **variables}
    quickly = subprocess.run([LABYARD, *words], check=False, capture_output=True, text=True, timeout=60, env=environment)
    by_click = [sys.executable, "-c", f"import sys; sys.argv = {['labyard', *words]!r}\nfrom labyard.cli.root import run\nrun()"]
    slowly = subprocess.run(by_click, check=False, capture_output=True, text=True, timeout=60, env=environment)
    assert (quickly.returncode, quickly.stdout, quickly.stderr) == (slowly.returncode, slowly.stdout, slowly.stderr)
    assert quickly.returncode == status
    assert (quickly.stdout + quickly.stderr).startswith(message)
