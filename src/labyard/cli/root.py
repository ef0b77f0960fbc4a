"""The whole command line: finds the commands, and turns our errors into one line and an exit status."""

from __future__ import annotations

import sys

import click

from labyard._version import __version__
from labyard.cli.lazy import LazyGroup, load
from labyard.cli.plug_ins import find_plug_ins
from labyard.exceptions import LabyardError, UsageError

__all__ = ["cli", "run"]

OWN_COMMANDS = {
    "completion": "labyard.cli.completion:completion",
    "env": "labyard.cli.env:env",
    "login": "labyard.cli.login:login",
    "logout": "labyard.cli.session:logout",
    "project": "labyard.cli.project:project",
    "use": "labyard.cli.session:use",
    "whoami": "labyard.cli.session:whoami",
}
"""What a laptop needs."""

HUB_COMMANDS = ("config", "down", "status", "tools", "up", "user")
"""What labyard-hub brings: without it, they answer with how to get them."""

INTERRUPTED = 130
INSTALL_ALL = "pip install 'labyard[all]'"


class MissingHubError(UsageError):
    """A command of labyard-hub was called where that is not installed."""

    code = "missing_hub"

    def __init__(self, command: str) -> None:
        super().__init__(f"`{command}` needs labyard-hub: {INSTALL_ALL}")


class MainGroup(LazyGroup):
    """Our own commands, and those of other distributions."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *find_plug_ins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if cmd_name in self.commands_in:
            return super().get_command(ctx, cmd_name)
        where = find_plug_ins().get(cmd_name)
        if where is None:
            return super().get_command(ctx, cmd_name) or (_missing(cmd_name) if cmd_name in HUB_COMMANDS else None)
        return load(where)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say how to get the commands that are not there."""
        missing = [name for name in HUB_COMMANDS if name not in self.list_commands(ctx)]
        if missing:
            formatter.write_paragraph()
            formatter.write_text(f"The commands {', '.join(missing)} come with labyard-hub: {INSTALL_ALL}")


def _missing(name: str) -> click.Command:
    """Stand in for a command of labyard-hub, whatever its arguments."""

    def answer() -> None:
        raise MissingHubError(name)

    context_settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=answer, add_help_option=False, hidden=True, context_settings=context_settings)


@click.group(cls=MainGroup, commands_in=OWN_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="labyard", message="%(prog)s %(version)s")
def cli() -> None:
    """A web workspace for machine-learning teams on JupyterHub."""


def run() -> None:
    """Run the command line.

    Exit status: 0 done, 1 failed, 2 asked for in a way that cannot be done, 4 not signed in, 5 not found, 6 not allowed, 7 in conflict with what there
    is, 8 the platform does not answer, 130 interrupted.
    """
    try:
        cli(prog_name="labyard", standalone_mode=False)
    except LabyardError as error:
        click.echo(f"labyard: {error.message}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("labyard: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away, as in `labyard user list | head`.
        sys.stderr.close()
        sys.exit(1)
