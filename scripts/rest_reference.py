"""The pages of the reference that come from the service: its routes, and the role matrix."""

from __future__ import annotations

from typing import Any

from labyard.permissions import MATRIX, ROLES, grants

__all__ = ["rest_page", "roles_page"]

PREFIX = "/services/labyard/"


def roles_page(note: str) -> str:
    """Return the role matrix."""
    roles = ROLES[::-1]
    rows = [f"| what | {' | '.join(roles)} | when archived |", "|---|---|---|---|---|"]
    for capability, permission in MATRIX.items():
        marks = " | ".join("yes" if grants(role, capability) else "" for role in roles)
        rows.append(f"| {permission.text} | {marks} | {'yes' if permission.archived else ''} |")
    intro = (
        "Who may do what in a project. The service decides by this very table and hands what it grants to folders, pods, MLflow, the project's server and the panel.\n"
        "A person who is in no project of that name is told that there is none.\n"
    )
    return f"# Roles\n\n{note}\n{intro}\n" + "\n".join(rows) + "\n"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[`{name}`](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    inner = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(inner, dict):
        return f"map to {_type(inner)}"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    return "instant" if schema.get("format") == "date-time" else str(schema.get("type", "any"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    short = path.removeprefix(f"{PREFIX}api/v1")
    parts = [f"### `{method.upper()} {short}`\n", operation.get("description", "").strip() + "\n"]
    if operation.get("parameters"):
        rows = ["| parameter | in | type | |", "|---|---|---|---|"]
        for parameter in operation["parameters"]:
            needed = "needed" if parameter.get("required") else ""
            text = parameter.get("description", "")
            rows.append(f"| `{parameter['name']}` | {parameter['in']} | {_type(parameter['schema'])} | {_cell(f'{text} {needed}')} |")
        parts.append("\n".join(rows) + "\n")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    good = next(status for status in operation["responses"] if status.startswith("2"))
    answer = operation["responses"][good].get("content", {}).get("application/json", {}).get("schema")
    bad = ", ".join(sorted(status for status in operation["responses"] if not status.startswith("2")))
    takes = f"Takes {_type(body)}. " if body else ""
    parts.append(f"{takes}Answers {good}{f' with {_type(answer)}' if answer else ''}{f'; refuses with {bad}' if bad else ''}.\n")
    return "\n".join(parts)


def _model(name: str, schema: dict[str, Any]) -> str:
    heading = f"### {name}\n\n{(schema.get('description') or '').strip()}\n"
    if "enum" in schema:
        return heading + "\nOne of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".\n"
    rows = ["| field | type | |", "|---|---|---|"]
    for field, definition in schema.get("properties", {}).items():
        default = f" Default: `{definition['default']}`." if definition.get("default") not in (None, "", [], {}) else ""
        rows.append(f"| `{field}` | {_type(definition)} | {_cell(definition.get('description', '') + default)} |")
    return f"{heading}\n" + "\n".join(rows) + "\n"


def rest_page(note: str, description: dict[str, Any]) -> str:
    """Return the page of all routes, from the service's OpenAPI `description`."""
    intro = f"""All routes lie below `{PREFIX}api/v1`. The description in OpenAPI is at `{PREFIX}api/v1/openapi.json`.

Send a hub token as `Authorization: Bearer TOKEN` (or `token TOKEN`); `labyard login` or the hub's page *Tokens for programs* makes one. A browser that has signed in
needs none. Every answer with a status of 400 or more has one shape, `{{"error": {{"code": "...", "message": "..."}}}}`: `code` is stable and for programs, `message` is for people
and says what to do. What you are not in answers 404, as if it were not there. A list that is long comes in pages: ask again with `cursor` set to `next_cursor`.
"""
    groups: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    parts = ["# REST\n", note, intro]
    for tag, operations in groups.items():
        parts += [f"## {tag.capitalize()}\n", *operations]
    models = description["components"]["schemas"]
    parts += ["## Shapes\n", *(_model(name, models[name]) for name in sorted(models))]
    return "\n".join(parts).rstrip() + "\n"
