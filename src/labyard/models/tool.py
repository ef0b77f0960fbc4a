"""A tool: a web program that opens as a tab inside JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["PLACEHOLDERS", "Tool", "ToolInstance", "ToolInstanceState", "ToolOrigin", "fill_placeholders", "placeholders_in"]

ToolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]

ToolOrigin = Literal["built-in", "platform", "user"]
"""Who defined a tool: Labyard, this platform's configuration, or the user."""

PLACEHOLDERS = frozenset({"port", "socket", "base_url", "origin", "folder", "data_dir", "python", "programs"})
"""What may stand in braces in a tool's command and environment."""

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def placeholders_in(text: str) -> set[str]:
    """Return the names that stand in single braces in `text`.

    Raises
    ------
    ValueError
        If a brace has no partner.
    """
    names: set[str] = set()
    for match in _BRACES.finditer(text):
        if match[0] in "{}":
            raise ValueError(f"{text!r} has a single {match[0]}; a literal brace is written twice")
        if match[1] is not None:
            names.add(match[1])
    return names


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with each ``{name}`` replaced by ``values[name]`` and doubled braces made single.

    Raises
    ------
    KeyError
        If `values` lacks a name that is used.
    """

    def one(match: re.Match[str]) -> str:
        return values[match[1]] if match[1] is not None else match[0][0]

    return _BRACES.sub(one, text)


def _check_placeholders(texts: Iterable[str]) -> set[str]:
    used = set().union(*(placeholders_in(text) for text in texts))
    if unknown := sorted(used - PLACEHOLDERS):
        known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        raise ValueError(f"{{{unknown[0]}}} is no placeholder; known are {known}. A literal brace is written twice")
    return used


class Tool(BaseModel):
    """What a tool is and how one instance of it is started.

    In ``command`` and ``environment`` these placeholders are filled in: ``{port}`` (a free TCP port on 127.0.0.1), ``{socket}`` (path of a
    Unix socket that the tool shall listen on, in a folder only its user can enter), ``{base_url}`` (the URL path that the instance
    is served under, with a trailing slash), ``{origin}`` (scheme, host and port that the browser uses), ``{folder}`` (absolute
    path of the folder it was opened on), ``{data_dir}`` (a folder of the user's that keeps this tool's data), ``{python}`` (the interpreter
    of the tool's environment), ``{programs}`` (the folder of Labyard's own programs for environments). A literal brace is written twice.

    The command must stay in the foreground: an instance ends when its command does, and whatever the command has started ends with it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ToolName = Field(description="Identifier, a DNS label.")
    title: str = Field(min_length=1, max_length=60, description="What people read.")
    description: str = Field(default="", max_length=300, description="One sentence for the launcher's tooltip.")
    icon: str | None = Field(default=None, description="An SVG document, or the path of an SVG file.")
    origin: ToolOrigin = Field(default="platform", description="Who defined it. Labyard sets this itself.")
    command: tuple[str, ...] = Field(default=(), description="Program and arguments, with placeholders. Empty where `url` is set.")
    url: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_~-][A-Za-z0-9._~/%-]*(\?[A-Za-z0-9._~/%&=-]*)?(#[A-Za-z0-9._~/%?&=-]*)?$",
        description="For a tool that the platform runs once for everybody: its URL path under the hub, such as `services/mlflow/`.",
    )
    python: str | None = Field(default=None, description="Interpreter that `{python}` stands for; the tool's own environment.")
    environment: dict[str, str] = Field(default_factory=dict, description="Variables added to the process's environment.")
    strip_prefix: bool = Field(default=False, description="Take `{base_url}` off the path before the request is passed on.")
    ready_path: str = Field(
        default="/", pattern=r"^/[^\s]*$", description="Path, under the prefix, that answers below 500 once the tool is ready."
    )
    start_timeout_seconds: float = Field(default=120, gt=0, le=3600, description="How long a start may take.")
    idle_timeout_seconds: float | None = Field(default=3600, gt=0, description="Idle time after which an instance ends; null: never.")
    expected_start_seconds: float = Field(default=5, gt=0, description="What a start usually takes; for the progress display.")
    opens_folder: bool = Field(
        default=False, description="An instance per folder, also offered in the file browser's context menu; otherwise one instance."
    )
    forward_credentials: bool = Field(
        default=False, description="Pass the browser's cookies and the hub's token on to the tool. They are stripped otherwise."
    )
    forward_user: bool = Field(
        default=False,
        description="Tell the tool who asks: each request has the user's name in the header `X-Labyard-User`, which nobody can forge.",
    )

    @model_validator(mode="after")
    def _one_way_to_reach(self) -> Self:
        if bool(self.command) == (self.url is not None):
            raise ValueError("a tool has either `command` or `url`")
        if self.url is not None and ".." in self.url.split("/"):
            raise ValueError("`url` may not contain ..")
        used = _check_placeholders((*self.command, *self.environment.values()))
        if self.command and ("port" in used) == ("socket" in used):
            raise ValueError("`command` must contain exactly one of {port} and {socket}, so that the tool can be reached")
        return self


class ToolInstanceState(StrEnum):
    """Where one instance stands."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    STOPPED = "stopped"


class ToolInstance(BaseModel):
    """One running (or failed) instance of a tool inside a server."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="Identifier, stable for a tool and folder.")
    tool: str = Field(description="Name of the tool.")
    title: str = Field(description="What the tab is called.")
    folder: str | None = Field(description="Folder it was opened on, relative to the server's root; null where the tool takes none.")
    state: ToolInstanceState
    url: str = Field(description="URL path that the tab shows, with the server's base URL.")
    started_seconds: float = Field(ge=0, description="Time since it was started.")
    expected_start_seconds: float = Field(ge=0)
    idle_seconds: float = Field(ge=0, description="Time since its last request.")
    reason: str | None = Field(default=None, description="For a failed one: what happened, in a sentence.")
    log_tail: list[str] = Field(default_factory=list, description="Last lines of its output.")
