"""The documents say what is so."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from labyard.builtin_tools import BUILT_IN_TOOLS
from labyard.cli.root import cli
from labyard.models.tool import Tool
from labyard_hub.config.settings import Settings
from tests.documents import blocks, controls, remarks, steps

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


def test_paths_that_developers_are_sent_to_exist() -> None:
    for page in (ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/dev/*.md")):
        for path in re.findall(r"`((?:src|hub|extensions|helm|images|scripts|tests|docs)/[\w./-]*)`", page.read_text()):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def commands_in(text: str, program: str) -> Iterator[list[str]]:
    """Yield the words after `program` of each of its command lines that stand in a document."""
    text = re.sub(r"\\\n\s*", " ", text)
    fences = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
    shown = [line.strip() for language, block in fences.findall(text) if language in {"", "sh"} for line in block.splitlines()]
    for line in (*shown, *re.findall(r"`([^`\n]+)`", fences.sub("", text))):
        for part in re.split(r"\s*(?:&&|\||;)\s*", line):
            words = part.partition(" #")[0].split()
            if words[:1] == [program]:
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_exist(page: Path) -> None:
    for words in commands_in(page.read_text(), "labyard"):
        command: click.Command = cli
        context = click.Context(cli)
        rest = list(words)
        while isinstance(command, click.Group) and rest and re.fullmatch("[a-z-]+", rest[0]) and not rest[0].startswith("-"):
            found = command.get_command(context, rest[0])
            assert found is not None, f"labyard {' '.join(words)}"
            command = found
            rest.pop(0)
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help", "--version"}
        for word in rest:
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"labyard {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_of_make_in_the_text_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {words[0] for words in commands_in(page.read_text(), "make") if words} <= targets


def test_commands_are_found_in_the_text() -> None:
    text = "`labyard up` and `make up`\n```sh\ncd x && labyard user \\\n  list  # all\n```\n```python\nlabyard none\n```\n"
    assert list(commands_in(text, "labyard")) == [["user", "list"], ["up"]]


SAID_ELSEWHERE = {
    # by JupyterLab
    "File", "New", "Terminal", "Select",
    # by MLflow and TensorBoard
    "Default", "Model registry", "Reload data", "Open in TensorBoard",
    # by the tool that a page has made
    "Clicks",
}  # fmt: skip
"""What the pages tell to click that others' programs show."""
FOLLOWED = ("tutorials/first-run.md", "tutorials/two-people.md", "how-to/projects-panel.md", "how-to/own-tool.md")


@pytest.mark.parametrize("page", FOLLOWED)
def test_what_the_pages_tell_to_click_is_called_so(page: str) -> None:
    shown = "".join(
        path.read_text()
        for pattern in (
            "hub/src/labyard_hub/hub_process/templates/*.html",
            "extensions/lab/src/**/*.ts*",
            "src/labyard/builtin_tools.py",
        )
        for path in ROOT.glob(pattern)
    )
    named = controls(ROOT / "docs" / page)
    assert len(named) > 2
    lost = [one for one in named if one not in SAID_ELSEWHERE and not re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", shown)]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_the_text_compiles(page: Path) -> None:
    for code in blocks(page, "python"):
        compile(code, str(page), "exec")


HOW_TO = sorted(ROOT.glob("docs/how-to/*.md"))
OTHER_LOGIN_LINES = {"provider": "oidc", "issuer": "https://id.example.org", "client_id": "x", "allow_all": True, "admin_users": ["ada"]}


def as_settings(data: dict[str, Any]) -> dict[str, Any]:
    """Return whole settings for a block of YAML, which may show lines of the section `login` alone."""
    if not data.keys() & Settings.model_fields.keys():
        data = {"login": data}
    if "provider" not in data.get("login", {"provider": ""}):
        data = {**data, "login": OTHER_LOGIN_LINES | data["login"]}
    return data


def as_values(data: dict[str, Any]) -> dict[str, Any]:
    """Return whole values of the chart for a block of YAML, which may show lines of a profile alone."""
    return {"config": {"profiles": [{"name": "shown", "title": "Shown", **data}]}} if "gpu" in data else data


def settings_in(page: Path) -> Iterator[dict[str, Any]]:
    """Yield each mapping in YAML that stands in a document."""
    for block in re.findall(r"^ *```yaml\n(.*?)^ *```", page.read_text(), re.M | re.S):
        data = yaml.safe_load(textwrap.dedent(block))
        assert isinstance(data, dict), block
        yield data


@pytest.mark.parametrize("page", [page for page in HOW_TO if not page.name.startswith("cluster")], ids=lambda page: page.name)
def test_settings_in_the_text_can_be_used(page: Path) -> None:
    for data in settings_in(page):
        if "command" in data:
            Tool.model_validate({"name": "shown", **data})  # a file's name, where it says none
        else:
            Settings.model_validate(as_settings(data))


@pytest.mark.parametrize("page", [page for page in HOW_TO if page.name.startswith("cluster")], ids=lambda page: page.name)
def test_the_charts_values_in_the_text_can_be_used(page: Path) -> None:
    schema = json.loads((ROOT / "helm" / "labyard" / "values.schema.json").read_text())
    for data in map(as_values, settings_in(page)):
        assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(data)] == []
        Settings.model_validate({"cluster": {}, **data.get("config", {})})


@pytest.mark.parametrize(
    "data", [{"serverz": {"cpu_cores": 2}}, {"servers": {}, "tulz": {}}, {"login": {"issuer": "https://x", "allow_al": True}}]
)
def test_a_misspelt_setting_in_the_text_is_found(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        Settings.model_validate(as_settings(data))


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.name)
def test_a_how_to_is_followed_or_says_why_not(page: Path) -> None:
    first, *others = remarks(page)
    for test in re.findall(r"tests/[\w/]+\.py", " ".join((first, *others))):
        assert (ROOT / test).exists(), test
    if followed := re.fullmatch(r"followed by (\S+)", first):
        assert steps(page), "no block that a test could run"
        assert page.stem in (ROOT / followed[1]).read_text()
    else:
        assert re.fullmatch(r"not followed: .{10,}", first), first
    assert all(re.fullmatch(r"not followed: .{10,}", other) for other in others)


def test_names_in_the_text_are_those_of_the_code() -> None:
    architecture = (ROOT / "docs" / "dev" / "architecture.md").read_text()
    for package in re.findall(r"^  ([a-z_]+)/ ", architecture, re.M):
        assert any((ROOT / part / package).is_dir() for part in ("hub/src/labyard_hub", "extensions/lab")), package
    readme = (ROOT / "README.md").read_text()
    for tool in BUILT_IN_TOOLS:
        assert tool.replace("-", " ").lower() in readme.lower()
