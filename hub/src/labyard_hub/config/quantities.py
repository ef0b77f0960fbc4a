"""Settings that are quantities with units, such as ``4Gi`` and ``2h``; plain numbers are bytes and seconds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from labyard.units import parse_bytes, parse_seconds

__all__ = ["Bytes", "Seconds"]


def _bytes(value: Any) -> Any:
    return parse_bytes(value) if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    return parse_seconds(value) if isinstance(value, str) else value


Bytes = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=int | str)]
Seconds = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=float | str)]
