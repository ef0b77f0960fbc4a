"""A tool of one's own works as its page says, command for command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml

from labyard.models.tool import Tool
from tests.documents import DOCS, blocks
from tests.labyard_lab.conftest import TOKEN, LabServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "own-tool"
HOW_TO = DOCS / "how-to" / "own-tool.md"
STREAMLIT = Path(__file__).parent / "tools" / "streamlit.py"


def test_clicks(make_server: Callable[..., LabServer]) -> None:
    server = make_server([])
    commands = blocks(HOW_TO, "sh")[0]
    subprocess.run(["sh", "-e", "-c", commands], cwd=EXAMPLE, env=server.environment, check=True)
    answer = server.client.get("tools").json()
    assert answer["problems"] == []
    (tool,) = answer["tools"]
    assert (tool["name"], tool["title"], tool["origin"]) == ("clicks", "Clicks", "user")
    assert "<path" in tool["icon"]
    url = server.tool_url(server.open("clicks"))
    with httpx.Client(base_url=url, headers={"Authorization": f"token {TOKEN}"}, timeout=30) as client:
        assert "<title>Clicks</title>" in client.get("").text
        with client.stream("GET", "events") as one, client.stream("GET", "events") as other:
            tabs = [(json.loads(line.removeprefix("data: "))["count"] for line in tab.iter_lines() if line) for tab in (one, other)]
            assert [next(tab) for tab in tabs] == [0, 0]
            for clicks in (1, 2):
                assert httpx.post(url + "click", headers=client.headers).status_code == 204
                assert [next(tab) for tab in tabs] == [clicks, clicks]


def test_the_page_shows_the_examples_own_file() -> None:
    assert blocks(EXAMPLE / "README.md", "sh") == blocks(HOW_TO, "sh")[:1]
    assert yaml.safe_load(blocks(HOW_TO, "yaml")[0]) == yaml.safe_load((EXAMPLE / "clicks.yaml").read_text())


def test_the_streamlit_app_of_the_page_starts(make_server: Callable[..., LabServer]) -> None:
    """Its file as it stands there; of Streamlit itself there is its command line, which says where it serves."""
    server = make_server([])
    assert blocks(HOW_TO, "sh")[1].strip() == "labyard env create apps streamlit"
    environment = server.home / ".local" / "share" / "labyard" / "environments" / "apps"
    venv.create(environment, symlinks=True)
    [packages] = environment.glob("lib/python*/site-packages")
    shutil.copy(STREAMLIT, packages / "streamlit.py")
    (server.home / "app.py").write_text("")
    folder = server.home / ".config" / "labyard" / "tools.d"
    folder.mkdir(parents=True)
    (folder / "app.yaml").write_text(blocks(HOW_TO, "yaml")[1])
    url = server.tool_url(server.open("app"))
    page = httpx.get(url, headers={"Authorization": f"token {TOKEN}"})
    assert page.text == f"{server.home}/app.py at {urlsplit(url).path}"


def test_the_other_commands_of_the_page_are_valid() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| `(\[.*?\])`(.*)\|$", HOW_TO.read_text(), re.MULTILINE)
    assert [name for name, _, _ in rows] == ["Gradio", "FastAPI", "a folder of static files"]
    for name, command, rest in rows:
        environment = {"GRADIO_SERVER_PORT": "{port}"} if "GRADIO_SERVER_PORT" in rest else {}
        Tool(name=name.lower().replace(" ", "-"), title=name, command=yaml.safe_load(command), environment=environment)
