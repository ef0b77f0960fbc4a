"""Measures the images that are built here, and records it in `images/measured.json` for the reference page.

Usage: ``python images/measure.py ON_WHAT [IMAGE...]``, with a few words on the machine and how busy it was. With ``--sizes`` no container is started, and known starts stay as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from engine import Engine, find_engine

from labyard._version import __version__
from labyard_hub.config.catalog import Image, read_catalog

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "images" / "measured.json"
INSIDE = ROOT / "tests" / "images" / "inside"
PREFIX = "localhost/labyard-"
STARTS = 3
SMALLEST_BYTES = 10**6
WHAT = (
    ("ADD file:", "Debian"), ("apt-get", "Debian packages"), ("label-studio", "Label Studio"), ("labyard/server --require", "JupyterLab, notebooks, TensorBoard"),
    ("mlflow.txt", "MLflow"), ("labyard/assets", "what browsers load"), ("hub.txt", "hub and service"), ("build/dist", "Labyard"), ("requirements.txt", "frameworks"), ("NAME=", "frameworks"),
)  # fmt: skip
"""What a layer is, by words of the step that made it; the first that fits."""


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("machine", metavar="ON_WHAT")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="default: all that are built here")
    parser.add_argument("--sizes", action="store_true", help="sizes only")
    options = parser.parse_args()
    engine, catalog = find_engine(), read_catalog()
    former = json.loads(RECORD.read_text())["images"] if RECORD.exists() else {}
    for image in catalog.images:
        reference = catalog.reference(image.name, PREFIX, __version__)
        if image.name in options.images or (not options.images and engine.inspect(reference)):
            told = sizes(engine, image, reference)
            if image.kind == "server" and not options.sizes:
                told.update(starts(engine, reference))
            former[image.name] = {**former.get(image.name, {}), **told}
            print(image.name, json.dumps(told), flush=True)
    images = {image.name: former[image.name] for image in catalog.images if image.name in former}
    today = datetime.now(UTC).date().isoformat()
    RECORD.write_text(json.dumps({"measured_on": today, "machine": options.machine, "images": images}, indent=1) + "\n")
    return 0


def sizes(engine: Engine, image: Image, reference: str) -> dict[str, Any]:
    """Return bytes, unpacked and compressed, and those of the image's own layers."""
    found = engine.inspect(reference)
    if found is None:
        raise SystemExit(f"{reference} is not built: make images ARGS={image.name}")
    return {"bytes": found["Size"], "compressed_bytes": compressed(engine, reference), "layers": layers(engine, image, reference)}


def starts(engine: Engine, reference: str) -> dict[str, float]:
    """Return the seconds until the image's server answers, as it is and without its bytecode."""
    without_bytecode = ("--env=PYTHONPYCACHEPREFIX=/tmp/none", "--env=PYTHONDONTWRITEBYTECODE=1")
    return {
        "start_seconds": median(start(engine, reference) for _ in range(STARTS)),
        "start_without_bytecode_seconds": median(start(engine, reference, *without_bytecode) for _ in range(STARTS)),
    }


def layers(engine: Engine, image: Image, reference: str) -> list[dict[str, Any]]:
    """Return the image's own layers that count, the lowest first: those of what it extends are there already."""
    history = json.loads(engine.run("history", "--no-trunc", "--format=json", reference).stdout)
    found = [
        {"what": next((what for words, what in WHAT if words in layer["CreatedBy"]), "other"), "bytes": layer["size"]}
        for layer in reversed(history)
        if layer["size"] >= SMALLEST_BYTES
    ]
    return found[-1:] if image.extends else found


def compressed(engine: Engine, reference: str) -> int:
    """Return what a registry would send, with gzip."""
    with tempfile.TemporaryDirectory(prefix="labyard-measure-") as folder:
        engine.run("push", "--quiet", "--compress", reference, f"dir:{folder}")
        return sum(path.stat().st_size for path in Path(folder).iterdir())


def start(engine: Engine, reference: str, *more: str) -> float:
    """Return the seconds from asking for a container until its server answers."""
    done = engine.run(
        "run", "--rm", "--read-only", "--network=none", "--user=12345:0", "--tmpfs=/tmp:rw,mode=1777", "--tmpfs=/home/labyard:rw,mode=1777",
        f"--volume={INSIDE}:/inside:ro", *more, reference, "/opt/labyard/server/bin/python", "/inside/start.py", str(time.time()),
    )  # fmt: skip
    told = json.loads(done.stdout)
    if told["answer"] is None:
        raise SystemExit(f"the server in {reference} did not answer:\n{told['log']}")
    return float(told["seconds"])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.SubprocessError as error:
        raise SystemExit(str(error)) from None
