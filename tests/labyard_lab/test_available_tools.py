from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from labyard.builtin_tools import BUILT_IN_TOOLS, builtin_tool
from labyard_lab.available_tools.available import AvailableTools
from labyard_lab.available_tools.icons import DEFAULT_ICON
from labyard_lab.exceptions import ToolNotFoundError

TOOL = "title: Mine\ncommand: ['{python}', 'x.py', '{socket}']\n"


@pytest.fixture
def platform_file(tmp_path: Path) -> Path:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([builtin_tool(name, python="/env/bin/python").model_dump(mode="json") for name in BUILT_IN_TOOLS]))
    return path


@pytest.fixture
def user_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tools.d"
    folder.mkdir()
    return folder


def test_platform_tools_come_with_clean_icons(platform_file: Path) -> None:
    content = AvailableTools(platform_file, None).read()
    assert sorted(content.tools) == ["label-studio", "mlflow", "tensorboard"]
    assert content.problems == ()
    for tool in content.tools.values():
        assert tool.icon is not None
        assert 'class="jp-icon3"' in tool.icon
        assert tool.icon != DEFAULT_ICON
    assert content.get("mlflow").url == "services/mlflow/"


def test_user_tool_is_added_and_follows_its_file(platform_file: Path, user_folder: Path) -> None:
    available = AvailableTools(platform_file, user_folder)
    assert "mine" not in available.read().tools
    (user_folder / "mine.yaml").write_text(TOOL)
    mine = available.read().get("mine")
    assert (mine.title, mine.origin) == ("Mine", "user")
    (user_folder / "mine.yaml").write_text(TOOL.replace("Mine", "Still mine"))
    assert available.read().get("mine").title == "Still mine"
    (user_folder / "mine.yaml").unlink()
    with pytest.raises(ToolNotFoundError, match="label-studio, mlflow, tensorboard"):
        available.read().get("mine")


