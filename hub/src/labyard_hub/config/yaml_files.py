"""YAML files as pydantic models, with the line of each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from labyard.models.mistakes import did_you_mean, first_mistake, what_to_write
from labyard_hub.exceptions import ConfigurationError

__all__ = ["Lines", "load_yaml_model", "read_yaml", "validate"]

ModelT = TypeVar("ModelT", bound=BaseModel)
_Where = tuple[str | int, ...]
Lines = dict[_Where, int]
"""Where each key stands, from 1."""


def load_yaml_model(path: Path, model: type[ModelT]) -> ModelT:
    """Read one YAML file as one pydantic model.

    Raises
    ------
    ConfigurationError
        With the file and line of the first mistake.
    """
    data, lines = read_yaml(path)
    return validate(model, data, path, lines)


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """Return what the file says, and the line of every key in it.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is no YAML, or says something twice.
    """
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
        lines: Lines = {}
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


def _note_lines(node: yaml.Node, at: _Where, lines: Lines, path: Path) -> None:
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


def validate(model: type[ModelT], data: Mapping[str, Any], source: Path | None, lines: Lines) -> ModelT:
    """Return `data` as a `model`; `lines` are those of `source`.

    Raises
    ------
    ConfigurationError
        With the file and line of the first mistake.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistake = first_mistake(error)
        location = mistake["loc"]
        known = location
        while known and known not in lines:
            known = known[:-1]
        line = lines.get(known) if known or not location else None
        raise ConfigurationError(source if line is not None else None, line, _sentence(model, mistake)) from None


def _sentence(model: type[BaseModel], mistake: ErrorDetails) -> str:
    location = mistake["loc"]
    name = _dotted(location)
    if mistake["type"] == "extra_forbidden":
        section = _section(model, location[:-1])
        known = sorted(section.model_fields) if section else []
        return f"`{name}` is not a setting.{did_you_mean(str(location[-1]), known)}" + (f" Known here: {', '.join(known)}" if known else "")
    text = what_to_write(mistake)
    return f"`{name}`: {text}" if name else text


def _section(model: type[BaseModel], location: _Where) -> type[BaseModel] | None:
    """Return the section at `location`, also in lists, in mappings and where it may be null."""
    found: Any = model
    for part in location:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(part))
            found = field.annotation if field else None
        elif get_args(found):
            found = get_args(found)[-1 if get_origin(found) is dict else 0]
        else:
            return None
        if get_origin(found) in (Union, UnionType):
            found = next((one for one in get_args(found) if isinstance(one, type) and issubclass(one, BaseModel)), None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _dotted(location: _Where) -> str:
    return ".".join(str(part) for part in location)
