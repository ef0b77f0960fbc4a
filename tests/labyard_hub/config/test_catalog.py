from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from labyard_hub.config.catalog import CATALOG_FILE, Catalog, Image, read_catalog
from labyard_hub.exceptions import ConfigurationError
from scripts.images_reference import locked_versions, locks_of

ROOT = Path(__file__).parents[3]


def error_of(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_catalog(path)
    return caught.value.message


def test_the_images_that_come_with_labyard() -> None:
    catalog = read_catalog()
    assert {image.name for image in catalog.images} == {
        "base", "sklearn", "pytorch", "pytorch-cuda", "tensorflow", "tensorflow-cuda", "jax", "jax-cuda", "hub",
    }  # fmt: skip
    assert "hub" not in {image.name for image in catalog.servers}
    for image in catalog.images:
        assert image.title
        assert image.description.endswith(".")
        assert image.frameworks
        assert (image.accelerator == "cuda") == image.name.endswith("-cuda")
        if image.accelerator == "cuda":
            assert catalog.get(image.family or "").accelerator == "cpu"


def test_the_builders_folder_names_the_same_file() -> None:
    assert (ROOT / "images" / "catalog.yaml").resolve() == CATALOG_FILE.resolve()


def test_what_is_extended_is_built_first_and_once() -> None:
    catalog = read_catalog()
    order = [image.name for image in catalog.build_order("sklearn", "jax")]
    assert sorted(order) == ["base", "jax", "sklearn"]
    assert order[0] == "base"
    assert [image.name for image in catalog.lineage("sklearn")] == ["base", "sklearn"]
    assert len(catalog.build_order()) == len(catalog.images)


def test_a_reference_is_prefix_name_and_tag() -> None:
    assert (
        read_catalog().reference("jax-cuda", "registry.example.org/ml/labyard-", "0.1.0")
        == "registry.example.org/ml/labyard-jax-cuda:0.1.0"
    )


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    for ask in (read_catalog().get, read_catalog().lineage, read_catalog().build_order):
        with pytest.raises(KeyError, match="no image 'torch'; there are base, sklearn"):
            ask("torch")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("images:\n  - {name: a, title: A, extends: b}\n", ["'a' extends 'b'", "there are a"]),
        ("images:\n  - {name: a, title: A}\n  - {name: a, title: B}\n", ["'a' stands twice"]),
        ("images:\n  - {name: a, title: A, extends: b}\n  - {name: b, title: B, extends: a}\n", ["in a circle", " → b", " → a"]),
        ("images:\n  - {name: a, title: A, extends: a}\n", ["in a circle"]),
        ("images:\n  - {name: a, title: A, family: b}\n", ["is of the family 'b'"]),
        ("images:\n  - {name: a, title: A, deprecated: {since: 2026-01-01, successor: b}}\n", ["is succeeded by 'b'"]),
        ("images:\n  - {name: a, title: A, deprecated: {since: 2026-01-01, successor: a}}\n", ["by itself"]),
        ("images:\n  - {name: a, title: A, deprecated: {since: 2026-02-01, until: 2026-01-01}}\n", [":2:", "before"]),
        ("images:\n  - {name: a, title: A}\n  - {name: B, title: B}\n", [":3:", "images.1.name"]),
        ("images:\n  - {name: a, title: A, accelerator: rocm}\n", [":2:", "cpu", "cuda"]),
        ("images:\n  - {name: a, title: A, extend: a}\n", [":2:", "images.0.extend"]),
    ],
)
def test_mistakes_are_said_clearly(tmp_path: Path, text: str, words: list[str]) -> None:
    message = error_of(tmp_path / "catalog.yaml", text)
    for word in words:
        assert word in message


def test_an_empty_catalogue_is_one() -> None:
    assert Catalog().build_order() == ()


@pytest.mark.parametrize("image", list(read_catalog().servers), ids=lambda image: image.name)
def test_versions_are_those_of_the_locks(image: Image) -> None:
    locked: dict[str, str] = {"python": "3.11"}
    for lock in locks_of(image):
        locked |= locked_versions(lock)
    assert {
        name: locked.get(name) for name, version in image.frameworks.items() if not f"{locked.get(name)}.".startswith(f"{version}.")
    } == {}


@pytest.mark.parametrize("image", [image for image in read_catalog().servers if image.extends], ids=lambda image: image.name)
def test_what_an_image_extends_keeps_its_versions(image: Image) -> None:
    lower = locked_versions(ROOT / "hub" / "src" / "labyard_hub" / "environments" / "workbench.txt")
    own = locked_versions(ROOT / "images" / image.name / "requirements.txt")
    assert {name: (version, own.get(name)) for name, version in lower.items() if own.get(name) != version} == {}


def test_the_server_in_the_images_is_the_one_that_was_tested() -> None:
    tested: dict[str, set[str]] = {}
    for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        tested.setdefault(one["name"], set()).add(one.get("version", ""))
    own = locked_versions(ROOT / "images" / "base" / "server.txt")
    assert {name: (version, tested[name]) for name, version in own.items() if version not in tested.get(name, {version})} == {}
    assert "jupyterlab-git" in own
