"""What stands in the documents, for tests that follow them by their own words and commands."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

__all__ = ["DOCS", "blocks", "controls", "remarks", "steps"]

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in a language, in their order."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


def remarks(page: Path) -> list[str]:
    """Return what a page says to its tests, in comments: ``followed by TEST`` or ``not followed: REASON``, first of the whole page, then of single blocks."""
    return re.findall(r"^ *<!-- ((?:not )?followed.*?) -->$", page.read_text(), re.MULTILINE)


def steps(page: Path) -> list[tuple[str, str]]:
    """Return the language and the text of each block that a person runs, in their order, without those that say why they are not followed."""
    text = re.sub(r"^ *<!-- not followed: .*? -->\n\n *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^ *```(sh|python)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [(language, textwrap.dedent(block)) for language, block in found]


def controls(page: Path) -> list[str]:
    """Return the words that stand in bold outside of code: the names of what to click."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [part.strip() for words in re.findall(r"\*\*([^*\n]+)\*\*", text) for part in words.split("→")]
