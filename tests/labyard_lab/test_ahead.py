"""Tools that are started when a project is opened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psutil
import pytest

from labyard.models.tool import Tool, ToolInstanceState
from labyard_lab.running_tools import ahead as module
from labyard_lab.running_tools.ahead import IDLE_SECONDS, Ahead, running_on_this_machine
from labyard_lab.running_tools.manager import InstanceManager
from labyard_lab.running_tools.runtime import RuntimeFolder
from tests.labyard_lab.conftest import ECHO_TOOL, LabServer, echo_tool
from tests.labyard_lab.members import IDENTITIES, PROJECT, project_environment, service
from tests.waiting import until, wait_until

ORIGIN = "http://lab.example"
TOOL = echo_tool("label-studio", idle_timeout_seconds=7200)


@pytest.fixture(autouse=True)
def a_tool_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", {"label-studio": str(ECHO_TOOL)})


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[InstanceManager]:
    (tmp_path / "root").mkdir()
    manager = InstanceManager(
        root=tmp_path / "root", base_path="/b/", runtime=RuntimeFolder(), logger=logging.getLogger("test"), data_folder=tmp_path / "data"
    )
    yield manager
    await manager.close()


@pytest.fixture
def use_before(tmp_path: Path) -> Callable[[], None]:
    def use() -> None:
        (tmp_path / "data" / "label-studio").mkdir(parents=True)
        (tmp_path / "data" / "label-studio" / "labels.sqlite3").touch()

    return use


async def begin(manager: InstanceManager, tool: Tool = TOOL, limit: int | None = None) -> Ahead:
    """Start ahead, and wait until that is through."""
    mark = module.AHEAD["label-studio"]
    ahead = Ahead(
        lambda: {tool.name: tool},
        manager,
        logging.getLogger("test"),
        running_on_this_machine(mark) + 1 if limit is None else limit,
        pause_seconds=0,
    )
    ahead.begin(ORIGIN)
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "labyard-ahead"))
    return ahead


async def test_a_tool_that_was_used_before_is_started(manager: InstanceManager, use_before: Callable[[], None]) -> None:
    use_before()
    await begin(manager)
    (instance,) = manager.list()
    await until(lambda: instance.state is ToolInstanceState.RUNNING, "it runs")
    assert running_on_this_machine(str(ECHO_TOOL)) >= 1
    # Nobody opened it: it ends sooner than one that somebody works with.
    assert instance.tool.idle_timeout_seconds == IDLE_SECONDS
    opened, is_new = await manager.open(TOOL, None, ORIGIN)
    assert (opened, is_new) == (instance, False)
    assert instance.tool.idle_timeout_seconds == 7200


async def test_one_that_nobody_opens_ends(
    manager: InstanceManager, use_before: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_before()
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.3)
    await begin(manager)
    (instance,) = manager.list()
    await until(lambda: instance.state is ToolInstanceState.STOPPED, "it ends")
    assert "nobody used it" in (instance.reason or "")


async def test_one_that_somebody_opens_in_time_stays(
    manager: InstanceManager, use_before: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_before()
    monkeypatch.setattr(module, "IDLE_SECONDS", 1.0)
    await begin(manager)
    (instance,) = manager.list()
    await until(lambda: instance.state is ToolInstanceState.RUNNING, "it runs")
    await manager.open(TOOL, None, ORIGIN)
    await until(lambda: instance.idle_seconds > 1.2, "it would have ended")
    assert instance.state is ToolInstanceState.RUNNING


async def test_nothing_is_started_where_nobody_used_it(manager: InstanceManager) -> None:
    await begin(manager)
    assert manager.list() == []


async def test_no_more_than_so_many_on_the_machine(manager: InstanceManager, use_before: Callable[[], None]) -> None:
    use_before()
    other, _ = await manager.open(echo_tool("other"), None, ORIGIN)
    await until(lambda: other.state is ToolInstanceState.RUNNING, "another runs")
    await begin(manager, limit=running_on_this_machine(str(ECHO_TOOL)))
    assert manager.list() == [other]


async def test_one_that_was_ended_stays_ended(manager: InstanceManager, use_before: Callable[[], None]) -> None:
    use_before()
    instance, _ = await manager.open(TOOL, None, ORIGIN)
    await instance.stop()
    await begin(manager)
    assert instance.state is ToolInstanceState.STOPPED


async def test_not_without_room_and_not_a_users_own(
    manager: InstanceManager, use_before: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_before()
    await begin(manager, TOOL.model_copy(update={"origin": "user"}))
    monkeypatch.setattr(module, "SPARE_BYTES", psutil.virtual_memory().total * 2)
    await begin(manager)
    assert manager.list() == []


@pytest.mark.integration
def test_a_projects_page_starts_it_for_an_editor_and_not_for_a_viewer(make_server: Callable[..., LabServer], tmp_path: Path) -> None:
    data = tmp_path / PROJECT / "tools"
    (data / "label-studio").mkdir(parents=True)
    (data / "label-studio" / "labels.sqlite3").touch()
    with service(bob="editor", vic="viewer") as known:
        environment = project_environment(known, LABYARD_PROJECTS_DIR=str(tmp_path), LABYARD_TOOL_DATA_DIR=str(data))
        server = make_server([TOOL], config=IDENTITIES + "c.LabyardLab.start_ahead_limit = 1000\n", environment=environment)

        def open_project(name: str) -> int:
            return httpx.get(f"{server.api}project", headers={"Authorization": f"token token-of-{name}"}).status_code

        def running() -> list[str]:
            return [one["id"] for one in server.client.get("instances").json()["instances"] if one["state"] == "running"]

        assert open_project("vic") == 200
        opened_by_viewer_at = time.monotonic()
        wait_until(lambda: time.monotonic() > opened_by_viewer_at + module.PAUSE_SECONDS + 1, "the time in which it would be started")
        assert server.client.get("instances").json()["instances"] == []
        assert open_project("bob") == 200
        assert wait_until(running, "it runs") == ["label-studio"]
