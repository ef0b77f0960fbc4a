"""``labyard``: answers at once what it can, and imports everything else when it is needed.

Whoever calls it for its version, its help or a completion waits for this module, `labyard.cli.quick` and `labyard.cli.plug_ins` alone. They import nothing
that Python has not imported by itself when it starts: click alone takes four times as long as that.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line. What it exits with is told by `labyard.cli.root.run`."""
    from labyard.cli.quick import answer, find_read

    text = answer(sys.argv[1:])
    if text is None:
        read = find_read(sys.argv[1:])
        if read is not None:
            read()
            return
        from labyard.cli.root import run

        run()
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe went away, as in `labyard --help | head -1`.
        sys.stderr.close()
        sys.exit(1)
