"""Writes the page of the Python client from its docstrings."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from typing import Any

from labyard import AsyncClient, Client, exceptions
from labyard.client.calls import endpoint, paged
from labyard.client.events import Events
from labyard.client.links import Links
from labyard.client.me import Me
from labyard.client.members import Members
from labyard.client.model_shares import SharedModels
from labyard.client.projects import Projects
from labyard.client.servers import Server
from labyard.client.tool_shares import SharedTools

__all__ = ["sdk_page"]

NOUNS = {
    "client.me": Me, "client.projects": Projects, "client.projects.members": Members, "client.projects.links": Links,
    "client.projects.events": Events, "client.projects.server": Server, "client.projects.tools": SharedTools, "client.projects.models": SharedModels,
}  # fmt: skip

HEAD = """\
`pip install labyard` brings the client and the [command line](../how-to/command-line.md), and nothing heavy.

```python
from labyard import Client

with Client() as client:  # the platform that `labyard login` signed in at, or LABYARD_URL and LABYARD_TOKEN
    project = client.projects.create("vision", display_name="Computer vision")
    client.projects.members.add("vision", "bob", role="editor")
    for event in client.projects.events.list("vision"):
        print(event.at, event.text)
```

`AsyncClient` has the same nouns and methods: await them, and use `async for` over lists. Lists ask for the next page when it is needed. Answers are pydantic models, those of
the [REST API](rest.md#shapes).
"""


def _markdown(text: str, heading: str) -> str:
    """Turn a numpydoc docstring into Markdown: sections become headings or lists."""
    lines, out, index, section = inspect.cleandoc(text).splitlines(), [], 0, ""
    while index < len(lines):
        line = lines[index]
        if index + 1 < len(lines) and lines[index + 1] and set(lines[index + 1]) == {"-"}:
            section = line
            out += [f"{heading} {section}" if heading else f"**{section}**", ""]
            index += 2
            continue
        if section == "Examples" and line.startswith(">>>"):
            block = []
            while index < len(lines) and lines[index].strip():
                block.append(re.sub(r"^(>>>|\.\.\.) ?", "", lines[index]).removesuffix("  # doctest: +SKIP"))
                index += 1
            out += ["```python", *block, "```", ""]
            continue
        if section in ("Parameters", "Raises", "Attributes") and line and not line.startswith(" "):
            names = ", ".join(f"`{name.rpartition('.')[2]}`" for name in line.split(", "))
            rest = []
            while index + 1 < len(lines) and lines[index + 1].startswith("    "):
                index += 1
                rest.append(lines[index].strip())
            if rest:
                out.append(f"* {names}: {' '.join(rest)}".replace("``", "`"))
                index += 1
                continue
        out.append(line.replace("``", "`"))
        index += 1
    return "\n".join(out).strip() + "\n"


def _returns(found: inspect.Signature, kind: type) -> str:
    """Return what a method of `Client` returns: what is in the request's brackets."""
    inner = str(found.return_annotation).partition("[")[2].removesuffix("]")
    return f"Iterator[{inner.rpartition(', ')[2]}]" if kind is paged else inner


def _parameters(found: inspect.Signature) -> str:
    parts = []
    for parameter in list(found.parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
        parts.append(f"{parameter.name}: {parameter.annotation}" + ("" if default is parameter.empty else f" = {default!r}"))
    return ", ".join(parts)


def _method(owner: str, name: str, method: Any) -> str:
    function = inspect.unwrap(method)
    found = inspect.signature(function)
    return f"### `{owner}.{name}({_parameters(found)}) -> {_returns(found, type(method))}`\n\n{_markdown(function.__doc__ or '', '')}"


def _errors() -> str:
    rows = ["| class | code | exit status | meaning |", "|---|---|---|---|"]
    for name in exceptions.__all__:
        found = getattr(exceptions, name)
        meaning = (inspect.getdoc(found) or "").splitlines()[0]
        base = found.__mro__[1].__name__
        rows.append(f"| `{name}` ({base}) | `{found.code}` | {found.exit_code} | {meaning} |")
    return "\n".join(rows)


def sdk_page(note: str) -> str:
    """Return the page.

    Parameters
    ----------
    note
        Goes under the heading.
    """
    parts = ["# Python client\n", note, HEAD]
    parts += [f"## `{kind.__name__}`\n\n{_markdown(kind.__doc__ or '', '###')}" for kind in (Client, AsyncClient)]
    for owner, kind in NOUNS.items():
        text = (kind.__doc__ or "").partition("``: ")[2]  # what comes before is the heading
        parts.append(f"## `{owner}`\n\n{_markdown(text[:1].upper() + text[1:], '')}")
        parts += [_method(owner, name, method) for name, method in vars(kind).items() if isinstance(method, endpoint | paged)]
    parts.append(f"## Errors\n\n`from labyard.exceptions import ...`; each has `code`, `status_code`, `message`.\n\n{_errors()}\n")
    return "\n".join(parts)
