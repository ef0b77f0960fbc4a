"""A person's or a project's own Python environments, on top of the packages that the server's notebooks have; each is a kernel.

An environment is a folder that uv makes. By default it finds the packages of the notebooks' environment behind its own, so what is there already, such as PyTorch, is
neither downloaded nor stored again; what is added must fit to it. A *separate* environment has nothing but its own.

A project's environment lies in the project's folder. The project's server offers it to anyone who works there. In a personal server it becomes a kernel only by
`use_environment`: a kernel runs its code when a notebook is opened, so nobody is offered one that others can change.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labyard.exceptions import LabyardError, UsageError
from labyard.pip_stand_in import RECORD, add_pip

__all__ = [
    "Environment", "EnvironmentFailedError", "EnvironmentNotFoundError", "add_packages", "create_environment", "list_environments", "remove_environment", "update_environment", "use_environment",
]  # fmt: skip

PARENT = "labyard-parent.pth"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40
PROJECT_LINKS = ("projects", "labyard-projects")


class EnvironmentFailedError(LabyardError):
    """An environment cannot be made or changed; the message says why."""

    code = "environment_failed"


class EnvironmentNotFoundError(LabyardError):
    """There is no such environment, or no such project to look for it."""

    code = "environment_not_found"
    exit_code = 5


@dataclass(frozen=True)
class Environment:
    """One environment.

    Attributes
    ----------
    name
        Its name, unique for a person or in a project.
    folder
        Where it is.
    project
        Name of the project it belongs to; None: it is the person's own.
    """

    name: str
    folder: Path
    project: str | None = None

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def record(self) -> dict[str, Any]:
        """What was asked for: ``packages``, ``separate``.

        Raises
        ------
        EnvironmentNotFoundError
            If there is no such environment.
        """
        try:
            found: dict[str, Any] = json.loads((self.folder / RECORD).read_text())
        except (OSError, ValueError):
            where = f"the project {self.project}" if self.project else "your home"
            raise EnvironmentNotFoundError(
                f"there is no environment {self.name!r} in {where}; `labyard env list` shows those there are"
            ) from None
        return found

    @property
    def kernel(self) -> str:
        """What its kernel is called."""
        return f"{self.project}-{self.name}" if self.project else self.name


def create_environment(name: str, packages: Sequence[str], *, project: str | None = None, separate: bool = False) -> Environment:
    """Make an environment with `packages` and its kernel. It takes as long as the downloads.

    Parameters
    ----------
    packages
        Requirements, as pip and uv know them.
    project
        Name of a project whose folder it shall be in; None: the person's home.
    separate
        Whether it has nothing but its own packages.

    Raises
    ------
    UsageError
        If the name cannot be used or is taken.
    EnvironmentFailedError
        If uv fails, with what it said.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"an environment's name starts with a letter and goes on with letters, digits and single hyphens, at most {LONGEST} characters; {name!r} does not"
        )
    environment = _environment(name, project)
    if (environment.folder / RECORD).exists():
        raise UsageError(f"there is an environment {name!r} already: add packages by `labyard env add {name} ...`, or choose another name")
    try:
        _make(environment, list(packages), separate=separate)
    except BaseException:
        shutil.rmtree(environment.folder, ignore_errors=True)
        raise
    return environment


def add_packages(name: str, packages: Sequence[str], *, project: str | None = None) -> Environment:
    """Install further packages into an environment. Kernels that run see them when they import them first.

    Raises
    ------
    EnvironmentNotFoundError
        If there is no such environment.
    EnvironmentFailedError
        If uv fails; what was there before is kept.
    """
    environment = _environment(name, project)
    record = environment.record
    wanted = [*record["packages"], *(one for one in packages if one not in record["packages"])]
    _install(environment, wanted, separate=record["separate"])
    _write_record(environment, wanted, separate=record["separate"])
    return environment


def update_environment(name: str, *, project: str | None = None) -> Environment:
    """Make an environment again with the packages that were asked for: in their newest versions, and on the server's present Python and packages.

    Raises
    ------
    EnvironmentNotFoundError
        If there is no such environment.
    EnvironmentFailedError
        If uv fails; the environment is then incomplete, and another update mends it.
    """
    environment = _environment(name, project)
    record = environment.record
    _make(environment, record["packages"], separate=record["separate"])
    return environment


def use_environment(name: str, *, project: str) -> Environment:
    """Make a project's environment a kernel of one's own server: from then on its editors decide what runs there when the kernel starts.

    Raises
    ------
    EnvironmentNotFoundError
        If the project has no such environment.
    """
    environment = _environment(name, project)
    _ = environment.record
    _write_kernel(environment, _own_kernels())
    return environment


def list_environments() -> list[Environment]:
    """Return the person's own environments, then those of their projects."""
    own = [Environment(path.parent.name, path.parent) for path in sorted(_own_folder().glob(f"*/{RECORD}"))]
    return own + [
        Environment(path.parent.name, path.parent, project)
        for project, files in _projects()
        for path in sorted(_project_folder(files).glob(f"*/{RECORD}"))
    ]


def remove_environment(name: str, *, project: str | None = None) -> None:
    """Remove an environment and its kernel.

    Raises
    ------
    EnvironmentNotFoundError
        If there is no such environment.
    """
    environment = _environment(name, project)
    _ = environment.record
    shutil.rmtree(environment.folder)
    for folder in _kernel_folders(environment):
        shutil.rmtree(folder / environment.kernel, ignore_errors=True)


def _environment(name: str, project: str | None) -> Environment:
    if project is None:
        return Environment(name, _own_folder() / name)
    known = dict(_projects())
    if project not in known:
        raise EnvironmentNotFoundError(f"there is no folder of a project {project!r} here; there are: {', '.join(sorted(known)) or 'none'}")
    return Environment(name, _project_folder(known[project]) / name, project)


