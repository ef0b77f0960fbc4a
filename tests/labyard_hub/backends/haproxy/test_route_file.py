"""What stands in the map's file, and that one more route costs the text of one route."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from labyard_hub.backends.haproxy.route_file import Route, RouteFile


def route(number: int, **data: str) -> Route:
    return Route(f"/user/u{number}/", f"http://127.0.0.1:{8000 + number}", data)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = RouteFile(tmp_path / "routes.map")
    for number in range(3):
        file.put(route(number, user=f"u{number}"))
    file.remove("/user/u1/")
    file.put(Route("/user/a b/", "http://127.0.0.1:1", {"user": "a\nb # é"}))
    file.write(file.text())
    assert file.path.stat().st_mode & 0o777 == 0o600
    lines = file.path.read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "%2Fuser%2Fu0%2F 127.0.0.1|8000",
        "%2Fuser%2Fu2%2F 127.0.0.1|8002",
        "%2Fuser%2Fa%20b%2F 127.0.0.1|1",
    ]
    following = RouteFile(file.path)
    found = following.load()
    assert set(found) == {"/user/u0/", "/user/u2/", "/user/a b/"}
    assert found["/user/a b/"].data == {"user": "a\nb # é"}
    assert following.text() == file.text()
    assert following.is_as_written()


@pytest.mark.parametrize(
    "text", ["", "null\n", "# {\n", "# []\n", '# {"path": "x", "target": "http://127.0.0.1:1", "data": {}}\n', "# {}\nhalf"]
)
def test_a_damaged_file_is_no_more_than_fewer_routes(tmp_path: Path, text: str) -> None:
    file = RouteFile(tmp_path / "routes.map")
    file.put(route(1))
    file.path.write_text(f"{text}{file.text()}")
    found = RouteFile(file.path)
    assert set(found.load()) <= {"/user/u1/"}
    assert found.is_as_written() == (not text)


def test_one_more_route_reads_and_describes_no_other(tmp_path: Path) -> None:
    file = RouteFile(tmp_path / "routes.map")
    for number in range(1000):
        file.put(route(number))
    with mock.patch("labyard_hub.backends.haproxy.route_file.json.dumps", return_value="{}") as dumps:
        file.put(route(1000))
        file.text()
    assert dumps.call_count == 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = RouteFile(tmp_path / "routes.map")
    file.write("old")
    with mock.patch.object(Path, "replace", side_effect=OSError(28, "No space left on device")), pytest.raises(OSError, match="No space"):
        file.write("new")
    assert [path.name for path in tmp_path.iterdir()] == ["routes.map"]
    assert file.path.read_text() == "old"
    assert not file.is_as_written()
