"""Which images a platform offers, and where they are pulled from."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from labyard._version import __version__
from labyard_hub.config.catalog import Catalog, Image, ImageName, read_catalog

__all__ = ["ExtraImage", "ImageSettings"]


class ExtraImage(Image):
    """An image of your own, in addition to those of the catalogue."""

    reference: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]*$")
    """Reference of the image, such as `registry.example.org/ml/own:3`."""


class ImageSettings(BaseModel):
    """Images that servers start from on a cluster. On one machine there are none: servers run in the machine's own environments."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    prefix: str = Field(default="labyard/", pattern=r"^[a-z0-9][A-Za-z0-9._:/-]*$")
    """Prefix of the name of each image of the catalogue, such as `registry.example.org/ml/labyard-`."""
    tag: str = Field(default=__version__, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    """Tag of the catalogue's images; default: this version of Labyard."""
    extra: tuple[ExtraImage, ...] = ()
    """Images of your own. An image with the name of one of the catalogue replaces it."""
    hidden: tuple[ImageName, ...] = ()
    """Names of images that Labyard does not offer. Other images can still extend them."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.extra and not self.hidden:
            return self  # defaults read no file
        names = {image.name for image in self.catalog.images}
        unknown = next((name for name in self.hidden if name not in names), None)
        if unknown is not None:
            raise ValueError(f"`hidden` names {unknown!r}, and there is no such image; there are {', '.join(sorted(names))}")
        if not self.offered:
            raise ValueError("every image is hidden: leave one at least")
        return self

    @cached_property
    def catalog(self) -> Catalog:
        """Labyard's catalogue with the platform's own images."""
        own = {image.name: Image(**image.model_dump(exclude={"reference"})) for image in self.extra}
        if len(own) < len(self.extra):
            raise ValueError("two images of `extra` have the same name")
        known = read_catalog().images
        return Catalog(images=tuple(own.pop(image.name, image) for image in known) + tuple(own.values()))

    @property
    def offered(self) -> tuple[Image, ...]:
        """Images that people may choose, where their profile allows them."""
        return tuple(image for image in self.catalog.servers if image.name not in self.hidden)

    def reference(self, name: str) -> str:
        """Return what the container engine calls the image `name`.

        Raises
        ------
        KeyError
            If there is none, with a sentence that names those there are.
        """
        own = {image.name: image.reference for image in self.extra}
        return own[name] if name in own else self.catalog.reference(name, self.prefix, self.tag)
