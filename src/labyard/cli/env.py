"""``labyard env``: Python environments of one's own, inside a server."""

from __future__ import annotations

import click

from labyard.cli.connection import json_option, say
from labyard.cli.lazy import LazyGroup

__all__ = ["env"]

project_option = click.option("--project", metavar="PROJECT", help="A project's, in its folder, instead of your own.")
packages_argument = click.argument("packages", metavar="PACKAGE...", nargs=-1)


@click.group(cls=LazyGroup)
def env() -> None:
    """Add packages, as kernels of your own, in a server or on your machine."""


@env.command()
@click.argument("name")
@packages_argument
@project_option
@click.option("--separate", is_flag=True, help="With nothing but its own packages.  [default: on top of those that notebooks have]")
def create(name: str, packages: tuple[str, ...], project: str | None, separate: bool) -> None:
    """Make an environment NAME with these packages; it appears as a kernel."""
    from labyard.environments import create_environment

    made = create_environment(name, packages, project=project, separate=separate)
    say(f"made {made.folder}; choose the kernel {made.name!r} in a notebook")


@env.command()
@click.argument("name")
@click.argument("packages", metavar="PACKAGE...", nargs=-1, required=True)
@project_option
def add(name: str, packages: tuple[str, ...], project: str | None) -> None:
    """Install further packages into the environment NAME."""
    from labyard.environments import add_packages

    add_packages(name, packages, project=project)
    say(f"installed {', '.join(packages)} into {name}")


@env.command()
@click.argument("name")
@project_option
def update(name: str, project: str | None) -> None:
    """Make NAME again, with the newest versions of its packages."""
    from labyard.environments import update_environment

    update_environment(name, project=project)
    say(f"made {name} again; restart its kernels")


@env.command()
@click.argument("name")
@click.option("--project", metavar="PROJECT", required=True, help="The project it belongs to.")
def use(name: str, project: str) -> None:
    """Make a project's environment NAME a kernel of your own server. Its editors can change what runs there."""
    from labyard.environments import use_environment

    made = use_environment(name, project=project)
    say(f"choose the kernel '{made.name} ({project})' in a notebook")


@env.command()
@click.argument("name")
@project_option
def remove(name: str, project: str | None) -> None:
    """Remove the environment NAME and its kernel."""
    from labyard.environments import remove_environment

    remove_environment(name, project=project)
    say(f"removed {name}")


@env.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List your environments and those of your projects."""
    from labyard.cli.output import print_json, print_table
    from labyard.environments import list_environments

    found = list_environments()
    if as_json:
        print_json(
            [{"name": one.name, "project": one.project, "path": str(one.folder), "packages": one.record["packages"]} for one in found]
        )
    else:
        print_table([[one.name, one.project or "", " ".join(one.record["packages"])] for one in found], ["NAME", "PROJECT", "PACKAGES"])
