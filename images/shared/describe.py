"""Writes what an image says of itself, during its build: the list of tools, or the list of all packages (an SBOM in CycloneDX's format).

Usage: ``python3 describe.py tools FILE`` or ``python3 describe.py packages FILE IMAGE``. The same contents give the same file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

LABYARD = Path("/opt/labyard")


def main() -> int:
    """Write the file."""
    what, file = sys.argv[1], Path(sys.argv[2])
    data = tools() if what == "tools" else packages(sys.argv[3])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    return 0


def tools() -> list[dict[str, Any]]:
    """Return the tools whose environments are here; MLflow runs elsewhere."""
    from labyard.builtin_tools import BUILT_IN_TOOLS, builtin_tool  # noqa: PLC0415  # the hub's image describes its packages only

    interpreters = {name: LABYARD / "environments" / name / "bin" / "python" for name in BUILT_IN_TOOLS}
    return [
        builtin_tool(name, python=python if python.exists() else None).model_dump(mode="json")
        for name, python in interpreters.items()
        if python.exists() or name == "mlflow"
    ]


def packages(image: str) -> dict[str, Any]:
    """Return a CycloneDX document of Debian's and Python's packages."""
    components = sorted(_debian() + _python(), key=lambda one: one["bom-ref"])
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image, "bom-ref": image}},
        "components": components,
    }


def _debian() -> list[dict[str, Any]]:
    query = ["dpkg-query", "--show", "--showformat=${Package}\t${Version}\t${Architecture}\n"]
    lines = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    return [
        _component(name, version, f"pkg:deb/debian/{name}@{quote(version)}?arch={architecture}&distro=bookworm", "/")
        for name, version, architecture in (line.split("\t") for line in lines)
    ]


def _python() -> list[dict[str, Any]]:
    found = []
    for folder in sorted(LABYARD.glob("**/lib/python3.*/site-packages")):
        for one in distributions(path=[str(folder)]):
            name = one.metadata["Name"].lower().replace("_", "-").replace(".", "-")
            component = _component(name, one.version, f"pkg:pypi/{name}@{one.version}", str(folder.relative_to(LABYARD).parents[2]))
            licence = _licence(one)
            found.append({**component, "licenses": [licence]} if licence else component)
    return found


def _component(name: str, version: str, purl: str, place: str) -> dict[str, Any]:
    return {
        "type": "library", "name": name, "version": version, "purl": purl,
        "bom-ref": f"{purl}#{place}", "properties": [{"name": "labyard:environment", "value": place}],
    }  # fmt: skip


def _licence(distribution: Distribution) -> dict[str, Any] | None:
    """Return the licence where the package says it by an SPDX expression or in a few words."""
    expression = distribution.metadata.get("License-Expression")
    if expression:
        return {"expression": expression}
    words = (distribution.metadata.get("License") or "").strip()
    return {"license": {"name": words}} if words and "\n" not in words and len(words) < 80 else None


if __name__ == "__main__":
    sys.exit(main())
