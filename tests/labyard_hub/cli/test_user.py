"""`labyard user` on a state folder on which nothing runs."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pexpect  # type: ignore[import-untyped]
import pytest

from labyard_hub.config.state import StateFolder
from labyard_hub.storage.identity import IdentityStore
from tests.platform import LABYARD, labyard

PASSWORD = "correct horse battery"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


def user(root: Path, *arguments: str, stdin: str = "", check: bool = True) -> tuple[int, str, str]:
    done = labyard("user", *arguments, "--state-dir", str(root), stdin=stdin, check=check)
    return done.returncode, done.stdout, done.stderr


def store(root: Path) -> IdentityStore:
    return IdentityStore(StateFolder(root).identity_database)


def test_where_there_is_no_platform_it_is_said_and_nothing_is_made(root: Path) -> None:
    """On one's laptop, for example: `labyard user` works where the platform runs."""
    for arguments in (["list"], ["removed"], ["remove", "ada", "--yes"], ["reset", "ada"]):
        status, out, err = user(root, *arguments, check=False)
        assert (status, out) == (1, ""), arguments
        assert f"{root}: there is no Labyard in it. Start one with `labyard up`" in err
    assert not root.exists()


def test_a_user_is_added_listed_and_removed(root: Path) -> None:
    user(root, "add", "ada", "--admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    user(root, "add", "bob", "--password-stdin", stdin=PASSWORD)
    assert store(root).verify("ada", PASSWORD) is not None
    assert store(root).verify("bob", PASSWORD) is not None
    _, out, _ = user(root, "list")
    assert [line.split()[:2] for line in out.splitlines()] == [["NAME", "ROLE"], ["ada", "admin"], ["bob", "user"]]
    _, out, _ = user(root, "list", "--json")
    assert [(one["name"], one["admin"]) for one in json.loads(out)] == [("ada", True), ("bob", False)]
    assert "hash" not in out.replace("has_password", "")

    home = StateFolder(root).homes / "bob"
    home.mkdir()
    (home / "work.txt").write_text("kept")
    user(root, "remove", "bob", "--yes")
    assert [one.name for one in store(root).list_users()] == ["ada"]
    assert not home.exists()
    assert [path.read_text() for path in StateFolder(root).trash.rglob("work.txt")] == ["kept"]

    (StateFolder(root).trash / "vision--p0123456789-20261124T120000000000").mkdir()
    _, out, _ = user(root, "removed", "--json")
    [one] = json.loads(out)
    assert (one["name"], one["generation"], Path(one["home"]).parent) == ("bob", 0, StateFolder(root).trash)
    assert one["removed_at"] < one["ends_at"]
    _, out, _ = user(root, "removed")
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "bob"]


def test_a_removed_person_comes_back_by_one_command(root: Path) -> None:
    user(root, "add", "ada", "--admin", "--password-stdin", stdin=PASSWORD)
    for text in ("first", "second"):
        user(root, "add", "bob", "--password-stdin", stdin=PASSWORD)
        home = StateFolder(root).homes / "bob"
        home.mkdir()
        (home / "work.txt").write_text(text)
        user(root, "remove", "bob", "--yes")
    user(root, "invite", "bob")
    for arguments, sentence in (
        (["bob"], "Another person is called bob now"),
        (["carol"], "Nobody called carol was removed"),
        (["bob", "--generation", "7"], "Nobody called bob was removed"),
    ):
        status, _, err = user(root, "restore", *arguments, check=False)
        assert (status, sentence in err) == (2, True), err
    user(root, "revoke", "bob")
    _, _, err = user(root, "restore", "bob", "--generation", "0")
    assert "bob has their home, runs and models again. Let them sign in: labyard user invite bob" in err
    assert ((home / "work.txt").read_text(), StateFolder(root).generation("bob")) == ("first", 0)
    _, out, _ = user(root, "removed", "--json")
    assert [(one["name"], one["generation"]) for one in json.loads(out)] == [("bob", 1)]


def test_removing_asks_first(root: Path) -> None:
    user(root, "add", "ada", "--admin", "--password-stdin", stdin=PASSWORD)
    user(root, "add", "bob", "--password-stdin", stdin=PASSWORD)
    status, _, err = user(root, "remove", "bob", stdin="n\n", check=False)
    assert status == 1
    assert "nothing was changed" in err
    assert len(store(root).list_users()) == 2
    user(root, "remove", "bob", stdin="y\n")
    assert len(store(root).list_users()) == 1


def test_an_invitation_is_a_link_alone_on_standard_output(root: Path) -> None:
    _, out, err = user(root, "invite", "bob", "--admin", "--lifetime", "12h")
    assert len(out.splitlines()) == 1
    assert "not running" in err
    url = urlsplit(out.strip())
    assert (url.scheme, url.netloc, url.path) == ("http", "labyard.localhost:8000", "/hub/invite")
    (token,) = parse_qs(url.query)["token"]
    assert store(root).redeem_invitation(token, PASSWORD).admin


def test_the_set_up_link_is_made_again_while_nobody_administers(root: Path) -> None:
    _, first, _ = user(root, "setup-link")
    url = urlsplit(first.strip())
    assert url.path == "/hub/setup"
    (token,) = parse_qs(url.query)["token"]
    store(root).check_setup(token)


