"""Quantities with units, parsed once and in one way.

JupyterHub reads ``1G`` as 2^30 bytes and Kubernetes as 10^9. Labyard follows Kubernetes and IEC: ``1G`` is 10^9, ``1Gi`` is 2^30.
"""

from __future__ import annotations

import re

__all__ = ["format_bytes", "format_seconds", "parse_bytes", "parse_seconds"]

_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def _parse(text: str, units: dict[str, int], example: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r} is not a quantity: write a number and a unit, such as {example}")
    return float(match[1]) * units[match[2]]


def parse_bytes(text: str) -> int:
    """Return the bytes that `text` stands for, such as ``"4Gi"``.

    Raises
    ------
    ValueError
        If it is not a number with one of the units k, M, G, T, Ki, Mi, Gi, Ti or none.
    """
    return int(_parse(text, _BYTES, "4Gi"))


def parse_seconds(text: str) -> float:
    """Return the seconds that `text` stands for, such as ``"1h"`` or ``"90s"``.

    Raises
    ------
    ValueError
        If it is not a number with one of the units s, m, min, h, d or none.
    """
    return _parse(text, _SECONDS, "90s or 1h")


def format_bytes(value: int) -> str:
    """Return `value` bytes for a person, such as ``"4 GiB"``."""
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:.3g} TiB"


def format_seconds(value: float) -> str:
    """Return `value` seconds for a person, such as ``"2 h"``."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"
