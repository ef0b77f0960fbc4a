"""``python -m labyard_hub.backends.assets ENVIRONMENT FOLDER``: makes the assets of another environment, as the build of the hub's image does."""

from __future__ import annotations

import argparse
from pathlib import Path

from labyard_hub.backends.assets.bundle import ensure_assets

__all__ = ["main"]


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(prog="labyard_hub.backends.assets", description=__doc__)
    parser.add_argument("environment", type=Path, help="with JupyterLab and the platform's extensions")
    parser.add_argument("folder", type=Path, help="where the version's folder is made")
    arguments = parser.parse_args()
    ensure_assets(arguments.folder, prefix=arguments.environment)


if __name__ == "__main__":
    main()
