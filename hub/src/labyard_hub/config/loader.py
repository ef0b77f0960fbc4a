"""From a YAML file and command-line options to `Settings`, with the line of each mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from labyard.models.tool import Tool
from labyard_hub.config.settings import Settings
from labyard_hub.exceptions import ConfigurationError

__all__ = ["Configuration", "dump_configuration", "load_configuration", "load_yaml_model", "parse_configuration"]

ModelT = TypeVar("ModelT", bound=BaseModel)
Path_ = tuple[str | int, ...]


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
    data, lines = _read(source) if source is not None else ({}, {})
    settings = _validate(Settings, _merge(data, options or {}), source, lines)
    beside = source.parent if source is not None else None
    settings = _absolute(settings, beside)
    tools_directory = settings.tools.directory or (beside / "tools.d" if beside else None)
    hub_directory = settings.hub_config_directory or (beside / "jupyterhub_config.d" if beside else None)
    return Configuration(
        source,
        settings,
        tuple(_tools(tools_directory, required=settings.tools.directory is not None)),
        tuple(_files(hub_directory, "*.py", required=settings.hub_config_directory is not None)),
    )


def load_yaml_model(path: Path, model: type[ModelT]) -> ModelT:
    """Read one YAML file as one pydantic model.

    Raises
    ------
    ConfigurationError
        With the file and line of the first mistake.
    """
    data, lines = _read(path)
    return _validate(model, data, path, lines)


def _read(path: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(path, None, "there is no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(path, None, f"it is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise ConfigurationError(path, None, f"it cannot be read: {error.strerror}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            return {}, {}
        lines: dict[Path_, int] = {}
        _note_lines(root, (), lines, path)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigurationError(path, mark.line + 1 if mark else None, f"it is not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(path, None, f"it is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(path, 1, "it must hold `key: value` lines at its top level")
    return data, lines


def _note_lines(node: yaml.Node, at: Path_, lines: dict[Path_, int], path: Path) -> None:
    """Note the line of every key below `node`, and refuse keys that stand twice (YAML would take the last in silence)."""
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, str(key.value))
            if here in lines:
                raise ConfigurationError(
                    path, key.start_mark.line + 1, f"`{_dotted(here)}` stands twice; the first is on line {lines[here]}"
                )
            lines[here] = key.start_mark.line + 1
            _note_lines(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*at, index), lines, path)


def _validate(model: type[ModelT], data: Mapping[str, Any], source: Path | None, lines: Mapping[Path_, int]) -> ModelT:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        location = tuple(first["loc"])
        known = location
        while known and known not in lines:
            known = known[:-1]
        line = lines.get(known) if known or not location else None
        raise ConfigurationError(
            source if line is not None else None, line, _sentence(model, location, first["type"], first["msg"])
        ) from None


def _sentence(model: type[BaseModel], location: Path_, kind: str, message: str) -> str:
    name = _dotted(location)
    if kind == "extra_forbidden":
        section = _section(model, location[:-1])
        known = ", ".join(sorted(section.model_fields)) if section else ""
        return f"`{name}` is not a setting" + (f"; here there are: {known}" if known else "")
    text = message.removeprefix("Value error, ")
    return f"`{name}`: {text}" if name else text


def _section(model: type[BaseModel], location: Path_) -> type[BaseModel] | None:
    for part in location:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        model = annotation
    return model


def _dotted(location: Path_) -> str:
    return ".".join(str(part) for part in location)


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
