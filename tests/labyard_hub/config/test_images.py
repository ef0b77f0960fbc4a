from __future__ import annotations

import pytest
from pydantic import ValidationError

from labyard._version import __version__
from labyard_hub.config.images import ImageSettings

OWN = {"name": "own", "title": "Our own", "reference": "registry.example.org/own@sha256:" + "0" * 64}


def test_without_settings_the_catalogue_is_offered_but_not_what_the_platform_runs() -> None:
    images = ImageSettings()
    names = [image.name for image in images.offered]
    assert names[:2] == ["base", "sklearn"]
    assert "hub" not in names
    assert images.reference("sklearn") == f"labyard/sklearn:{__version__}"
    assert images.reference("hub") == f"labyard/hub:{__version__}"


def test_images_of_ones_own_and_hidden_ones() -> None:
    images = ImageSettings.model_validate(
        {"prefix": "registry.example.org/ml/labyard-", "tag": "7", "extra": [OWN], "hidden": ["pytorch-cuda", "jax-cuda"]}
    )
    names = [image.name for image in images.offered]
    assert names[-1] == "own"
    assert not {"pytorch-cuda", "jax-cuda"} & set(names)
    assert images.reference("own") == OWN["reference"]
    assert images.reference("jax") == "registry.example.org/ml/labyard-jax:7"
    with pytest.raises(KeyError, match="no image 'nothing'"):
        images.reference("nothing")


def test_an_image_of_ones_own_may_take_the_place_of_one_of_ours() -> None:
    images = ImageSettings.model_validate({"extra": [{**OWN, "name": "sklearn"}]})
    assert images.reference("sklearn") == OWN["reference"]
    assert images.catalog.get("sklearn").title == "Our own"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hidden": ["torch"]}, "no such image; there are base"),
        ({"extra": [OWN, OWN]}, "the same name"),
        ({"extra": [{**OWN, "extends": "torch"}]}, "'own' extends 'torch'"),
        ({"extra": [{**OWN, "reference": "no spaces"}]}, "reference"),
        (
            {"hidden": ["base", "sklearn", "pytorch", "pytorch-cuda", "tensorflow", "tensorflow-cuda", "jax", "jax-cuda"]},
            "every image is hidden",
        ),
        ({"prefix": ""}, "prefix"),
    ],
)
def test_mistakes_are_said(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ImageSettings.model_validate(wrong)
