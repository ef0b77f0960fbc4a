"""Write the front end's types of projects and sharing from the wire models and the role matrix, or compare with ``--check``."""

from __future__ import annotations

import argparse
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from labyard.models import project, sharing
from labyard.permissions import MATRIX, ROLES

OUTPUT = Path(__file__).resolve().parent.parent / "extensions" / "lab" / "src" / "api" / "projects.ts"
HEAD = """/**
 * What the labyard service sends and takes for projects.
 *
 * Written by `scripts/wire_types.py` from the Python models; change those and run it again.
 */
"""
PRINT_WIDTH = 120
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def main() -> int:
    """Write the file, or with ``--check`` say whether it is as it would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the file differs")
    options = parser.parse_args()
    text = render()
    if not options.check:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        print(f"{OUTPUT.name} is not what the models say: run `.venv/bin/python scripts/wire_types.py`", file=sys.stderr)
        return 1
    return 0


def render() -> str:
    """Return the TypeScript module."""
    names = {name: getattr(module, name) for module in (project, sharing) for name in module.__all__}
    models = [one for one in names.values() if isinstance(one, type) and issubclass(one, BaseModel)]
    _, schema = models_json_schema([(one, "validation") for one in models])
    definitions: dict[str, dict[str, Any]] = schema["$defs"]
    blocks = [_enum(name, one) if "enum" in one else _interface(name, one) for name, one in sorted(definitions.items())]
    return "\n".join([HEAD, *blocks, _permissions()])


def _enum(name: str, schema: dict[str, Any]) -> str:
    values = [repr(value) for value in schema["enum"]]
    line = f"export type {name} = {' | '.join(values)};"
    if len(line) > PRINT_WIDTH:  # as prettier breaks it
        line = f"export type {name} =\n  | " + "\n  | ".join(values) + ";"
    return f"{_comment(schema, '')}{line}\n"


def _interface(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    lines = [f"{_comment(schema, '')}export interface I{name} {{"]
    for field, one in schema["properties"].items():
        lines.append(f"{_comment(one, '  ')}  {field}{'' if field in required else '?'}: {_type(one)};")
    return "\n".join([*lines, "}", ""])


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name if issubclass(_model(name), Enum) else f"I{name}"
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if schema["type"] == "array":
        return f"{_type(schema['items'])}[]"
    if schema["type"] == "object":
        return "Record<string, unknown>"
    return SCALARS[schema["type"]]


def _model(name: str) -> Any:
    return getattr(project, name, None) or getattr(sharing, name)


def _comment(schema: dict[str, Any], indent: str) -> str:
    text = " ".join(schema.get("description", "").split())
    return f"{indent}/** {text} */\n" if text else ""


def _permissions() -> str:
    roles = ", ".join(f"'{role.value}'" for role in ROLES)
    rows = "\n".join(
        f"  {capability.value}: {{ role: '{one.role.value}', archived: {'true' if one.archived else 'false'} }},"
        for capability, one in MATRIX.items()
    ).removesuffix(",")
    return (
        f"/** All roles, the one that may most first. */\nexport const ROLES: readonly Role[] = [{roles}];\n\n"
        "/** The least role for each capability, and whether it remains once the project is archived: to explain a refusal, never to decide. */\n"
        f"export const PERMISSIONS: Record<Capability, {{ role: Role; archived: boolean }}> = {{\n{rows}\n}};\n"
    )


if __name__ == "__main__":
    sys.exit(main())
