"""The process that ``labyard up --detach`` leaves running: ``python -m labyard_hub.supervisor.detached STATE_DIR CONFIGURATION``."""

from __future__ import annotations

import sys
from pathlib import Path

from labyard.exceptions import LabyardError
from labyard_hub.config.loader import parse_configuration
from labyard_hub.supervisor.up import run_platform


class _Lines:
    """Prints into the log that the starting command follows."""

    def title(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def fact(self, subject: str, text: str) -> None:
        self.title(f"  {subject:<16}{text}")

    def url(self, kind: str, text: str, url: str) -> None:  # noqa: ARG002  # a program reads `labyard status --json`
        self.title(f"{text.replace('Ctrl-C stops it', '`labyard down` stops it')}\n  {url}")


def main() -> None:
    """Run the platform with the configuration that the starting command checked."""
    root, request = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        configuration = parse_configuration(request.read_text())
        request.unlink()
        run_platform(configuration, root, _Lines(), browser=False)
    except LabyardError as error:
        sys.stdout.write(f"labyard: {error.message}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
