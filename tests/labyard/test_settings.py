"""Which platform is meant, and the file of stored logins."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labyard.exceptions import NotSignedInError, SettingsError, UsageError
from labyard.settings import Login, Logins, find_connection, is_loopback, normal_url

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def login(url: str = "https://one.example/", token: str = "t-one", **more: datetime) -> Login:
    return Login(url, "ada", token, NOW, more.get("expires_at"))


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    return Logins(tmp_path / "config" / "labyard")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://one.example", "https://one.example/"),
        (" HTTPS://One.Example:443/ ", "https://one.example/"),
        ("http://127.0.0.1:8000/hub/home", "http://127.0.0.1:8000/"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("https://one.example/jupyter/hub/spawn?x=1#y", "https://one.example/jupyter/"),
        ("https://one.example/user/ada/lab", "https://one.example/"),
        ("https://one.example/jupyter/hub", "https://one.example/jupyter/"),
    ],
)
def test_addresses_have_one_form(text: str, url: str) -> None:
    assert normal_url(text) == url
    assert normal_url(url) == url


@pytest.mark.parametrize(
    "text", ["", "one.example", "one.example:8000", "ftp://one.example", "https://", "http://a:99999", "https://a\x1bb", "http://[::1"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        normal_url(text)


def test_an_address_with_a_password_in_it_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        normal_url("https://ada:hunter2@one.example/")
    assert "hunter2" not in str(caught.value)


def test_this_machine() -> None:
    assert is_loopback("http://127.0.0.1:8000/")
    assert is_loopback("http://localhost/")
    assert not is_loopback("https://127.0.0.1.example/")


def test_logins_are_kept_for_their_owner_only(logins: Logins) -> None:
    logins.put(login(expires_at=NOW + timedelta(days=14)))
    assert stat.S_IMODE(logins.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(logins.file.parent.stat().st_mode) == 0o700
    assert [found.name for found in logins.file.parent.iterdir()] == ["logins.json"]
    assert logins.get() == login(expires_at=NOW + timedelta(days=14))
    assert "t-one" not in repr(logins.get())


def test_a_folder_that_was_open_is_closed(logins: Logins) -> None:
    logins.file.parent.mkdir(parents=True, mode=0o755)
    logins.put(login())
    assert stat.S_IMODE(logins.file.parent.stat().st_mode) == 0o700


def test_a_file_that_others_can_read_is_not_used(logins: Logins) -> None:
    logins.put(login())
    logins.file.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        logins.get()


def test_several_platforms_and_one_of_them_current(logins: Logins) -> None:
    assert logins.get() is None
    logins.put(login())
    logins.put(login("https://two.example/", "t-two"))
    assert [found.url for found in logins.all()] == ["https://one.example/", "https://two.example/"]
    assert logins.get() == login("https://two.example/", "t-two")
    logins.use("https://one.example/")
    assert logins.get() == login()
    with pytest.raises(NotSignedInError, match=r"labyard login https://three\.example/"):
        logins.use("https://three.example/")
    logins.put(login("https://three.example/"))
    logins.remove("https://three.example/")
    assert logins.get() is None
    with pytest.raises(NotSignedInError, match=r"which platform.*https://one.example/, https://two.example/"):
        find_connection(environment={}, logins=logins)
    logins.remove("https://one.example/")
    logins.put(login())
    logins.remove("https://one.example/")
    assert logins.get() == login("https://two.example/", "t-two")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"current": null, "logins": [{"token": "t-one"}]}',
        '{"current": null, "logins": [{"url": "u", "user": "", "token": "t-one", "stored_at": "x", "expires_at": null}]}',
    ],
)
def test_a_file_of_another_form_is_named_and_not_quoted(logins: Logins, text: str) -> None:
    logins.file.parent.mkdir(parents=True)
    logins.file.write_text(text)
    logins.file.chmod(0o600)
    with pytest.raises(SettingsError, match=r"logins\.json") as caught:
        logins.get()
    assert "t-one" not in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"logins in .*Not a directory"):
        Logins(tmp_path / "file" / "labyard").put(login())


def test_arguments_go_before_the_environment_and_that_before_logins(logins: Logins) -> None:
    environment = {"LABYARD_URL": "https://two.example", "LABYARD_TOKEN": "t-two\n"}
    with pytest.raises(NotSignedInError, match="labyard login URL"):
        find_connection(environment={}, logins=logins)
    logins.put(login())

    def find(url: str | None = None, token: str | None = None, **environment: str) -> tuple[str, str, str]:
        found = find_connection(url, token, environment=environment, logins=logins)
        assert found.token not in repr(found)
        return found.url, found.token, found.source

    assert find() == ("https://one.example/", "t-one", "login")
    assert find(**environment) == ("https://two.example/", "t-two", "LABYARD_TOKEN")
    assert find(token="t-three", **environment) == ("https://two.example/", "t-three", "argument")
    assert find("https://three.example", **environment) == ("https://three.example/", "t-two", "LABYARD_TOKEN")
    assert find(LABYARD_TOKEN="t-two") == ("https://one.example/", "t-two", "LABYARD_TOKEN")
    assert find(LABYARD_URL="https://one.example") == ("https://one.example/", "t-one", "login")
    # A stored token never goes to another address.
    with pytest.raises(NotSignedInError, match=r"not signed in at https://two\.example/"):
        find(LABYARD_URL="https://two.example")
