"""A path that a route's regular expression matches."""

from __future__ import annotations

from re import _constants as constants  # type: ignore[attr-defined]  # Python's own parser of expressions
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["path_for"]

_CATEGORIES = {constants.CATEGORY_DIGIT: "7", constants.CATEGORY_WORD: "a", constants.CATEGORY_SPACE: " "}


def path_for(pattern: str) -> str:
    """Return a short path that `pattern` matches as a whole."""
    return _text(parser.parse(pattern))


def _text(parsed: Any) -> str:
    return "".join(_part(kind, value) for kind, value in parsed)


def _part(kind: Any, value: Any) -> str:  # noqa: PLR0911  # a case each
    if kind is constants.LITERAL:
        return chr(value)
    if kind in (constants.ANY, constants.NOT_LITERAL):
        return "a" if value != ord("a") else "b"
    if kind is constants.SUBPATTERN:
        return _text(value[-1])
    if kind is constants.BRANCH:
        return _text(value[1][0])
    if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        least, most, what = value
        return _text(what) * max(least, min(1, most))
    if kind is constants.IN:
        return _one_of(value)
    if kind in (constants.AT, constants.ASSERT, constants.ASSERT_NOT):
        return ""
    raise NotImplementedError(kind)


def _one_of(choices: Any) -> str:
    if choices[0][0] is constants.NEGATE:
        forbidden = {chr(value) for kind, value in choices[1:] if kind is constants.LITERAL}
        return next(one for one in "ab1" if one not in forbidden)
    kind, value = choices[0]
    if kind is constants.RANGE:
        return chr(value[0])
    return _CATEGORIES[value] if kind is constants.CATEGORY else chr(value)
