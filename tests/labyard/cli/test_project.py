"""`labyard project` against the real application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from labyard import Client
from labyard.cli import connection
from labyard.cli.root import cli
from labyard.exceptions import LabyardError
from labyard.models.project import Event, Link, Member, Project
from labyard.models.sharing import ModelShare, ProjectServer, ToolShare
from labyard.permissions import Role

Run = Callable[..., Result]


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command as somebody; check the exit status that it would have."""
    monkeypatch.setenv("LABYARD_URL", url)

    def run(*arguments: str, as_: str = "ada", status: int = 0, stdin: str = "") -> Result:
        result = CliRunner(env={"LABYARD_TOKEN": as_}).invoke(cli, ["project", *arguments], input=stdin, standalone_mode=False)
        error = result.exception
        found = error.exit_code if isinstance(error, LabyardError | click.ClickException) else int(error is not None)
        assert found == status, (arguments, result.output, error)
        return result

    yield run
    for name in ("ada", "bob"):
        with Client(url, name) as client:
            for project in list(client.projects.list(state="all")):
                if project.role is Role.OWNER:
                    client.projects.delete(project.name, confirm=project.name)


def read(result: Result) -> Any:
    return json.loads(result.stdout)


def test_the_life_of_a_project(run: Run) -> None:
    run("create", "vision", "--title", "Computer vision")
    run("rename", "vision", "Seeing", "--description", "Cats.")
    shown = Project.model_validate(read(run("show", "vision", "--json")))
    assert (shown.display_name, shown.description) == ("Seeing", "Cats.")
    assert "description  Cats." in run("show", "vision").stdout
    run("member", "add", "vision", "bob", "--role", "viewer")
    run("member", "set-role", "vision", "bob", "--role", "viewer")
    run("member", "set-role", "vision", "bob", "editor")
    members = [Member.model_validate(one) for one in read(run("member", "list", "vision", "--json"))]
    assert [(one.user, one.role.value) for one in members] == [("ada", "owner"), ("bob", "editor")]
    run("transfer", "vision", "bob")
    assert run("list").stdout.splitlines()[1].split()[:2] == ["vision", "editor"]
    run("archive", "vision", as_="bob")
    assert len(run("list").stdout.splitlines()) == 1
    assert "archived" in run("list", "--archived").stdout
    assert read(run("list", "--all", "--json"))[0]["state"] == "archived"
    run("restore", "vision", as_="bob")
    run("leave", "vision")
    assert "in no project" in str(run("show", "vision", status=5).exception)
    assert read(run("delete", "vision", "--yes", "vision", "--json", as_="bob")) == {"name": "vision", "deleted": True}


def test_links(run: Run, url: str) -> None:
    run("create", "vision")
    link = run("link", "create", "vision", "--role", "editor", "--lifetime", "2h", "--uses", "1").stdout.strip()
    assert link.startswith(f"{url}services/labyard/join/")
    assert Project.model_validate(read(run("join", link, "--json", as_="bob"))).role is Role.EDITOR
    made = Link.model_validate(read(run("link", "create", "vision", "--json")))
    assert made.id in run("link", "list", "vision").stdout
    assert run("join", made.url.rpartition("/")[2], as_="carol").stdout == ""
    run("link", "revoke", "vision", made.id)
    run("join", f"{url.rstrip('/')}{made.url}", as_="dan", status=5)
    assert "is of https://elsewhere.example/" in str(run("join", "https://elsewhere.example/services/labyard/join/x", status=2).exception)
    assert "--lifetime" in str(run("link", "create", "vision", "--lifetime", "soon", status=2).exception)
    assert "expires_in_seconds" in str(run("link", "create", "vision", "--lifetime", "1s", status=2).exception)


def test_events(run: Run) -> None:
    run("create", "vision")
    run("member", "add", "vision", "bob")
    events = [Event.model_validate(one) for one in read(run("events", "vision", "--json"))]
    assert [one.action for one in events] == ["member.added", "project.created"]
    assert run("events", "vision", "-n", "1").stdout.splitlines()[1].endswith(events[0].text)


def test_the_server(run: Run, url: str) -> None:
    run("create", "vision")
    assert run("server", "status", "vision").stdout.splitlines()[0].split() == ["state", "stopped"]
    address = run("server", "start", "vision", "--wait", "5").stdout.strip()
    assert address.startswith(f"{url}user/vision--p")
    assert ProjectServer.model_validate(read(run("server", "status", "vision", "--json"))).state.value == "running"
    assert read(run("server", "stop", "vision", "--json")) == {"project": "vision", "stopped": True}


def test_models_and_tools(run: Run, url: str) -> None:
    run("create", "vision")
    run("model", "share", "vision", "cats", status=2)
    uri = run("model", "share", "vision", "cats", "--with-user", "bob").stdout.strip()
    assert uri == "labyard:/vision/cats"
    shared = [ModelShare.model_validate(one) for one in read(run("model", "list", "--json", as_="bob"))]
    assert [(one.model, one.user) for one in shared] == [("cats", "bob")]
    assert "user bob" in run("model", "list", "vision").stdout
    run("model", "unshare", "vision", shared[0].id)
    run("model", "unshare", "vision", shared[0].id, status=5)
    with Client(url, "ada") as client:
        tool = client.projects.tools.share("vision", "tensorboard-1", title="Losses")
    assert ToolShare.model_validate(read(run("tool", "list", "vision", "--json"))[0]) == tool
    run("tool", "unshare", "vision", tool.id)
    assert run("tool", "list", "vision").stdout.splitlines() == ["ID  TITLE  OWNER  ADDRESS"]


def test_refusals_have_the_words_of_the_service_and_a_status(run: Run) -> None:
    run("create", "vision")
    run("member", "add", "vision", "bob", "--role", "viewer")
    assert "Your role is viewer" in str(run("archive", "vision", as_="bob", status=6).exception)
    assert "already" in str(run("create", "vision", as_="bob", status=7).exception)
    assert "last owner" in str(run("leave", "vision", status=7).exception)
    assert "cannot tell who you are" in str(run("list", as_="wrong", status=4).exception)
    run("list", as_="down", status=8)
    run("create", "Not A Name", status=2)
    run("show", "../x", status=2)
    run("member", "add", "vision", "carol", "--role", "boss", status=2)
    run("rename", "vision", status=2)


def test_deleting_asks_for_the_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("create", "vision")
    assert "--yes vision" in str(run("delete", "vision", status=2).exception)
    assert "nothing was deleted" in str(run("delete", "vision", "--yes", "visoin", status=2).exception)
    assert Project.model_validate(read(run("show", "vision", "--json")))
    # On a terminal.
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    assert "Type its name to delete it" in run("delete", "vision", stdin="visoin\n", status=2).stderr
    assert "deleted vision" in run("delete", "vision", stdin="vision\n").stderr


def test_nothing_is_said_where_nobody_reads(run: Run) -> None:
    made = run("create", "vision")
    assert (made.stdout, made.stderr) == ("", "")
    assert (run("member", "add", "vision", "bob").output, run("archive", "vision").output) == ("", "")


def test_a_shell_completes_names(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vision", "voice", "text"):
        run("create", name)
    monkeypatch.setenv("LABYARD_TOKEN", "ada")
    context, parameter = click.Context(cli), click.Argument(["project"])
    assert connection.complete_project(context, parameter, "v") == ["vision", "voice"]
    monkeypatch.setenv("LABYARD_URL", "http://127.0.0.1:1")
    assert connection.complete_project(context, parameter, "v") == []
