"""Takes secrets out of what is written to logs."""

from __future__ import annotations

import re

__all__ = ["mask"]

_EQUALS = r"=|%(?:25)*3D"
_NEXT = r"[?&]|%(?:25)*(?:3F|26)"
_PARAMETER = re.compile(rf"((?:{_NEXT})((?:(?!{_NEXT}|{_EQUALS})[^\s\"'])+)(?:{_EQUALS}))(?:(?!{_NEXT})[^\s\"'])+", re.IGNORECASE)
"""A parameter of an address; also of one that stands in a parameter itself, quoted once or several times."""
_TELLING = re.compile("token|auth|key|code|state|xsrf", re.IGNORECASE)
"""In the names of parameters that hold secrets, as JupyterHub and Jupyter Server have it too."""
_PATH = re.compile(r"(/join/|/authorizations/(?:token|cookie)/)[^/?\s\"']+")


def mask(text: str) -> str:
    """Return `text` with ``[secret]`` for each secret in an address: tokens, codes, states, and the paths that are links to join."""
    return _PATH.sub(r"\1[secret]", _PARAMETER.sub(lambda found: f"{found[1]}[secret]" if _TELLING.search(found[2]) else found[0], text))
