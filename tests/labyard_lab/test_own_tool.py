"""The example of a tool of one's own works as its README says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx

from labyard.models.tool import Tool
from tests.labyard_lab.conftest import TOKEN, LabServer

EXAMPLE = Path(__file__).parents[2] / "examples" / "own-tool"


def test_clicks(make_server: Callable[..., LabServer]) -> None:
    server = make_server([])
    folder = server.home / ".config" / "labyard" / "tools.d"
    folder.mkdir(parents=True)
    shutil.copy(EXAMPLE / "clicks.py", server.home)
    shutil.copy(EXAMPLE / "clicks.yaml", folder)
    shutil.copy(EXAMPLE / "clicks.svg", folder)
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


def test_commands_of_the_readme_are_valid() -> None:
    rows = re.findall(r"^\| (\w+) \| `(\[.*?\])`(.*)\|$", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
    assert [name for name, _, _ in rows] == ["Streamlit", "Gradio", "FastAPI"]
    for name, command, rest in rows:
        environment = {"GRADIO_SERVER_PORT": "{port}"} if "GRADIO_SERVER_PORT" in rest else {}
        Tool(name=name.lower(), title=name, command=json.loads(command), environment=environment)
