"""What a failure prints, and the exit status of it; see `labyard.cli.root.run` for the list."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from labyard.cli.output import echo
from labyard.exceptions import LabyardError

__all__ = ["INTERRUPTED", "told_failures"]

INTERRUPTED = 130


@contextmanager
def told_failures() -> Iterator[None]:
    """Run a command inside: an error of ours is one line, and ends the process."""
    try:
        yield
    except LabyardError as error:
        echo(f"labyard: {error.message}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        echo("labyard: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away, as in `labyard user list | head`.
        sys.stderr.close()
        sys.exit(1)
