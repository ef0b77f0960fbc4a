"""What stands in the documents, for tests that follow them by their own words and commands."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

__all__ = ["DOCS", "blocks", "controls"]

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in a language, in their order."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


def controls(page: Path) -> list[str]:
    """Return the words that stand in bold outside of code: the names of what to click."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [part.strip() for words in re.findall(r"\*\*([^*\n]+)\*\*", text) for part in words.split("→")]
