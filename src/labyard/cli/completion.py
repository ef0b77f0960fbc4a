"""``labyard completion``: the script by which a shell completes our commands."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and projects' names in SHELL.

    For bash, `eval "$(labyard completion bash)"` in ~/.bashrc, for zsh the same with zsh in ~/.zshrc; for fish,
    `labyard completion fish > ~/.config/fish/completions/labyard.fish`.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101
    # The base class's method: the one for bash starts a bash first, to ask for its version.
    click.echo(ShellComplete.source(kind(context.find_root().command, {}, "labyard", "_LABYARD_COMPLETE")), nl=False)
