"""A tool of one's own works as its page says, command for command."""

from __future__ import annotations

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

HOW_TO = DOCS / "how-to" / "own-tool.md"
STREAMLIT = Path(__file__).parent / "tools" / "streamlit.py"


def test_clicks(make_server: Callable[..., LabServer]) -> None:
    server = make_server([])
    subprocess.run(["bash", "-e", "-c", blocks(HOW_TO, "sh")[0]], env=server.environment, check=True)
    answer = server.client.get("tools").json()
    assert answer["problems"] == []
    (tool,) = answer["tools"]
    assert (tool["name"], tool["title"], tool["origin"]) == ("clicks", "Clicks", "user")
    url = server.tool_url(server.open("clicks"))
    with httpx.Client(headers={"Authorization": f"token {TOKEN}"}, timeout=30, follow_redirects=True) as client:
        assert "<h1>0</h1>" in client.get(url).text
        assert "<h1>1</h1>" in client.post(url).text


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
    (folder / "app.yaml").write_text(blocks(HOW_TO, "yaml")[0])
    url = server.tool_url(server.open("app"))
    page = httpx.get(url, headers={"Authorization": f"token {TOKEN}"})
    assert page.text == f"{server.home}/app.py at {urlsplit(url).path}"


def test_the_other_commands_of_the_page_are_valid() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| `(\[.*?\])`(.*)\|$", HOW_TO.read_text(), re.MULTILINE)
    assert [name for name, _, _ in rows] == ["Gradio", "FastAPI", "a folder of static files"]
    for name, command, rest in rows:
        environment = {"GRADIO_SERVER_PORT": "{port}"} if "GRADIO_SERVER_PORT" in rest else {}
        Tool(name=name.lower().replace(" ", "-"), title=name, command=yaml.safe_load(command), environment=environment)