def test_nothing_is_read_again_while_nothing_changes(platform_file: Path, user_folder: Path) -> None:
    (user_folder / "mine.yaml").write_text(TOOL + "icon: mine.svg\n")
    (user_folder / "mine.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    available = AvailableTools(platform_file, user_folder)
    assert available.read() is available.read()
    (user_folder / "mine.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>')
    assert "<path" in (available.read().get("mine").icon or "")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: [", 1, "not valid YAML"),
        ("title: Mine\ncommand: ['x', '{socket}']\ncolour: red\n", 3, "`colour` is not a setting."),
        ("titel: Mine\ncommand: ['x', '{socket}']\n", 1, "`titel` is not a setting. Did you mean `title`?"),
        ("command: ['x', '{socket}']\n", 1, "`title`: it is missing"),
        ("title: Mine\ncommand: streamlit run app.py\n", 2, "`command`: write a list, such as `[first, second]`"),
        ("title: Mine\ncommand: ['x', '{socket}']\nenvironment: A=1\n", 3, "`environment`: write lines of `key: value`"),
        ("title: Mine\ncommand: ['x', '{socket}']\nstrip_prefix: perhaps\n", 3, "`strip_prefix`: write `true` or `false`"),
        ("title: Mine\ncommand: ['x', '{socket}']\nstart_timeout_seconds: soon\n", 3, "`start_timeout_seconds`: write a number"),
        ("title: Mine\ncommand: ['x', '{socket}']\nstart_timeout_seconds: 0\n", 3, "it must be greater than 0"),
        ("title: Mine\ncommand:\n  - x\n  - 5\n", 4, "`command.1`: write text"),
        ("title: Mine\ncommand: ['x']\n", 1, "exactly one of {port} and {socket}"),
        ("title: Mine\ncommand: ['x', '{port}', '{socket}']\n", 1, "exactly one of {port} and {socket}"),
        ("title: Mine\ncommand: ['x', '{socket}', '{folders}']\n", 1, "{folders} is no placeholder"),
        ("title: Mine\ncommand: ['x', '{socket']\n", 1, "literal brace is written twice"),
        ("title: Mine\nurl: services/mlflow/\n", 2, "only the platform"),
        ("- one\n", 1, "settings of one tool"),
        ("", 1, "settings of one tool"),
        ("name: UPPER\ntitle: Mine\ncommand: ['x', '{socket}']\n", 1, "name"),
        ("title: Mine\ncommand: !!python/object/apply:os.system ['true']\n", 2, "not valid YAML"),
    ],
)
def test_broken_file_is_a_problem_with_its_line(user_folder: Path, text: str, line: int, words: str) -> None:
    (user_folder / "broken.yaml").write_text(text)
    (user_folder / "good.yaml").write_text(TOOL)
    content = AvailableTools(None, user_folder).read()
    assert list(content.tools) == ["good"]
    (problem,) = content.problems
    assert problem.source == str(user_folder / "broken.yaml")
    assert problem.message.startswith(f"line {line}: ")
    assert words in problem.message


def test_odd_files_are_problems(user_folder: Path) -> None:
    (user_folder / "a-folder.yaml").mkdir()
    (user_folder / "gone.yaml").symlink_to(user_folder / "nowhere")
    (user_folder / "large.yaml").write_text("#" * 70_000)
    (user_folder / "latin.yaml").write_bytes(b"title: \xff\n")
    os.mkfifo(user_folder / "pipe.yaml")
    (user_folder / ".hidden.yaml").write_text("[")
    content = AvailableTools(None, user_folder).read()
    assert content.tools == {}
    assert [Path(problem.source).name for problem in content.problems] == [
        "a-folder.yaml", "gone.yaml", "large.yaml", "latin.yaml", "pipe.yaml",
    ]  # fmt: skip


def test_user_tool_cannot_take_a_platform_tools_place(platform_file: Path, user_folder: Path) -> None:
    (user_folder / "tensorboard.yaml").write_text(TOOL)
    (user_folder / "first.yaml").write_text("name: twice\n" + TOOL)
    (user_folder / "second.yaml").write_text("name: twice\n" + TOOL)
    content = AvailableTools(platform_file, user_folder).read()
    assert content.get("tensorboard").origin == "built-in"
    assert [problem.message.split(";")[0] for problem in content.problems] == [
        "the name twice is taken by a tool of another of your own files",
        "the name tensorboard is taken by a tool of this platform",
    ]


def test_a_user_cannot_claim_to_be_the_platform(user_folder: Path) -> None:
    (user_folder / "mine.yaml").write_text(TOOL + "origin: built-in\n")
    assert AvailableTools(None, user_folder).read().get("mine").origin == "user"


@pytest.mark.parametrize("icon", ["nowhere.svg", "pipe.svg", "bitmap.svg", "'<svg><script/>'"])
def test_broken_icon_costs_only_the_icon(user_folder: Path, icon: str) -> None:
    os.mkfifo(user_folder / "pipe.svg")
    (user_folder / "bitmap.svg").write_bytes(b"\x89PNG")
    (user_folder / "mine.yaml").write_text(TOOL + f"icon: {icon}\n")
    content = AvailableTools(None, user_folder).read()
    assert content.get("mine").icon == DEFAULT_ICON
    assert content.problems[0].message.startswith("icon of mine: ")


@pytest.mark.parametrize("text", ["{", "{}", '[{"name": "x"}]', "[1]", "\x00"])
def test_broken_platform_file_is_a_problem(tmp_path: Path, user_folder: Path, text: str) -> None:
    (tmp_path / "tools.json").write_text(text)
    (user_folder / "mine.yaml").write_text(TOOL)
    content = AvailableTools(tmp_path / "tools.json", user_folder).read()
    assert list(content.tools) == ["mine"]
    assert "administrator" in content.problems[0].message


def test_missing_folders_are_no_problem(tmp_path: Path) -> None:
    assert AvailableTools(None, tmp_path / "nowhere").read().problems == ()


def test_home_and_relative_paths(user_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    (user_folder / "mine.yaml").write_text("title: Mine\npython: ~/env/bin/python\ncommand: ['{python}', '~/x.py', '{socket}']\n")
    mine = AvailableTools(None, user_folder).read().get("mine")
    assert mine.python == "/home/ada/env/bin/python"
    assert mine.command == ("{python}", "/home/ada/x.py", "{socket}")
