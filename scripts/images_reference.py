"""The page of images, `docs/reference/images.md`: the catalogue, the exact versions of the locks, and what `images/measure.py` recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from labyard_hub.config.catalog import Image, read_catalog

__all__ = ["images_page", "locked_versions"]

ROOT = Path(__file__).parent.parent
MEASURED = ROOT / "images" / "measured.json"
NOTE = "<!-- Written by `make docs` from the catalogue and what was measured: do not edit. -->\n"
ELSEWHERE = """## Beside Jupyter's docker-stacks

Not measured here, since no registry can be reached from where this is built: the project's own [build records](https://github.com/jupyter/docker-stacks/wiki) give 3.82 GB unpacked for `scipy-notebook`, which has
the same contents as our `sklearn` but for the tools (8 May 2023, tag `975e7404e1b1`). A user of both read 4.19 GB for `scipy-notebook` and 1.58 GB for `minimal-notebook` in September 2023
(Unidata/science-gateway, pull request 867). Newer figures were not found. Against 3.82 GB, {comparison}
"""


def locked_versions(file: Path) -> dict[str, str]:
    """Return the versions of a lock for Linux and Python 3.11, by name."""
    found = {}
    for line in file.read_text().splitlines():
        match = re.match(r"([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)\s*(.*)", line)
        if match and ">= '3.12'" not in match[3] and "!= 'linux'" not in match[3]:
            found[match[1]] = match[2]
    return found


def locks_of(image: Image) -> list[Path]:
    """Return the locks that what the catalogue names of `image` stands in."""
    if image.kind == "platform":
        return []
    if image.extends:
        return [ROOT / "images" / image.name / "requirements.txt"]
    return [ROOT / "hub" / "src" / "labyard_hub" / "environments" / "workbench.txt", ROOT / "images" / "base" / "server.txt"]


def images_page() -> str:
    """Return the page."""
    measured: dict[str, Any] = json.loads(MEASURED.read_text())
    parts = [
        "# Images\n", NOTE,
        "What people choose from on a cluster, and what the platform itself runs in. How they are built and what they need at their start is in [images/README.md](../../images/README.md).\n",
        *_catalogue(), *_sizes(measured), ELSEWHERE.format(comparison=_comparison(measured)),
    ]  # fmt: skip
    return "\n".join(parts)


def _catalogue() -> list[str]:
    rows = ["| image | what it is for | holds | for | built on |", "|---|---|---|---|---|"]
    for image in read_catalog().images:
        exact: dict[str, str] = {}
        for lock in locks_of(image):
            exact |= locked_versions(lock)
        holds = ", ".join(f"{name} {exact.get(name, version)}" for name, version in image.frameworks.items())
        ends = ""
        if image.deprecated is not None:
            ends = f" Deprecated since {image.deprecated.since}." + (
                f" Use `{image.deprecated.successor}`." if image.deprecated.successor else ""
            )
        who = {"cpu": "CPU", "cuda": "GPU (CUDA)"}[image.accelerator]
        rows.append(
            f"| `{image.name}` | {image.description}{ends} | {holds} | {who} | {f'`{image.extends}`' if image.extends else 'Debian 12'} |"
        )
    return ["## The catalogue\n", *rows, ""]


def _sizes(measured: dict[str, Any]) -> list[str]:
    rows = ["| image | unpacked | compressed | its own layers, from the one that changes least |", "|---|---|---|---|"]
    for name, one in measured["images"].items():
        layers = " · ".join(f"{layer['what']} {layer['bytes'] / 1e6:.0f}" for layer in one["layers"])
        packed = f"{one['compressed_bytes'] / 1e6:.0f}" if one.get("compressed_bytes") else "—"
        rows.append(f"| `{name}` | {one['bytes'] / 1e6:.0f} | {packed} | {layers} |")
    starts = ["| image | from asking for the container to an answer of the server | without bytecode |", "|---|---|---|"]
    for name, one in measured["images"].items():
        if "start_seconds" in one:
            starts.append(f"| `{name}` | {one['start_seconds']:.1f} s | {one['start_without_bytecode_seconds']:.1f} s |")
    return [
        "## Sizes\n", f"In MB (10^6 bytes). Measured on {measured['measured_on']}, {measured['machine']}\n", *rows, "",
        "## Starts\n", "The median of three, the container as a cluster runs it: any user, read-only root, no network.\n", *starts, "",
    ]  # fmt: skip


def _comparison(measured: dict[str, Any]) -> str:
    sklearn = measured["images"].get("sklearn")
    if sklearn is None:
        return "`sklearn` was not measured."
    tools = sum(layer["bytes"] for layer in measured["images"]["base"]["layers"] if layer["what"] == "Label Studio")
    share, alone = sklearn["bytes"] / 3.82e9, (sklearn["bytes"] - tools) / 3.82e9
    return f"`sklearn` is {share:.0%} with the tools, and {alone:.0%} without Label Studio, which docker-stacks does not have."
