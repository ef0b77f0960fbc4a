"""People with real Unix accounts, who do things in projects' folders, and a world of projects."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labyard.permissions import Role
from labyard_hub.backends.local.accounts import Account, ensure_account, ensure_project_account
from labyard_hub.backends.local.project_files import LocalProjectFiles
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import DesiredProject
from tests.platform import remove_account

VISION, OTHER = "vision--p0123456789", "other--paaaaaaaaaa"


class Shell:
    """A shell that somebody has open."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.process = subprocess.Popen(
            [*_as(account.uid), "bash"],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        assert self(f"cd {folder}") == (0, "")

    def __call__(self, command: str) -> tuple[int, str]:
        """Run `command` in it, and return its status and output."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f'{command}\necho "$?:done"\n')
        self.process.stdin.flush()
        output = ""
        for line in self.process.stdout:
            if line.endswith(":done\n"):
                return int(line.removesuffix(":done\n").rsplit("\n")[-1]), output
            output += line
        raise AssertionError(output)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def run_as(uid: int, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody."""
    return subprocess.run([*_as(uid), *command], cwd="/", capture_output=True, text=True, check=False)


def start_as(uid: int, *command: str) -> subprocess.Popen[bytes]:
    """Start a process of somebody's."""
    return subprocess.Popen([*_as(uid), *command], cwd="/")


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def _as(uid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs", "--"]


@dataclass
class World:
    """A state folder with people and projects.

    Attributes
    ----------
    roles
        Of the project `VISION`.
    """

    state: StateFolder
    files: LocalProjectFiles
    roles: dict[str, Role] = field(default_factory=dict)
    archived: bool = False
    others: list[DesiredProject] = field(default_factory=list)
    shells: list[Shell] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.state.projects / VISION / "files"

    @property
    def project(self) -> DesiredProject:
        return DesiredProject.of(VISION, "vision", self.roles.items(), archived=self.archived)

    @property
    def projects(self) -> list[DesiredProject]:
        return [self.project, *self.others]

    def person(self, user: str) -> Account:
        return ensure_account(user, self.state, isolated=True)

    def account(self) -> Account:
        return ensure_project_account(VISION, self.state, isolated=True)

    async def set_roles(self, **roles: Role | None) -> None:
        """Change roles, None for removed, and apply."""
        changed: Mapping[str, Role | None] = {**self.roles, **roles}
        self.roles = {user: role for user, role in changed.items() if role is not None}
        await self.files.apply(self.project)

    async def keep(self) -> None:
        await self.files.keep(self.projects)

    def run(self, user: str, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as `user`, in the project's folder if they get in."""
        return run_as(self.person(user).uid, "bash", "-c", f"cd {self.folder} && {script}")

    def can(self, user: str, script: str) -> bool:
        return self.run(user, script).returncode == 0

    def shell(self, user: str, folder: Path) -> Shell:
        shell = Shell(self.person(user), folder)
        self.shells.append(shell)
        return shell

    def close(self) -> None:
        for shell in self.shells:
            shell.close()
        for entry in pwd.getpwall():
            if entry.pw_dir.startswith(f"{self.state.root}/"):
                remove_account(entry.pw_name)
        subprocess.run(["rm", "-rf", str(self.state.root)], check=True)  # deeper than Python's own can go
