"""Finds phrases that read as translated, in source and documents. ``docs/dev/style.md`` says how to write instead."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("src", "hub/src", "extensions/lab", "docs", "helm", "images", "examples", "*.md")
KINDS = (".py", ".md", ".ts", ".tsx", ".html", ".yaml")
ITSELF = {"docs/dev/style.md"}
INSTEAD = {
    r"whoever": "anyone who, or name them: the user who",
    r"somebody who": "a user who",
    r"nobody but": "only",
    r"so long": "say what is measured: how long a session stays valid",
    r"so often": "how often",
    r"anew": "again",
    r"beside it": "next to it",
    r"(?:come|came|comes|read) to (?:its|their) end": "ends",
    r"as it should be": "say what is wrong",
    r"what it is that": "what",
}
PATTERN = re.compile(r"\b(?:" + "|".join(f"({phrase})" for phrase in INSTEAD) + r")\b", re.IGNORECASE)


def main() -> int:
    """Print each place with what to write instead; return 1 if there is any."""
    listed = subprocess.run(["git", "ls-files", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = 0
    for name in listed:
        path = ROOT / name
        if path.suffix not in KINDS or name in ITSELF or not path.is_file():
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for match in PATTERN.finditer(line):
                found += 1
                print(f"{name}:{number}: {match.group()!r}: write {list(INSTEAD.values())[(match.lastindex or 1) - 1]!r}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
