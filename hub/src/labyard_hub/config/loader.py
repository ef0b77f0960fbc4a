"""From a YAML file and command-line options to `Settings`, with the line of each mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from labyard.models.tool import Tool
from labyard_hub.config.login import check_login_secret, fill_login_secret
from labyard_hub.config.settings import Settings
from labyard_hub.config.yaml_files import load_yaml_model, read_yaml, validate
from labyard_hub.exceptions import ConfigurationError

__all__ = ["Configuration", "dump_configuration", "load_configuration", "parse_configuration", "require_login_secret"]


@dataclass(frozen=True)
class Configuration:
    """The settings in force and what came with them.

    Attributes
    ----------
    source
        The configuration file; None where there is none.
    settings
        Defaults, overlaid by the file, overlaid by the options.
    tools
        Tools of one's own, from the folder of tool files.
    hub_files
        The ``jupyterhub_config.d`` files, in the order of their names.
    """

    source: Path | None
    settings: Settings
    tools: tuple[Tool, ...]
    hub_files: tuple[Path, ...]


def load_configuration(source: Path | None, options: Mapping[str, Any] | None = None) -> Configuration:
    """Read `source` and lay `options` over it.

    Parameters
    ----------
    source
        YAML file; None for defaults alone.
    options
        Nested mapping of the command line's options, such as ``{"listen": {"port": 9000}}``.

    Raises
    ------
    ConfigurationError
        With the file and line of the first mistake.
    """
    data, lines = read_yaml(source) if source is not None else ({}, {})
    settings = validate(Settings, _merge(data, options or {}), source, lines)
    beside = source.parent if source is not None else None
    settings = _with_login_secret(_absolute(settings, beside), source)
    tools_directory = settings.tools.directory or (beside / "tools.d" if beside else None)
    hub_directory = settings.hub_config_directory or (beside / "jupyterhub_config.d" if beside else None)
    return Configuration(
        source,
        settings,
        tuple(_tools(tools_directory, required=settings.tools.directory is not None)),
        tuple(_files(hub_directory, "*.py", required=settings.hub_config_directory is not None)),
    )


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        # A section that stands empty in the file is None: the options make it a mapping.
        merged[key] = _merge(below if isinstance(below, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return merged


def _absolute(settings: Settings, beside: Path | None) -> Settings:
    """Resolve relative paths against the folder of the configuration file, else against the current one."""
    base = (beside or Path.cwd()).absolute()

    def resolve(model: BaseModel) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for name in type(model).model_fields:
            value = getattr(model, name)
            if isinstance(value, Path):
                changed[name] = base / value.expanduser()
            elif isinstance(value, BaseModel):
                changed[name] = value.model_copy(update=resolve(value))
        return changed

    return settings.model_copy(update=resolve(settings))


def _with_login_secret(settings: Settings, source: Path | None) -> Settings:
    try:
        return settings.model_copy(update={"login": fill_login_secret(settings.login)})
    except ValueError as error:
        raise ConfigurationError(source, None, str(error)) from None


def require_login_secret(configuration: Configuration) -> None:
    """Refuse a provider without the client's secret, which commands that start nothing do without.

    Raises
    ------
    ConfigurationError
        With a sentence that says where to put it.
    """
    try:
        check_login_secret(configuration.settings.login)
    except ValueError as error:
        raise ConfigurationError(configuration.source, None, str(error)) from None


def _files(directory: Path | None, pattern: str, *, required: bool) -> list[Path]:
    if directory is None:
        return []
    if not directory.is_dir():
        if required:
            raise ConfigurationError(directory, None, "there is no such folder")
        return []
    return sorted(directory.glob(pattern))


def _tools(directory: Path | None, *, required: bool) -> list[Tool]:
    tools: dict[str, tuple[Tool, Path]] = {}
    for path in _files(directory, "*.y*ml", required=required):
        tool = load_yaml_model(path, Tool)
        if tool.name in tools:
            raise ConfigurationError(path, None, f"the tool {tool.name!r} is already in {tools[tool.name][1]}")
        tools[tool.name] = tool, path
    return [tool for tool, _ in tools.values()]


def dump_configuration(configuration: Configuration) -> str:
    """Return `configuration` as JSON with its secrets, for a file that only the platform's own processes read."""
    settings = configuration.settings.model_dump(mode="json")
    settings["environment"] = {name: value.get_secret_value() for name, value in configuration.settings.environment.items()}
    database_url = configuration.settings.database.url
    settings["database"]["url"] = database_url.get_secret_value() if database_url is not None else None
    secret = configuration.settings.login.client_secret
    settings["login"] = configuration.settings.login.model_dump(mode="json", exclude_unset=True)
    if secret is not None:  # it may have come from its file, which is not read again
        settings["login"].update(client_secret=secret.get_secret_value())
        settings["login"].pop("client_secret_file", None)
    return json.dumps(
        {
            "source": str(configuration.source) if configuration.source else None,
            "settings": settings,
            "tools": [tool.model_dump(mode="json") for tool in configuration.tools],
            "hub_files": [str(path) for path in configuration.hub_files],
        }
    )


def parse_configuration(text: str) -> Configuration:
    """Return what `dump_configuration` wrote."""
    data = json.loads(text)
    return Configuration(
        Path(data["source"]) if data["source"] else None,
        Settings.model_validate(data["settings"]),
        tuple(Tool.model_validate(tool) for tool in data["tools"]),
        tuple(Path(path) for path in data["hub_files"]),
    )
