"""``labyard completion``: the script by which a shell completes our commands."""

from __future__ import annotations

from pathlib import Path

import click

from labyard.cli.quick import OWN_FOLDER, SHELLS

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and projects' names in SHELL.

    For bash, `eval "$(labyard completion bash)"` in ~/.bashrc, for zsh the same with zsh in ~/.zshrc; for fish,
    `labyard completion fish > ~/.config/fish/completions/labyard.fish`.
    """
    click.echo(Path(OWN_FOLDER, f"completion.{shell}").read_text(), nl=False)
