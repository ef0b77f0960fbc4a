"""Makes the chart's schema and its reference page of ``values.yaml``, ``values.schema.yaml`` and ``renamed.yaml``; ``--check`` fails if one is out of date."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from labyard_hub.config.settings import Settings

ROOT = Path(__file__).parent.parent
CHART = ROOT / "helm" / "labyard"
PAGE = ROOT / "docs" / "reference" / "chart.md"
Path_ = tuple[str, ...]

HEAD = """# Values of the chart

<!-- Written by `make docs` from `helm/labyard/values.yaml`: do not edit. -->

For `helm install labyard helm/labyard -f my-values.yaml`; [how to install](../how-to/cluster.md), [why the chart is as it is](../explanation/chart.md). A value that is not here is refused before
anything is changed. What *goes to Kubernetes as it is* is checked by the cluster.
"""


def descriptions(text: str) -> dict[Path_, str]:
    """Return the comment right above each key of a YAML text in block style."""
    found: dict[Path_, str] = {}
    stack: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#"):
            comment.append(bare.lstrip("# "))
            continue
        match = re.match(r"( *)([A-Za-z0-9_.-]+):", line)
        if match:
            depth = len(match[1])
            while stack and stack[-1][0] >= depth:
                stack.pop()
            stack.append((depth, match[2]))
            if comment:
                found[tuple(name for _, name in stack)] = " ".join(comment)
        comment = []
    return found


def _rule(path: Path_, rules: dict[str, Any]) -> dict[str, Any] | None:
    if ".".join(path) in rules:
        return dict(rules[".".join(path)])
    for pattern, rule in rules.items():
        parts = pattern.split(".")
        if len(parts) == len(path) and all(part in ("*", name) for part, name in zip(parts, path, strict=True)):
            return dict(rule)
    return None


def _schema(value: Any, path: Path_, texts: dict[Path_, str], rules: dict[str, Any], renamed: dict[Path_, str]) -> dict[str, Any]:
    rule = _rule(path, rules)
    described = {"description": texts[path]} if path in texts else {}
    if rule is not None:
        passes = rule.pop("passes", None)
        use = rule.pop("use", None)
        # Beside `$ref`, draft 7 reads nothing else.
        body = {"allOf": [{"$ref": f"#/definitions/{use}"}]} if use else rule
        return {**described, **body, **({"x-passes": passes} if passes else {})}
    if isinstance(value, dict):
        if not value:
            raise SystemExit(f"values.schema.yaml must say what {'.'.join(path)} holds")
        properties = {name: _schema(below, (*path, name), texts, rules, renamed) for name, below in value.items()}
        for old, text in renamed.items():
            if old[:-1] == path:
                properties[old[-1]] = {"description": text, "x-renamed": True}
        return {**described, "type": "object", "additionalProperties": False, "properties": properties}
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {**described, "type": name}
    raise SystemExit(f"values.schema.yaml must say what {'.'.join(path)} is")


def _read(name: str) -> Any:
    return yaml.safe_load((CHART / name).read_text(encoding="utf-8"))


def schema() -> dict[str, Any]:
    """Return the JSON schema of the values."""
    rules = _read("values.schema.yaml")
    definitions = rules.pop("definitions")
    texts = descriptions((CHART / "values.yaml").read_text(encoding="utf-8"))
    definitions |= _settings()
    renamed = {tuple(entry["old"].split(".")): _renaming(entry) for entry in _read("renamed.yaml")}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_schema(_read("values.yaml"), (), texts, rules, renamed),
        "definitions": definitions,
    }


def _settings() -> dict[str, Any]:
    """Return the schema of `config`, Labyard's own settings, as definitions; `Settings` is the whole of it."""
    whole = Settings.model_json_schema(ref_template="#/definitions/{model}")
    below = whole.pop("$defs")
    return {name: _in_draft_7(part) for name, part in {**below, "Settings": whole}.items()}


def _in_draft_7(part: Any) -> Any:
    """Take out what says nothing about a value; beside `$ref`, draft 7 reads nothing else."""
    if isinstance(part, list):
        return [_in_draft_7(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return {"allOf": [{"$ref": part["$ref"]}]}
    kept = {name: value for name, value in part.items() if name not in ("default", "title", "description", "format", "writeOnly")}
    return {
        name: {key: _in_draft_7(one) for key, one in value.items()} if name == "properties" else _in_draft_7(value)
        for name, value in kept.items()
    }


def _renaming(entry: dict[str, str]) -> str:
    return (f"It is `{entry['new']}` here" if entry["new"] else "There is none here") + (f": {entry['why']}." if entry["why"] else ".")


def _rows(part: dict[str, Any], value: Any, path: Path_) -> list[str]:
    rows = []
    for name, below in part.get("properties", {}).items():
        if "x-renamed" in below:
            continue
        here = (*path, name)
        if "properties" in below and below.get("additionalProperties") is False:
            rows += _rows(below, value[name], here)
            continue
        default = json.dumps(value[name]) if value[name] not in ("", None) else ("—" if value[name] is None else "empty")
        allowed = ", ".join(f"`{one}`" for one in below.get("enum", ()))
        text = below.get("description", "") + (f" One of {allowed}." if allowed else "")
        if "x-passes" in below and path:
            text += f" It goes to Kubernetes as it is ({below['x-passes']})."
        shown = default if default in ("—", "empty") else f"`{default}`"
        rows.append(f"| `{'.'.join(here)}` | {shown} | {text} |".replace("||", "\\|\\|"))
    return rows


def page() -> str:
    """Return the reference page."""
    whole, values = schema(), _read("values.yaml")
    parts = [HEAD]
    top = []
    for name, part in whole["properties"].items():
        if "x-renamed" in part:
            continue
        if part.get("additionalProperties") is not False:
            top += _rows({"properties": {name: part}}, values, ())
            continue
        parts += [
            f"## `{name}`\n",
            part["description"] + "\n",
            "| value | default | what it does |",
            "|---|---|---|",
            *_rows(part, values[name], (name,)),
            "",
        ]
    parts[1:1] = ["| value | default | what it does |", "|---|---|---|", *top, ""]
    parts += [
        "## From zero-to-jupyterhub\n",
        "Names that this chart shares with that one are not listed. The others are refused with the name that they have here.\n",
    ]
    parts += ["| there | here | |", "|---|---|---|"]
    for entry in _read("renamed.yaml"):
        new = f"`{entry['new']}`" if entry["new"] else "—"
        parts.append(f"| `{entry['old']}` | {new} | {entry['why']} |")
    return "\n".join(parts) + "\n"


def main() -> int:
    """Write or check both files; return the exit status."""
    stale = []
    for path, text in ((CHART / "values.schema.json", json.dumps(schema(), indent=1) + "\n"), (PAGE, page())):
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
