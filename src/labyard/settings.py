"""Which platform is meant, and with which token: arguments, the environment, the stored logins."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from labyard.exceptions import NotSignedInError, SettingsError, UsageError

__all__ = ["TOKEN_VARIABLE", "URL_VARIABLE", "Connection", "Login", "Logins", "find_connection", "is_loopback", "normal_url"]

URL_VARIABLE, TOKEN_VARIABLE = "LABYARD_URL", "LABYARD_TOKEN"
FORMAT = 1


@dataclass(frozen=True)
class Login:
    """One stored login.

    Attributes
    ----------
    url
        The platform's address, with a trailing slash.
    user
        Whom the token belongs to.
    expires_at
        When the token ends; None: not known here, as for one that was made on the hub's page.
    """

    url: str
    user: str
    token: str = field(repr=False)
    stored_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Connection:
    """A platform's address and the token to send.

    Attributes
    ----------
    source
        Where the token is from, for a message: `argument`, `LABYARD_TOKEN` or `login`.
    """

    url: str
    token: str = field(repr=False)
    source: str


def normal_url(text: str) -> str:
    """Return a platform's address in one form: scheme, host, port where it is not the usual one, path with a slash at its end.

    Raises
    ------
    UsageError
        If it is no address of a platform.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not text.isprintable():
        raise UsageError(f"{text!r} is no address of a platform. Write it as in the browser, such as https://labyard.example.org/")
    if parts.username or parts.password:
        raise UsageError("an address with a password in it would be kept in histories and logs. Leave out what is before the @")
    name = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    # People copy what their browser shows, which is a page below the platform's address.
    path = parts.path.partition("/hub/")[0].partition("/services/")[0].partition("/user/")[0].removesuffix("/hub").rstrip("/")
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, usual) else "") + f"{path}/"


def is_loopback(url: str) -> bool:
    """Whether `url` is on this very machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


class Logins:
    """The file of stored logins: readable by its owner only, replaced at once, so that a reader sees the old or the new.

    Parameters
    ----------
    folder
        None: ``labyard`` in the user's folder of settings, such as ``~/.config/labyard``.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None:
            import platformdirs  # noqa: PLC0415  # for a command whose address and token are given it would be the largest part

            folder = Path(platformdirs.user_config_dir("labyard"))
        self._folder = folder

    @property
    def file(self) -> Path:
        """Where they are."""
        return self._folder / "logins.json"

    def all(self) -> list[Login]:
        """Return all, by address.

        Raises
        ------
        SettingsError
            If the file cannot be read, or others can read it.
        """
        return [login for _, login in sorted(self._read()[1].items())]

    def get(self, url: str | None = None) -> Login | None:
        """Return the login for the normal address `url`, or the current one; None if there is none."""
        current, logins = self._read()
        return logins.get(url or current or "")

    def put(self, login: Login) -> None:
        """Store a login, in the place of an earlier one for its address, and make it the current one."""
        _, logins = self._read()
        logins[login.url] = login
        self._write(login.url, logins)

    def use(self, url: str) -> Login:
        """Make the login for `url` the current one.

        Raises
        ------
        NotSignedInError
            If there is none.
        """
        _, logins = self._read()
        if url not in logins:
            raise NotSignedInError(f"you are not signed in at {url}: `labyard login {url}`")
        self._write(url, logins)
        return logins[url]

    def remove(self, url: str) -> None:
        """Forget the login for `url`. With the current one gone, the last one left is current, if just one is left."""
        current, logins = self._read()
        logins.pop(url, None)
        if current == url:
            current = next(iter(logins)) if len(logins) == 1 else None
        self._write(current, logins)

    def _read(self) -> tuple[str | None, dict[str, Login]]:
        try:
            descriptor = os.open(self.file, os.O_RDONLY)
            with os.fdopen(descriptor) as opened:
                if os.name == "posix" and stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
                    raise SettingsError(
                        f"{self.file} holds tokens, and others on this machine can read it. `chmod 600 {self.file}`, "
                        "and if somebody else uses this machine, `labyard logout` and sign in again"
                    )
                record = json.load(opened)
            found = [_login(entry) for entry in record["logins"]]
            current = record["current"]
        except FileNotFoundError:
            return None, {}
        except OSError as error:
            raise SettingsError(f"cannot read the stored logins in {self.file}: {error.strerror}. Mend that") from error
        except (ValueError, KeyError, TypeError) as error:
            # The reason is not shown: it may quote the file.
            raise SettingsError(f"{self.file} is not as Labyard writes it. Move it away and sign in again") from error
        return current, {login.url: login for login in found}

    def _write(self, current: str | None, logins: Mapping[str, Login]) -> None:
        record = {"format": FORMAT, "current": current, "logins": [_entry(login) for _, login in sorted(logins.items())]}
        draft = self._folder / f".logins.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "w") as opened:
                    json.dump(record, opened, indent=2)
                    opened.flush()
                    os.fsync(descriptor)
                draft.replace(self.file)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise SettingsError(
                f"cannot store the login in {self.file}: {error.strerror}. Mend that, or set {URL_VARIABLE} and {TOKEN_VARIABLE}"
            ) from error


def _entry(login: Login) -> dict[str, str | None]:
    expires_at = login.expires_at.isoformat() if login.expires_at is not None else None
    return {**asdict(login), "stored_at": login.stored_at.isoformat(), "expires_at": expires_at}


def _login(entry: Mapping[str, str | None]) -> Login:
    url, user, token, stored_at, expires_at = (entry[key] for key in ("url", "user", "token", "stored_at", "expires_at"))
    if not (url and user and token and stored_at):
        raise ValueError("something is missing")
    return Login(url, user, token, _instant(stored_at), _instant(expires_at) if expires_at else None)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def find_connection(
    url: str | None = None, token: str | None = None, *, environment: Mapping[str, str] | None = None, logins: Logins | None = None
) -> Connection:
    """Return which platform is meant: arguments go before the environment, and that before the stored logins.

    A stored token is sent only to the address that it was stored for.

    Parameters
    ----------
    environment
        None: this process's.
    logins
        None: the user's.

    Raises
    ------
    NotSignedInError
        If no address or no token is known.
    UsageError
        If the address is none.
    SettingsError
        If the stored logins cannot be read.
    """
    environment = os.environ if environment is None else environment
    named = url or environment.get(URL_VARIABLE) or None
    address = normal_url(named) if named else None
    given = token or environment.get(TOKEN_VARIABLE, "").strip() or None
    if given is not None and address is not None:
        return Connection(address, given, "argument" if token else TOKEN_VARIABLE)
    logins = logins or Logins()
    stored = logins.get(address)
    if stored is None:
        if address is not None:
            raise NotSignedInError(f"you are not signed in at {address}: `labyard login {address}`, or set {TOKEN_VARIABLE}")
        several = ", ".join(login.url for login in logins.all())
        if several:
            raise NotSignedInError(f"say which platform is meant: `labyard use URL`, or set {URL_VARIABLE}. You are signed in at {several}")
        raise NotSignedInError(f"you are not signed in: `labyard login URL`, or set {URL_VARIABLE} and {TOKEN_VARIABLE}")
    if given is not None:
        return Connection(stored.url, given, "argument" if token else TOKEN_VARIABLE)
    return Connection(stored.url, stored.token, "login")
