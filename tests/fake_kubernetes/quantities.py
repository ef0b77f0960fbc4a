"""Kubernetes' quantities, such as ``500m`` and ``4Gi``."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["is_quantity", "parse_quantity"]

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?")
_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip


def is_quantity(value: object) -> bool:
    """Whether `value` is one, as JSON writes it: text or a number."""
    return not isinstance(value, bool) and isinstance(value, str | int | float) and _QUANTITY.fullmatch(str(value)) is not None


def parse_quantity(value: object) -> Decimal:
    """Return the number that `value` stands for.

    Raises
    ------
    ValueError
        If it is no quantity.
    """
    found = _QUANTITY.fullmatch(str(value)) if is_quantity(value) else None
    if found is None:
        raise ValueError(f"{value!r} is no quantity")
    return Decimal(found[1]) * (_FACTORS[found[2]] if found[2] else Decimal(10) ** int(found[3] or 0))
