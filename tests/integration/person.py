"""Somebody with a server of their own, who works in notebooks and terminals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import websocket

from tests.integration.kernels import KernelConnection
from tests.platform import RunningPlatform, named, wait_until

PASSWORD = "correct horse battery"


class Person:
    """Somebody with a running server."""

    def __init__(self, running: RunningPlatform, name: str) -> None:
        running.ensure_user(name, PASSWORD)
        session = running.session(name, PASSWORD)
        session.start_server(name)
        self.name, self.running, self.session, self.token = name, running, session, session.token(name)
        self.server = running.client(f"user/{name}/", self.token)
        self.mlflow = running.client("services/mlflow/api/2.0/mlflow/", self.token)

    @property
    def home(self) -> Path:
        return self.running.state.homes / self.name

    def notebook(self, path: str, kernel: str = "python3") -> KernelConnection:
        """Open a notebook's session, as JupyterLab does, and connect to its kernel."""
        folder = ""
        for part in path.split("/")[:-1]:
            folder = f"{folder}/{part}".strip("/")
            self.server.put(f"api/contents/{folder}", json={"type": "directory"})
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": kernel}}
        opened = self.server.post("api/sessions", json=body)
        assert opened.status_code == 201, opened.text
        return KernelConnection(f"{self.running.url}user/{self.name}/", opened.json()["kernel"]["id"], self.token)

    def terminal(self, script: str, folder: str = "", answers: Mapping[str, str] = MappingProxyType({})) -> str:
        """Run a script in a terminal, type each of `answers` once its question is asked, and return what it printed."""
        body = {"type": "file", "format": "text", "content": script}
        self.server.put("api/contents/script.sh", json=body).raise_for_status()
        terminal = self.server.post("api/terminals", json={"cwd": str(self.home / folder)}).json()["name"]
        shell = websocket.create_connection(
            named(f"{self.running.url}user/{self.name}/terminals/websocket/{terminal}").replace("http", "ws", 1),
            header=[f"Authorization: token {self.token}"], timeout=60,
        )  # fmt: skip
        shell.send(json.dumps(["stdin", "bash ~/script.sh > ~/out.part 2>&1; mv ~/out.part ~/out.txt\r"]))
        for question, answer in answers.items():
            wait_until(lambda asked=question: asked in (self._output("out.part") or ""), question, 90)
            shell.send(json.dumps(["stdin", f"{answer}\r"]))
        text = wait_until(self._output, "the script ends", 90)
        shell.close()
        self.server.delete("api/contents/out.txt").raise_for_status()
        self.server.delete(f"api/terminals/{terminal}").raise_for_status()
        return str(text)

    def _output(self, name: str = "out.txt") -> str | None:
        answer = self.server.get(f"api/contents/{name}?format=text&type=file")
        return str(answer.json()["content"]) + "\n" if answer.status_code == 200 else None

    def experiments(self) -> dict[str, str]:
        answer = self.mlflow.post("experiments/search", json={"max_results": 100})
        assert answer.status_code == 200, answer.text
        return {one["name"]: one["experiment_id"] for one in answer.json().get("experiments", [])}

    def runs(self, experiment: str) -> list[dict[str, Any]]:
        answer = self.mlflow.post("runs/search", json={"experiment_ids": [self.experiments()[experiment]], "max_results": 100})
        return list(answer.json().get("runs", []))
