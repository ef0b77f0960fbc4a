"""The second route of a pod, to its front, by a real HAProxy and the route agent. Worth: a tool's tab leads to this pod, and to none that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from labyard_hub.hub_plugins.front_routes import FrontedHttpProxy
from tests.integration.test_proxy_agent import TOKEN, Pod, open_pod

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[Pod]:
    async with open_pod(tmp_path / "pod") as pod:
        yield pod


def hub_side(pod: Pod) -> FrontedHttpProxy:
    hub = SimpleNamespace(routespec="/", host=f"http://localhost:{pod.ports[3]}", api_url="")
    return FrontedHttpProxy(
        should_start=False, api_url=f"http://127.0.0.1:{pod.api}", auth_token=TOKEN, hub=hub, app=SimpleNamespace(hub=hub)
    )


async def test_the_way_to_a_pod_s_tools_comes_and_goes_with_the_pod(pod: Pod) -> None:
    server, front = pod.ports[:2]
    spawner = SimpleNamespace(
        proxy_spec="/user/ada/", server=SimpleNamespace(host=f"http://127.0.0.1:{server}"), pending=None, front_port=front, ready=True
    )
    ada = SimpleNamespace(name="ada", proxy_spec="/user/ada/", spawners={"": spawner})
    tools = "/user/ada/labyard/tools/x"
    await hub_side(pod).add_user(ada)
    await pod.until_answers(tools, str(front))
    await pod.until_answers("/user/ada/lab", str(server))
    # The next hub finds one route, knows it by its data, and neither adds nor removes anything.
    proxy = hub_side(pod)
    routes = await proxy.get_all_routes()
    assert routes["/user/ada/"]["data"] == {"user": "ada", "server_name": "", "front": f"http://127.0.0.1:{front}"}
    assert [path for path in routes if "tools" in path] == []
    await proxy.check_routes({"ada": ada}, {})
    assert await pod.answer(tools) == str(front)
    # A pod of an image that has no front takes all at its own port.
    spawner.front_port = 0
    await proxy.add_user(ada)
    await pod.until_answers(tools, str(server))
    spawner.front_port = front
    await proxy.add_user(ada)
    await pod.until_answers(tools, str(front))
    # Nobody's any more, both go.
    await proxy.check_routes({}, {})
    await pod.until_answers("/user/ada/lab", str(pod.ports[3]))
    await pod.until_answers(tools, str(pod.ports[3]))
