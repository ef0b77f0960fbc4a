"""What stands in Traefik's file, and that one more route costs the text of one route."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy

from labyard_hub.hub_plugins.proxy import LabyardProxy, _lay_over
from labyard_hub.hub_plugins.routes_file import RoutesFile


def route(number: int) -> dict[str, Any]:
    return {
        "http": {"routers": {f"r{number}": {"rule": f"Path(`/{number}`)"}}, "services": {f"s{number}": {"loadBalancer": {}}}},
        "jupyterhub": {"routes": {f"r{number}": {"routespec": f"/{number}/", "target": "http://127.0.0.1:1", "data": {"user": "x"}}}},
    }


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = RoutesFile(tmp_path / "routes.yaml")
    file.put({"http": {"middlewares": {"auth": {"x": 1}}, "routers": {"api": {"rule": "y"}}}, "tls": {"stores": {}}})
    for number in range(3):
        file.put(route(number))
    file.remove("routers", "r1")
    file.remove("services", "s1")
    file.remove("routes", "r1")
    file.write(file.text("mark"))
    configuration, comment = (tmp_path / "routes.yaml").read_text().splitlines()
    written = json.loads(configuration)
    assert set(written["http"]["routers"]) == {"api", "r0", "r2"}
    assert set(written["http"]["services"]) == {"s0", "s2"}
    assert set(written["http"]["middlewares"]) == {"auth", "mark"}
    assert written["tls"] == {"stores": {}}
    assert comment.startswith("# ")
    assert set(RoutesFile(tmp_path / "routes.yaml").load()["jupyterhub"]["routes"]) == {"r0", "r2"}
    assert (tmp_path / "routes.yaml").stat().st_mode & 0o777 == 0o600
    assert file.is_as_written()
    assert list(tmp_path.iterdir()) == [tmp_path / "routes.yaml"]


def test_the_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(json.dumps(route(1)))
    assert set(RoutesFile(tmp_path / "routes.yaml").load()["jupyterhub"]["routes"]) == {"r1"}


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"http": {}}\n# {"rou', '{"http": {}}\n# []'])
def test_a_broken_file_is_no_routes(tmp_path: Path, text: str) -> None:
    (tmp_path / "routes.yaml").write_text(text)
    assert RoutesFile(tmp_path / "routes.yaml").load().get("jupyterhub") is None


def test_one_more_route_among_many_costs_the_text_of_one(tmp_path: Path) -> None:
    file = RoutesFile(tmp_path / "routes.yaml")
    for number in range(1000):
        file.put(route(number))
    with mock.patch("labyard_hub.hub_plugins.routes_file.json.dumps", side_effect=json.dumps) as dumps:
        file.put(route(1000))
        file.text("mark")
    assert dumps.call_count < 12


def test_adding_a_route_copies_none_of_the_others() -> None:
    config: dict[str, Any] = {"http": {"routers": {}, "services": {}}, "jupyterhub": {"routes": {}}}
    routers = config["http"]["routers"]
    _lay_over(config, route(1))
    first = routers["r1"]
    _lay_over(config, route(2))
    assert config["http"]["routers"] is routers
    assert routers["r1"] is first


async def test_a_proxy_that_takes_its_time_ends_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub checks its routes as it starts, and would end by what that raises."""
    monkeypatch.setattr(LabyardProxy, "_start_external", mock.AsyncMock())
    monkeypatch.setattr(TraefikFileProviderProxy, "check_routes", mock.AsyncMock(side_effect=TimeoutError))
    proxy = LabyardProxy(should_start=False, dynamic_config_file=str(tmp_path / "routes.yaml"), traefik_api_password="x")
    proxy.dynamic_config_handler.write("{}")
    await proxy.check_routes({}, {})
    assert proxy.check_route_timeout == 120


def test_the_proxy_is_the_one_that_the_hub_knows() -> None:
    """What we replace is still there upstream; else a new version of it goes its own way past us."""
    for name in (
        "_apply_dynamic_config",
        "_delete_dynamic_config",
        "_wait_for_route",
        "_load_dynamic_config",
        "_default_semaphore",
        "_traefik_api_request",
    ):
        assert any(name in base.__dict__ for base in LabyardProxy.__mro__[1:]), name
