"""The catalogue of curated images: what each is called, holds and is built on.

It is data, in ``catalog.yaml`` beside this module. Where an image is pulled from is the configuration's business: a person chooses a *name*.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from labyard_hub.config.yaml_files import load_yaml_model

__all__ = ["CATALOG_FILE", "Catalog", "Deprecation", "Image", "ImageName", "read_catalog"]

CATALOG_FILE = Path(__file__).with_name("catalog.yaml")

ImageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Deprecation(_Part):
    """That an image will go, and what to use instead."""

    since: date
    """From this day on people are told."""
    until: date | None = None
    """It is offered until this day; null: it is not decided."""
    successor: ImageName | None = None
    """The image to use instead; null: there is none."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"`until` ({self.until}) is before `since` ({self.since})")
        return self


class Image(_Part):
    """One image."""

    name: ImageName
    """Identifier, a DNS label; also the last part of its reference."""
    title: str = Field(min_length=1, max_length=60)
    """What people read."""
    description: str = Field(default="", max_length=300)
    """A sentence that says what it is for."""
    frameworks: dict[str, str] = {}
    """Distribution name to version, as far as people care; the locks are exact."""
    accelerator: Literal["cpu", "cuda"] = "cpu"
    """`cuda`: it holds the CUDA libraries, and is of use on a GPU."""
    family: ImageName | None = None
    """The image of the same contents for the CPU; null: it is its own family."""
    extends: ImageName | None = None
    """The image that it is built on; null: the operating system's."""
    default_interface: Literal["lab", "notebook"] = "lab"
    """What opens first."""
    kind: Literal["server", "platform"] = "server"
    """`server`: people choose it; `platform`: the platform's own processes run in it."""
    deprecated: Deprecation | None = None
    """Null: it stays."""


class Catalog(_Part):
    """All images; each exists once, and what an image names exists."""

    images: tuple[Image, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [image.name for image in self.images]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the image {twice!r} stands twice")
        for image in self.images:
            successor = image.deprecated.successor if image.deprecated else None
            for what, name in (("extends", image.extends), ("is of the family", image.family), ("is succeeded by", successor)):
                if name is not None and name not in names:
                    raise ValueError(
                        f"the image {image.name!r} {what} {name!r}, and there is none of that name; there are {', '.join(names)}"
                    )
            if successor == image.name:
                raise ValueError(f"the image {image.name!r} is succeeded by itself")
        try:
            self._sorted({image.name: image for image in self.images})
        except CycleError as error:
            raise ValueError(f"images extend one another in a circle: {' → '.join(reversed(error.args[1]))}") from None
        return self

    @cached_property
    def _by_name(self) -> dict[str, Image]:
        return {image.name: image for image in self.images}

    def get(self, name: str) -> Image:
        """Return the image `name`.

        Raises
        ------
        KeyError
            If there is none, with a sentence that names those there are.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"there is no image {name!r}; there are {', '.join(self._by_name)}") from None

    @property
    def servers(self) -> tuple[Image, ...]:
        """Those that people choose from."""
        return tuple(image for image in self.images if image.kind == "server")

    def lineage(self, name: str) -> tuple[Image, ...]:
        """Return what `name` is built on, the lowest first, and itself last."""
        image = self.get(name)
        return (*(self.lineage(image.extends) if image.extends else ()), image)

    def build_order(self, *names: str) -> tuple[Image, ...]:
        """Return the images `names` and all they are built on, each after what it extends; without names, all.

        Raises
        ------
        KeyError
            If one of the names is unknown.
        """
        wanted = {image.name for name in names or self._by_name for image in self.lineage(name)}
        return tuple(image for image in self._sorted(self._by_name) if image.name in wanted)

    def reference(self, name: str, prefix: str, tag: str) -> str:
        """Return what a container engine calls the image: ``prefix`` + `name` + ``:tag``.

        Parameters
        ----------
        prefix
            Registry and folder, such as ``registry.example.org/ml/labyard-``; a name is put right behind it.
        """
        return f"{prefix}{self.get(name).name}:{tag}"

    @staticmethod
    def _sorted(images: dict[str, Image]) -> tuple[Image, ...]:
        graph = {name: [image.extends] if image.extends else [] for name, image in images.items()}
        return tuple(images[name] for name in TopologicalSorter(graph).static_order())


def read_catalog(path: Path | None = None) -> Catalog:
    """Read a catalogue; None: the one that comes with Labyard.

    Raises
    ------
    ConfigurationError
        With the file and line of the first mistake.
    """
    return load_yaml_model(path or CATALOG_FILE, Catalog)
