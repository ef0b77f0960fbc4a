"""Set the version everywhere and open its section in the changelog: ``scripts/release.py 0.2.0``.

It changes files and prints the commands that publish them; it commits and tags nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from pathlib import Path

__all__ = ["CHANGELOG", "PLACES", "main", "stated_versions"]

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = "CHANGELOG.md"

PLACES = {
    "src/labyard/_version.py": r'__version__ = "([^"]+)"',
    "pyproject.toml": r'(?m)^version = "([^"]+)"|"labyard-(?:hub|lab)(?:\[\w+\])?==([^"]+)"',
    "hub/pyproject.toml": r'(?m)^version = "([^"]+)"|"labyard==([^"]+)"',
    "extensions/lab/pyproject.toml": r'(?m)^version = "([^"]+)"|"labyard==([^"]+)"',
    "extensions/lab/package.json": r'(?m)^  "version": "([^"]+)"',
    "extensions/lab/package-lock.json": r'(?m)^  "version": "([^"]+)"|(?:^      "name": "labyard-lab",\n      "version": "([^"]+)")',
    "helm/labyard/Chart.yaml": r'(?m)^(?:version: |appVersion: ")([^"\s]+)',
    "uv.lock": r'(?m)^name = "labyard(?:-hub|-lab)?"\nversion = "([^"]+)"',
}
"""Each file that states the version, and the pattern of the places in it: the one list of them."""


def stated_versions(root: Path = ROOT) -> dict[str, set[str]]:
    """Return the versions that each file states, by its path."""
    return {path: _stated((root / path).read_text(), pattern) for path, pattern in PLACES.items()}


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="such as 0.2.0, or 0.2.0rc1")
    version: str = parser.parse_args(arguments).version
    if not re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", version):
        print(f"{version} is not a version such as 0.2.0 or 0.2.0rc1.", file=sys.stderr)
        return 1
    changelog = (ROOT / CHANGELOG).read_text()
    if "## Unreleased\n" not in changelog or f"## {version} " in changelog:
        print(f"{CHANGELOG} has no section 'Unreleased', or has {version} already.", file=sys.stderr)
        return 1
    for path, pattern in PLACES.items():
        file = ROOT / path
        file.write_text(re.sub(pattern, lambda match: _replaced(match, version), file.read_text()))
    today = dt.datetime.now(dt.UTC).date()
    (ROOT / CHANGELOG).write_text(changelog.replace("## Unreleased\n", f"## Unreleased\n\n## {version} ({today})\n", 1))
    print(
        f"Review with `git diff`, run `make lock docs test`, then:\n  git commit -am 'release: {version}'\n  git tag -s v{version} -m 'Labyard {version}'"
    )
    return 0


def _stated(text: str, pattern: str) -> set[str]:
    return {version for match in re.finditer(pattern, text) for version in match.groups() if version}


def _replaced(match: re.Match[str], version: str) -> str:
    group = next(number for number, text in enumerate(match.groups(), 1) if text)
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match[0][:start] + version + match[0][end:]


if __name__ == "__main__":
    sys.exit(main())
