"""The documents say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labyard_hub.config.settings import BUILT_IN_TOOLS

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("*/*/README.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}, target


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [target.partition("#")[0] for target in LINK.findall(page.read_text()) if "://" not in target]
        todo.extend(found for target in targets if (found := (page.parent / target).resolve()).suffix == ".md")
    lost = [path for path in ROOT.glob("docs/**/*.md") if path not in reached]
    assert lost == []


def test_names_in_the_text_are_those_of_the_code() -> None:
    architecture = (ROOT / "docs" / "dev" / "architecture.md").read_text()
    for package in re.findall(r"^  ([a-z_]+)/ ", architecture, re.M):
        assert any((ROOT / part / package).is_dir() for part in ("hub/src/labyard_hub", "extensions/lab")), package
    readme = (ROOT / "README.md").read_text()
    for tool in BUILT_IN_TOOLS:
        assert tool.replace("-", " ").lower() in readme.lower()
