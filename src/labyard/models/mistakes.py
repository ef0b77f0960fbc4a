"""Says what is wrong with a file that somebody wrote, and what to write, in place of pydantic's words for programmers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["did_you_mean", "first_mistake", "what_to_write"]

_WHAT_TO_WRITE = {
    "missing": "it is missing",
    "tuple_type": "write a list, such as `[first, second]`",
    "list_type": "write a list, such as `[first, second]`",
    "dict_type": "write lines of `key: value`",
    "model_type": "write lines of `key: value`",
    "string_type": "write text; a number or a word such as `yes` needs quotes",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "bool_type": "write `true` or `false`",
    "bool_parsing": "write `true` or `false`",
}
"""By pydantic's name of the mistake."""


def first_mistake(error: ValidationError) -> ErrorDetails:
    """Return the mistake to mend first: a key that does not exist explains one that is missing."""
    return min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")


def what_to_write(mistake: ErrorDetails) -> str:
    """Return what is wrong with the value, or what to write instead."""
    known = _WHAT_TO_WRITE.get(mistake["type"])
    return known or re.sub(
        r"^(Value error, |\w+ should (?=\w))", lambda start: "" if start[0].startswith("Value") else "it must ", mistake["msg"]
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the name in `known` that resembles `name`; empty where none does."""
    near = get_close_matches(name, known, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""
