"""Builds images of the catalogue, each after what it extends. What did not change since the last build is left as it is.

Usage: ``make images`` builds base, sklearn and hub; ``make images ARGS="pytorch --base docker.io/library/debian:bookworm-slim"`` what is named.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contexts import ROOT, build_wheels, digest_of, gather
from debian import ensure_debian
from engine import Engine, EngineError, find_engine

from labyard._version import __version__
from labyard_hub.config.catalog import Image, read_catalog

DEFAULT = ("base", "sklearn", "hub")
PREFIX = "localhost/labyard-"
INPUTS_LABEL = "org.labyard.inputs"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PASSED_ON = (
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY", "UV_HTTP_TIMEOUT",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
"""Variables that say where packages come from. A build sees them, no layer and no label keeps them."""


def main() -> int:
    """Parse the command line, then build."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the engine, too
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"names of the catalogue; default: {' '.join(DEFAULT)}")
    parser.add_argument("--base", help="image of Debian 12 to build on; default: one made from Debian's packages")
    parser.add_argument("--prefix", default=PREFIX, help=f"put before each name; default: {PREFIX}")
    parser.add_argument("--tag", default=__version__, help=f"default: {__version__}")
    parser.add_argument("--engine", choices=["podman", "docker"], help="default: the first one that works")
    parser.add_argument("--wheels", type=Path, help="folder with wheels that the index does not have")
    parser.add_argument("--certificates", type=Path, default=CERTIFICATES, help="trusted during the build")
    parser.add_argument("--without-label-studio", action="store_true", help="leave out Label Studio, two fifths of the base image")
    parser.add_argument("--verbose", action="store_true", help="show what the engine prints")
    options = parser.parse_args()
    try:
        engine = find_engine(options.engine)
        catalog = read_catalog()
        images = catalog.build_order(*(options.images or DEFAULT))
        base = options.base or ensure_debian(engine)
        dist = build_wheels()
        arguments = {"LABEL_STUDIO": "no"} if options.without_label_studio else {}
        with _secrets(options.certificates) as secrets:
            builder = Builder(engine, arguments, secrets, options.verbose)
            for image in images:
                parent = catalog.reference(image.extends, options.prefix, options.tag) if image.extends else base
                folder = gather(image, dist, options.wheels)
                builder.build(image, folder, parent, catalog.reference(image.name, options.prefix, options.tag))
    except (EngineError, KeyError) as error:
        print(error.args[0], file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True)
class Builder:
    """Builds images one by one.

    Attributes
    ----------
    engine
        What builds.
    arguments
        Build arguments of `base` beside its parent.
    secrets
        Files that builds may see.
    verbose
        Whether to show what the engine prints.
    """

    engine: Engine
    arguments: dict[str, str]
    secrets: dict[str, Path]
    verbose: bool

    def build(self, image: Image, folder: Path, parent: str, reference: str) -> None:
        """Build `image` from `folder`, unless what is here under its name was made of the same."""
        found = self.engine.inspect(parent)
        inputs = digest_of(folder, found["Id"] if found else parent, *self.arguments.values())
        present = self.engine.inspect(reference)
        if present is not None and ((present.get("Config") or {}).get("Labels") or {}).get(INPUTS_LABEL) == inputs:
            print(f"{reference} is up to date", flush=True)
            return
        started = time.monotonic()
        print(f"building {reference}", flush=True)
        given = {"PARENT": parent, "NAME": image.name} if image.extends else {"BASE": parent}
        if image.name == "base":
            given |= self.arguments
        labels = {**_labels(image, parent), INPUTS_LABEL: inputs}
        self.engine.build(
            folder, folder / "Containerfile", reference, arguments=given, labels=labels, secrets=self.secrets, quiet=not self.verbose
        )
        print(f"built {reference} in {time.monotonic() - started:.0f} s", flush=True)


def _labels(image: Image, parent: str) -> dict[str, str]:
    """Return the labels that the OCI image specification has names for."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "org.opencontainers.image.title": image.title,
        "org.opencontainers.image.description": image.description,
        "org.opencontainers.image.version": __version__,
        "org.opencontainers.image.licenses": "BSD-3-Clause",
        "org.opencontainers.image.base.name": parent,
        "org.opencontainers.image.vendor": "Labyard",
        "org.labyard.image": image.name,
        "org.labyard.accelerator": image.accelerator,
        "org.labyard.sbom": f"/opt/labyard/sbom/{image.name}.cdx.json",
        **({"org.opencontainers.image.revision": done.stdout.strip()} if done.returncode == 0 else {}),
    }


@contextmanager
def _secrets(certificates: Path) -> Iterator[dict[str, Path]]:
    """Give what a build may see and no image may keep: index settings and trusted certificates."""
    with tempfile.TemporaryDirectory(prefix="labyard-build-") as folder:
        settings = Path(folder) / "settings"
        quoted = {name: os.environ[name].replace("'", "'\\''") for name in PASSED_ON if os.environ.get(name)}
        settings.write_text("".join(f"{name}='{value}'\n" for name, value in quoted.items()))
        own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml"
        found = {"settings": settings, "certificates": certificates, "uv": own if own.is_file() else Path("/etc/uv/uv.toml")}
        empty = Path(folder) / "empty"
        empty.touch()
        yield {name: path if path.is_file() else empty for name, path in found.items()}


if __name__ == "__main__":
    sys.exit(main())
