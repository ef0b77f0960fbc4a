"""Which addresses pages of JupyterLab are made with."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest

from labyard_lab.page import PageConfig, share_assets

URL = "/services/labyard/assets/0123456789abcdef/"
SHARED = {
    "url": URL,
    "extensions": {"ours": "static/remoteEntry.aa.js", "@us/ours": "static/remoteEntry.bb.js"},
    "mains": {"lab": "main.aa.js"},
    "start": [],
}
BASE = "/user/ada/lab/extensions"


def _handler(folder: Path, name: str = "lab", main: str = "main.aa.js") -> Any:
    (folder / main).touch()
    return SimpleNamespace(extensionapp=SimpleNamespace(name=name, static_dir=str(folder)), base_url="/user/ada/")


def _page(*extensions: tuple[str, str], disabled: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "fullStaticUrl": "/user/ada/static/lab",
        "fullLabextensionsUrl": BASE,
        "themesUrl": "/lab/api/themes",
        "federated_extensions": [{"name": name, "load": load, "extension": "./extension"} for name, load in extensions],
        "disabledExtensions": list(disabled),
    }


def _loaded(page: dict[str, Any]) -> list[str]:
    """Return what a browser asks for."""
    return [urljoin("http://host/", f"{page['fullLabextensionsUrl']}/{one['name']}/{one['load']}") for one in page["federated_extensions"]]


def test_the_platforms_files_are_shared(tmp_path: Path) -> None:
    before = _page(("ours", "static/remoteEntry.aa.js"), ("@us/ours", "static/remoteEntry.bb.js"))
    after = PageConfig(SHARED)(_handler(tmp_path), before)
    assert after["fullStaticUrl"] == f"{URL}lab"
    assert _loaded(after) == [
        f"http://host{URL}labextensions/ours/static/remoteEntry.aa.js",
        f"http://host{URL}labextensions/@us/ours/static/remoteEntry.bb.js",
    ]
    assert urljoin("http://host/user/ada/", after["themesUrl"]) == f"http://host{URL}themes"
    assert before == _page(("ours", "static/remoteEntry.aa.js"), ("@us/ours", "static/remoteEntry.bb.js"))


def test_what_a_user_installed_comes_from_their_server(tmp_path: Path) -> None:
    after = PageConfig(SHARED)(_handler(tmp_path), _page(("theirs", "static/remoteEntry.cc.js"), ("ours", "static/remoteEntry.other.js")))
    assert _loaded(after) == [f"http://host{BASE}/theirs/static/remoteEntry.cc.js", f"http://host{BASE}/ours/static/remoteEntry.other.js"]
    assert after["themesUrl"] == "/lab/api/themes"  # one of them may bring a theme


def test_another_build_of_jupyterlab_serves_its_own(tmp_path: Path) -> None:
    assert PageConfig(SHARED)(_handler(tmp_path, main="main.bb.js"), _page())["fullStaticUrl"] == "/user/ada/static/lab"


def test_an_application_that_the_platform_does_not_know(tmp_path: Path) -> None:
    assert PageConfig(SHARED)(_handler(tmp_path, name="nbclassic"), _page())["fullStaticUrl"] == "/user/ada/static/lab"


def test_what_is_switched_off_is_not_loaded(tmp_path: Path) -> None:
    page = _page(("ours", "static/remoteEntry.aa.js"), ("@us/ours", "static/remoteEntry.bb.js"), disabled=("@us/ours", "ours:one-plugin"))
    assert [one["name"] for one in PageConfig(SHARED)(_handler(tmp_path), page)["federated_extensions"]] == ["ours"]


def test_the_hook_that_was_there_goes_first(tmp_path: Path) -> None:
    def former(_: Any, page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "hubUser": "ada", "fullStaticUrl": "/elsewhere"}

    after = PageConfig(SHARED, former)(_handler(tmp_path), _page())
    assert (after["hubUser"], after["fullStaticUrl"]) == ("ada", f"{URL}lab")


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"url": "/x/"}'])
def test_without_shared_assets_nothing_changes(text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("LABYARD_PAGE_FILE", str(file))
    settings: dict[str, Any] = {}
    share_assets(settings)
    assert settings == {}


def test_the_platforms_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.json").write_text(json.dumps(SHARED))
    monkeypatch.setenv("LABYARD_PAGE_FILE", str(tmp_path / "page.json"))
    settings: dict[str, Any] = {"page_config_hook": "former"}
    share_assets(settings)
    assert isinstance(settings["page_config_hook"], PageConfig)


def test_a_pod_is_told_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABYARD_PAGE_FILE", raising=False)
    for text, is_taken in ((json.dumps(SHARED), True), ("", False), ("{", False), ('{"url": 1}', False)):
        monkeypatch.setenv("LABYARD_PAGE", text)
        settings: dict[str, Any] = {}
        share_assets(settings)
        assert bool(settings) == is_taken


def test_with_a_name_of_its_own_a_server_leads_to_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_HOST", "http://labyard.localhost:8000")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "http://ada.labyard.localhost:8000/user/ada/")
    after = PageConfig(SHARED)(_handler(tmp_path), _page(("ours", "static/remoteEntry.aa.js")))
    assert after["fullStaticUrl"] == f"http://labyard.localhost:8000{URL}lab"
    assert _loaded(after) == [f"http://labyard.localhost:8000{URL}labextensions/ours/static/remoteEntry.aa.js"]
    mixed = PageConfig(SHARED)(_handler(tmp_path), _page(("ours", "static/remoteEntry.aa.js"), ("theirs", "x.js")))
    assert _loaded(mixed) == [f"http://host{URL}labextensions/ours/static/remoteEntry.aa.js", f"http://host{BASE}/theirs/x.js"]