def _own_folder() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "labyard" / "environments"


def _own_kernels() -> Path:
    return Path(os.environ.get("JUPYTER_DATA_DIR") or Path.home() / ".local" / "share" / "jupyter") / "kernels"


def _project_folder(files: Path) -> Path:
    return files / ".labyard" / "environments"


def _projects() -> Iterator[tuple[str, Path]]:
    """Yield name and folder of each project that can be reached here; folders without their links, so that a path in them is the same for everybody."""
    own, root = os.environ.get("LABYARD_PROJECT"), os.environ.get("JUPYTERHUB_ROOT_DIR")
    if own and root:
        yield own.partition("--")[0], Path(root).resolve()
        return
    for name in PROJECT_LINKS:
        try:
            found = sorted((Path.home() / name).iterdir())
        except OSError:
            continue
        yield from ((path.name, path.resolve()) for path in found if path.is_dir())
        return


def _kernel_folders(environment: Environment) -> list[Path]:
    """Return where the kernel of an environment is described: for one's own server, and beside a project's environment for the project's server."""
    if environment.project is None:
        return [_own_kernels()]
    shared = environment.folder.parent.parent / "kernels"
    return [shared] if os.environ.get("LABYARD_PROJECT") else [shared, _own_kernels()]


def _make(environment: Environment, packages: list[str], *, separate: bool) -> None:
    parent = _notebook_python()
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    _uv("venv", "--clear", "--quiet", "--python", _base_of(parent), str(environment.folder), what=environment.name)
    if not separate:
        _site_packages(environment.python).joinpath(PARENT).write_text(f"{_site_packages(parent)}\n")
    add_pip(environment.folder)
    _write_record(environment, packages, separate=separate)
    _install(environment, packages, separate=separate)
    for folder in _kernel_folders(environment):
        _write_kernel(environment, folder)


def _write_record(environment: Environment, packages: list[str], *, separate: bool) -> None:
    (environment.folder / RECORD).write_text(
        json.dumps({"packages": packages, "separate": separate, "project": environment.project}) + "\n"
    )


def _install(environment: Environment, packages: list[str], *, separate: bool) -> None:
    wanted = ["ipykernel", *packages] if separate else list(_missing_in_parent(environment, packages))
    if wanted:
        how = ["--compile-bytecode", *([] if separate else ["--no-deps"])]
        if environment.project is not None:
            how.append("--link-mode=copy")  # a link would keep the owner's rights, and the project's members could not read it
        _uv("pip", "install", "--quiet", "--python", str(environment.python), *how, *wanted, what=environment.name)


def _missing_in_parent(environment: Environment, packages: list[str]) -> Iterator[str]:
    """Yield what has to be installed for `packages`, with versions: all that they need and that the notebooks' environment does not have."""
    if not packages:
        return
    parent = _notebook_python()
    listed = json.loads(_uv("pip", "list", "--quiet", "--format=json", "--python", str(parent), what=environment.name))
    has = {one["name"].lower().replace("_", "-"): one["version"] for one in listed if not one["name"].startswith("labyard")}
    constraints = environment.folder / "constraints.txt"
    # A version such as 2.13.0+cpu is on no ordinary index, so it is taken as given.
    given = environment.folder / "given.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in has.items() if "+" not in version))
    given.write_text("".join(f"{name} ; python_version < '3'\n" for name, version in has.items() if "+" in version))
    resolved = _uv(
        "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", str(parent), "--constraints", str(constraints), "--overrides", str(given), "-",
        what=environment.name, text="".join(f"{one}\n" for one in packages),
        hint="It has to fit to the packages that notebooks have here; with --separate it need not",
    )  # fmt: skip
    for line in resolved.splitlines():
        name, _, version = line.partition("==")
        if line.strip() and has.get(name.strip().lower()) != version.strip():
            yield line.strip()


def _write_kernel(environment: Environment, kernels: Path) -> None:
    title = f"{environment.name} ({environment.project})" if environment.project else environment.name
    folder = kernels / environment.kernel
    folder.mkdir(parents=True, exist_ok=True)
    kernel = {
        "argv": [str(environment.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": title, "language": "python", "metadata": {"debugger": True},
        "env": {"PATH": f"{environment.python.parent}:${{PATH}}"},  # programs that came with the packages, as in an activated environment
    }  # fmt: skip
    (folder / "kernel.json").write_text(json.dumps(kernel, indent=1) + "\n")


def _notebook_python() -> Path:
    found = shutil.which("python3")
    if found is None:
        raise EnvironmentFailedError("there is no python3 on the search path to make an environment with")
    return Path(found)


def _base_of(python: Path) -> str:
    return _ask(python, "import sys; print(sys._base_executable)")


def _site_packages(python: Path) -> Path:
    return Path(_ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))


def _ask(python: Path, program: str) -> str:
    return subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def _uv(*arguments: str, what: str, text: str | None = None, hint: str | None = None) -> str:
    """Run uv and return what it printed."""
    uv = shutil.which("uv")
    if uv is None:
        raise EnvironmentFailedError("uv makes environments, and is not on the search path here: pip install uv")
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run([uv, *arguments], input=text, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise EnvironmentFailedError(_sentence(what, done.stderr.splitlines(), hint))
    return done.stdout


def _sentence(what: str, said: Iterable[str], hint: str | None) -> str:
    lines = [line.rstrip() for line in said if line.strip()][-15:]
    return f"the environment {what!r} could not be made as asked for{f'. {hint}' if hint else ''}. uv says:\n  " + "\n  ".join(lines)
