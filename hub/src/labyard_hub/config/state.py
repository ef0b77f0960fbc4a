"""The state folder: where everything that must outlive a process is kept."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labyard_hub.exceptions import StateFolderError, StateFolderNewerError

__all__ = ["LAYOUT_VERSION", "NO_ROOM", "PLATFORM_UMASK", "STATE_DIRECTORY_VARIABLE", "StateFolder", "default_state_directory"]

LAYOUT_VERSION = 1
"""Raised when an older Labyard could not work with what a newer one wrote."""
PLATFORM_UMASK = 0o066
"""Mask for what the platform's processes create: files are the owner's alone, folders let others pass and list nothing."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a write for which there is no space."""
STATE_DIRECTORY_VARIABLE = "LABYARD_STATE_DIR"


def default_state_directory() -> Path:
    """Return ``/var/lib/labyard`` for root, the user's data folder for everyone else."""
    if os.geteuid() == 0:
        # Root's own data folder lies under /root, where the users' accounts cannot reach their homes.
        return Path("/var/lib/labyard")
    import platformdirs  # noqa: PLC0415  # not needed where the folder is named

    return Path(platformdirs.user_data_dir("labyard"))


@dataclass(frozen=True)
class StateFolder:
    """Paths inside one state folder, and the secrets in it."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> StateFolder:
        """Make `root` and its folders where they are missing.

        Raises
        ------
        StateFolderNewerError
            If a newer Labyard wrote it. Nothing is changed.
        StateFolderError
            If it cannot be read or written (permissions, full disk, read-only).
        """
        state = cls(root.absolute())
        try:
            state._check_version()
            state._make()
        except OSError as error:
            raise StateFolderError(state.root, f"{error.strerror or error}. Mend that, or name another folder with --state-dir") from error
        return state

    def _check_version(self) -> None:
        try:
            record = json.loads(self.version_file.read_text())
            found = int(record["layout"])
        except FileNotFoundError as error:
            if self._restore_version():
                return
            if any(path.exists() for path in (self.identity_database, self.database)):
                problem = f"{self.version_file.name} is missing, and so is its copy {self._version_copy}. Restore one of them from a backup"
                raise StateFolderError(self.root, problem) from error
            return
        except (ValueError, KeyError, TypeError) as error:
            if self._restore_version():
                return
            raise StateFolderError(self.root, f"{self.version_file.name} is not readable ({error}); restore it from a backup") from error
        if found > LAYOUT_VERSION:
            raise StateFolderNewerError(self.root, found, LAYOUT_VERSION)

    def _restore_version(self) -> bool:
        """Put the copy of a lost or damaged version file in its place, and return whether there is one."""
        try:
            text = self._version_copy.read_text()
            usable: bool = json.loads(text)["layout"] == LAYOUT_VERSION
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if usable:
            write_atomically(self.version_file, text, mode=0o600)
        return usable

    def _make(self) -> None:
        # 0711: the users' accounts pass through to their homes and can list nothing.
        self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.root.chmod(0o711)
        for path, mode in (
            (self.secrets, 0o700), (self.hub, 0o700), (self.mlflow, 0o700), (self.homes, 0o711), (self.projects, 0o711), (self.project_views, 0o711),
            (self.run, 0o711), (self.run_public, 0o755), (self.run_private, 0o700), (self.logs, 0o700), (self.trash, 0o700), (self.former_users, 0o700),
        ):  # fmt: skip
            path.mkdir(mode=mode, exist_ok=True)
            path.chmod(mode)
        # Version 0.1.0 left it readable. SQLite gives its other files the mode of the first.
        for path in self.root.glob(f"{self.database.name}*"):
            path.chmod(0o600)
        if not self.version_file.exists():
            record = {"layout": LAYOUT_VERSION, "instance": os.urandom(4).hex(), "created_at": datetime.now(UTC).isoformat()}
            write_atomically(self.version_file, json.dumps(record) + "\n", mode=0o600)
        if not self._version_copy.exists():
            write_atomically(self._version_copy, self.version_file.read_text(), mode=0o600)

    @property
    def version_file(self) -> Path:
        """Layout version and instance id."""
        return self.root / "state.json"

    @property
    def _version_copy(self) -> Path:
        return self.hub / "state.json"

    @property
    def instance(self) -> str:
        """Eight hexadecimal digits that tell this state folder from others on the machine."""
        return str(json.loads(self.version_file.read_text())["instance"])

    @property
    def secrets(self) -> Path:
        """Secrets, one file each."""
        return self.root / "secrets"

    @property
    def identity_database(self) -> Path:
        """Users, password hashes, invitations."""
        return self.root / "identity.db"

    @property
    def hub(self) -> Path:
        """JupyterHub's database."""
        return self.root / "hub"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.root / "mlflow"

    @property
    def homes(self) -> Path:
        """The users' homes."""
        return self.root / "homes"

    @property
    def database(self) -> Path:
        """The labyard service's database, where it is SQLite: projects, members, events."""
        return self.root / "labyard.db"

    @property
    def projects(self) -> Path:
        """A folder per project, by its identifier."""
        return self.root / "projects"

    @property
    def project_views(self) -> Path:
        """A folder per user, with a link to the folder of each project that they are a member of; a home's ``projects`` leads there."""
        return self.root / "project-views"

    @property
    def run(self) -> Path:
        """What is only of use while Labyard runs."""
        return self.root / "run"

    @property
    def run_public(self) -> Path:
        """What every user's server may read: the list of tools."""
        return self.run / "public"

    @property
    def run_private(self) -> Path:
        """Process records, the proxy's configuration, sockets between our own processes."""
        return self.run / "private"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def trash(self) -> Path:
        """Homes of removed people and folders of deleted projects."""
        return self.root / "trash"

    @property
    def former_users(self) -> Path:
        """A file per name that was removed: the generation of its present owner, and the first number that no owner ever had."""
        return self.root / "former-users"

    @property
    def uids_file(self) -> Path:
        """A line for each Unix uid that was ever given to an account, so that none is given again."""
        return self.root / "uids"

    def generation(self, user: str) -> int:
        """Return the number of the present owner of the name `user`, from 0: another person has another number. `user` is a valid name."""
        return self._generations(user)[0]

    def end_generation(self, user: str) -> None:
        """Note that the owner of the name `user` is gone: the next owner is another person."""
        present, unused = self._generations(user)
        write_atomically(self.former_users / user, f"{unused + 1 if present == unused else unused}\n", mode=0o600)

    def restore_generation(self, user: str, generation: int) -> None:
        """Note that a removed person has the name `user` again."""
        write_atomically(self.former_users / user, f"{generation} {self._generations(user)[1]}\n", mode=0o600)

    def removed_people(self) -> list[tuple[str, int]]:
        """Return everybody who was removed, by name and number."""
        found = []
        for path in sorted(self.former_users.iterdir()):
            if not path.name.startswith("."):
                present, unused = self._generations(path.name)
                found += [(path.name, number) for number in range(unused) if number != present]
        return found

    def _generations(self, user: str) -> tuple[int, int]:
        """Return the number of the present owner, and the first number that no owner ever had."""
        try:
            words = (self.former_users / user).read_text().split()
        except (FileNotFoundError, NotADirectoryError):
            return 0, 0
        return int(words[0]), int(words[-1])

    @property
    def tools_file(self) -> Path:
        """The list of tools that servers offer: JSON, a list of `labyard.models.tool.Tool`."""
        return self.run_public / "tools.json"

    @property
    def page_file(self) -> Path:
        """What pages and servers know of the assets that all users share: JSON, see `labyard_hub.backends.assets`."""
        return self.run_public / "page.json"

    @property
    def configuration_file(self) -> Path:
        """The configuration in force, for the platform's processes: JSON with secrets."""
        return self.run_private / "configuration.json"

    def secret(self, name: str) -> str:
        """Return the secret `name`, 64 hexadecimal digits, made on first use."""
        path = self.secrets / name
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            pass
        # A link appears whole, and only if no other process was first.
        draft = self.secrets / f".{name}.{os.urandom(4).hex()}"
        write_atomically(draft, os.urandom(32).hex() + "\n", mode=0o600)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text().strip()


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace `path` by `text` at once: a reader sees the old or the new, also after a crash or on a full disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
