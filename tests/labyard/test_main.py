"""The command line's own part: commands of other distributions, errors, exit status."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from labyard.cli import root as module
from labyard.cli.main import main
from labyard.cli.root import HUB_COMMANDS, OWN_COMMANDS, MainGroup, MissingHubError, cli


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no other distribution were installed."""
    monkeypatch.setattr(module, "find_plug_ins", dict)


def test_the_commands_named_here_are_those_that_the_hub_brings() -> None:
    group = cli
    assert isinstance(group, MainGroup)
    assert tuple(group.list_commands(click.Context(group))) == tuple(sorted((*HUB_COMMANDS, *OWN_COMMANDS)))
    assert "pip install" not in CliRunner().invoke(cli, ["--help"]).output


@pytest.mark.parametrize("name", HUB_COMMANDS)
@pytest.mark.usefixtures("alone")
def test_a_command_that_is_not_installed_says_how_to_get_it(name: str) -> None:
    answer = CliRunner().invoke(cli, [name, "--port", "1", "more"])
    assert isinstance(answer.exception, MissingHubError)
    assert answer.exception.message == f"`{name}` needs labyard-hub: pip install 'labyard[all]'"
    assert answer.exception.exit_code == 2


@pytest.mark.usefixtures("alone")
def test_help_alone_names_what_is_missing() -> None:
    answer = CliRunner().invoke(cli, ["--help"])
    assert answer.exit_code == 0
    assert re.findall(r"^  ([a-z]+)  ", answer.output.partition("Commands:")[2], re.MULTILINE) == list(OWN_COMMANDS)
    assert "up, user come with labyard-hub" in " ".join(answer.output.split())


def test_the_exit_status_of_an_error(alone: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["labyard", "up"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr() == ("", "labyard: `up` needs labyard-hub: pip install 'labyard[all]'\n")


def test_help_is_light() -> None:
    program = "import sys; from labyard.cli.root import cli; cli(['project', '--help'], standalone_mode=False); assert not {'httpx', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


def test_only_the_called_command_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_plug_ins", lambda: {"broken": "labyard_no_such_module:command"})
    assert CliRunner().invoke(cli, ["--version"]).exit_code == 0
    assert isinstance(CliRunner().invoke(cli, ["broken"]).exception, ModuleNotFoundError)
