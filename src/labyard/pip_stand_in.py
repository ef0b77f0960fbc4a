"""What ``pip`` is in the notebooks' environment and in those of `labyard.environments`.

Nobody can install into the first one, which all users share, and uv makes the others without pip. `add_pip` copies this file into an environment, so it imports
nothing but the standard library.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["add_pip", "main"]

RECORD = "labyard-environment.json"
HARMLESS = frozenset({
    "-q", "--quiet", "-v", "--verbose", "-U", "--upgrade", "--user", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--prefer-binary",
    "--break-system-packages",
})  # fmt: skip
HANDED_ON = frozenset({"list", "show", "freeze", "check", "tree"})


class _RefusedError(Exception):
    """The message says what to do instead."""


def main(arguments: Sequence[str]) -> int:
    """Do what pip would do with `arguments`, by uv or `labyard env`, and return the exit status."""
    command, rest = (arguments[0] if arguments else "", arguments[1:])
    try:
        if command == "install":
            return _install(_wanted(rest))
        if command in HANDED_ON:
            return _run("uv", "pip", command, "--python", sys.executable, *rest)
        known = ", ".join(("install", *sorted(HANDED_ON)))
        raise _RefusedError(f"This pip knows {known}. For anything else: uv pip --help")
    except _RefusedError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1


def _wanted(arguments: Sequence[str]) -> list[str]:
    packages: list[str] = []
    left = iter(arguments)
    for one in left:
        if one in ("-r", "--requirement"):
            packages += _requirements(Path(next(left, "")))
        elif not one.startswith("-"):
            packages.append(one)
        elif one not in HARMLESS:
            raise _RefusedError(f"This pip installs packages by name and from `-r FILE`, and does not know {one}.")
    return packages


def _requirements(file: Path) -> Iterable[str]:
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise _RefusedError(f"The requirements file {str(file)!r} cannot be read: {error.strerror}.") from None
    wanted = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    options = next((line for line in wanted if line.startswith("-")), None)
    if options is not None:
        raise _RefusedError(f"This pip reads names and versions from a requirements file, and does not know {options!r}.")
    return [line for line in wanted if line]


def _install(packages: Sequence[str]) -> int:
    missing = [one for one in packages if not _is_there(one)]
    for one in packages:
        if one not in missing:
            sys.stdout.write(f"Requirement already satisfied: {one}\n")
    if not missing:
        return 0
    folder = Path(sys.prefix)
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        raise _RefusedError(
            f"Everybody here shares this kernel's packages, so pip cannot add to them. Make a kernel of your own: labyard env create mine {shlex.join(missing)}"
        ) from None
    project = record.get("project")
    return _run("labyard", "env", "add", folder.name, *missing, *(("--project", project) if project else ()))


def _is_there(package: str) -> bool:
    """Whether a package that is asked for without a version is installed; one with a version is for uv to judge."""
    try:
        version(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _run(program: str, *arguments: str) -> int:
    found = shutil.which(program)
    if found is None:
        raise _RefusedError(f"pip hands its work to {program}, which is not on the search path here.")
    return subprocess.run([found, *arguments], check=False).returncode


def add_pip(environment: Path) -> None:
    """Give an environment this program as its ``pip``."""
    python = environment / "bin" / "python"
    package = next(environment.glob("lib/python3*/site-packages")) / "pip"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(Path(__file__).read_text())
    for name in ("pip", "pip3"):
        script = environment / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -m pip "$@"\n')
        script.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
