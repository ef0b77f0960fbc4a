"""The `labyard` program."""

from labyard.cli.root import run

__all__ = ["main"]

main = run
