from __future__ import annotations

from pathlib import Path

import pytest

from labyard_hub.config.catalog import CATALOG_FILE, Catalog, read_catalog
from labyard_hub.exceptions import ConfigurationError

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