def test_the_link_follows_the_settings_where_nothing_runs(root: Path) -> None:
    StateFolder.open(root)
    (root / "config.yaml").write_text("listen:\n  public_url: https://labyard.example.org\nsign_in:\n  invitation_lifetime_seconds: 2h\n")
    _, out, _ = user(root, "invite", "bob", "--json")
    answer = json.loads(out)
    assert answer["url"].startswith("https://labyard.example.org/hub/invite?token=")
    assert answer["expires_in_seconds"] == 7200
    assert answer["running"] is False


def test_a_reset_and_a_revoked_link(root: Path) -> None:
    user(root, "add", "ada", "--admin", "--password-stdin", stdin=PASSWORD)
    user(root, "reset", "ada")
    _, out, _ = user(root, "list", "--invitations", "--json")
    assert [(one["name"], one["kind"]) for one in json.loads(out)] == [("ada", "reset")]
    assert "token" not in out
    user(root, "revoke", "ada")
    assert store(root).list_invitations() == []


@pytest.mark.parametrize("name", ["", "x" * 300, "../x", "\u0430da", "Ada", "root", "a b", "--", "bo\u212a"])
@pytest.mark.parametrize("command", ["add", "invite", "remove"])
def test_names_that_nobody_may_have(root: Path, command: str, name: str) -> None:
    options = {"add": ["--password-stdin"], "invite": [], "remove": ["--yes"]}[command]
    done = labyard("user", command, *options, "--state-dir", str(root), "--", name, stdin=PASSWORD, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(("labyard: a user name", "labyard: the name")), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not root.exists() or store(root).list_users() == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("add", "ada"), "", "--password-stdin"),
        (("add", "ada", "--password-stdin"), "short\n", "at least 10 characters"),
        (("add", "ada", "--password-stdin"), "", "at least 10 characters"),
        (("add", "bob", "--password-stdin"), PASSWORD, "there is a user 'bob'"),
        (("invite", "bob"), "", "there is a user 'bob'"),
        (("invite", "ada", "--lifetime", "soon"), "", "--lifetime"),
        (("invite", "ada", "--lifetime", "1s"), "", "--lifetime"),
        (("invite", "ada", "--lifetime", "400d"), "", "--lifetime"),
        (("reset", "ada"), "", "there is no user 'ada'"),
        (("remove", "ada", "--yes"), "", "there is no user 'ada'"),
        (("remove", "bob", "--yes"), "", "only administrator"),
        (("revoke", "ada"), "", "no open invitation"),
        (("setup-link",), "", "administrator"),
        (("restore", "ada"), "", "Nobody called ada was removed"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(root: Path, arguments: tuple[str, ...], stdin: str, words: str) -> None:
    user(root, "add", "bob", "--admin", "--password-stdin", stdin=PASSWORD)
    status, out, err = user(root, *arguments, stdin=stdin, check=False)
    assert status == 2
    assert out == ""
    assert err.startswith("labyard: ")
    assert len(err.splitlines()) == 1
    assert words in err
    assert [one.name for one in store(root).list_users()] == ["bob"]
    assert store(root).list_invitations() == []


def test_a_broken_database_is_told_in_words(root: Path) -> None:
    StateFolder.open(root).identity_database.write_text("not a database" * 100)
    status, _, err = user(root, "list", check=False)
    assert status == 1
    assert err.startswith("labyard: cannot use the database of users")
    assert "Traceback" not in err


def test_the_database_is_the_owners_alone(root: Path) -> None:
    user(root, "add", "ada", "--password-stdin", stdin=PASSWORD)
    assert stat.S_IMODE(StateFolder(root).identity_database.stat().st_mode) == 0o600


def test_with_an_identity_provider_the_rest_is_said_there(root: Path) -> None:
    StateFolder.open(root)
    login = {"provider": "github", "client_id": "x", "allowed_organizations": ["acme"], "admin_users": ["ada"]}
    (root / "config.yaml").write_text(json.dumps({"login": login}))  # the client's secret is not needed for this
    for command in (["invite", "bob"], ["reset", "bob"], ["add", "bob", "--password-stdin"]):
        status, _, err = user(root, *command, stdin=PASSWORD, check=False)
        assert status == 2
        assert "people come from GitHub here (`login.provider: github`)" in err
    for command in (["list"], ["remove", "bob", "--yes"]):
        status, _, err = user(root, *command, check=False)
        assert status == 2
        assert "is known to the running hub alone: start Labyard with `labyard up`" in err


def test_a_terminal_is_asked_for_the_password_twice(root: Path) -> None:
    terminal = pexpect.spawn(LABYARD, ["user", "add", "grace", "--state-dir", str(root)], timeout=60, encoding="utf-8")
    terminal.expect("Password:")
    terminal.sendline("correct horse battery")
    terminal.expect("Repeat")
    terminal.sendline("another horse battery")
    terminal.expect("do not match")
    for prompt in ("Password:", "Repeat"):
        terminal.expect(prompt)
        terminal.sendline("correct horse battery")
    terminal.expect("added grace")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
