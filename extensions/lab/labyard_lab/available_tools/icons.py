"""Icons of tools: SVG that goes into JupyterLab's page, so nothing but drawing may be in it.

An icon comes from a file that the user, or somebody whose files the user copied, has written, and the browser treats it as part of the
page. What is not known to be harmless is left out: the lists below name what may stay.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from labyard_lab.exceptions import IconError

__all__ = ["DEFAULT_ICON", "MAX_ICON_BYTES", "clean_icon"]

MAX_ICON_BYTES = 64 * 1024

_MAX_DEPTH = 32

_SVG = "http://www.w3.org/2000/svg"

_ELEMENTS = frozenset(
    {
        "circle", "clipPath", "defs", "desc", "ellipse", "g", "line", "linearGradient", "mask", "path", "polygon", "polyline",
        "radialGradient", "rect", "stop", "svg", "text", "title", "tspan",
    }
)  # fmt: skip

_ATTRIBUTES = frozenset(
    {
        "class", "clip-path", "clip-rule", "clipPathUnits", "color", "cx", "cy", "d", "dx", "dy", "fill", "fill-opacity", "fill-rule",
        "font-family", "font-size", "font-weight", "fx", "fy", "gradientTransform", "gradientUnits", "height", "id", "mask", "maskUnits",
        "offset", "opacity", "points", "preserveAspectRatio", "r", "rx", "ry", "spreadMethod", "stop-color", "stop-opacity", "stroke",
        "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity",
        "stroke-width", "text-anchor", "transform", "version", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
    }
)  # fmt: skip

_URL = re.compile(r"url\s*\(", re.IGNORECASE)
_LOCAL_URL = re.compile(r"url\(\s*['\"]?#[\w-]+['\"]?\s*\)")
_JUPYTER_CLASS = re.compile(r"jp-icon[\w-]*")

DEFAULT_ICON = (
    f'<svg xmlns="{_SVG}" width="24" height="24" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">'
    '<path fill-rule="evenodd" d="M3 4h18v16H3zm2 5v9h14V9z"/><circle cx="12" cy="13.5" r="2.5"/></g></svg>'
)


def _keep(name: str, value: str) -> str | None:
    """Return what may stay of an attribute's value, None if nothing may."""
    if name not in _ATTRIBUTES:
        return None
    if name == "class":
        # Only JupyterLab's classes for icons: any other name could pick up the style of something else on the page.
        return " ".join(word for word in value.split() if _JUPYTER_CLASS.fullmatch(word)) or None
    if len(_URL.findall(value)) != len(_LOCAL_URL.findall(value)) or "\\" in value:
        return None
    return value


def _clean(element: ET.Element, depth: int = 0) -> ET.Element | None:
    namespace, _, name = element.tag.rpartition("}") if isinstance(element.tag, str) else ("", "", "")
    if name not in _ELEMENTS or namespace not in ("", "{" + _SVG):
        return None
    if depth > _MAX_DEPTH:
        raise IconError(f"the icon nests more than {_MAX_DEPTH} elements in each other")
    # The namespace is declared once, on the root; the names are written plain, as a page wants them.
    cleaned = ET.Element(name)
    for attribute, value in element.attrib.items():
        if (kept := _keep(attribute, value)) is not None:
            cleaned.set(attribute, kept)
    cleaned.text, cleaned.tail = element.text, element.tail
    cleaned.extend([child for child in (_clean(one, depth + 1) for one in element) if child is not None])
    return cleaned


def _draw_by_attributes(root: ET.Element) -> None:
    """Turn what style sheets and ``style`` say into attributes, as drawing programs' icons need it: styles themselves would reach the whole page."""
    rules = "".join(element.text or "" for element in root.iter(f"{{{_SVG}}}style"))
    by_class = {
        name: body for names, body in re.findall(r"((?:\.[\w-]+[\s,]*)+)\{([^{}]*)\}", rules) for name in re.findall(r"\.([\w-]+)", names)
    }
    for element in root.iter():
        styles = [*(by_class.get(name, "") for name in element.get("class", "").split()), element.get("style", "")]
        for declaration in ";".join(styles).split(";"):
            name, colon, value = declaration.partition(":")
            if colon:
                element.set(name.strip(), value.strip())


def clean_icon(text: str) -> str:
    """Return the SVG document `text` with nothing left in it but drawing.

    Raises
    ------
    IconError
        If it is no SVG document, too large, or declares a document type.
    """
    if len(text.encode("utf-8", "replace")) > MAX_ICON_BYTES:
        raise IconError(f"the icon is larger than {MAX_ICON_BYTES // 1024} KiB")
    # Entities, the one way to make a small document unbearably large or to read files, need a document type.
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise IconError("the icon declares a document type; remove the <!DOCTYPE ...> line")
    try:
        root = ET.fromstring(text)  # noqa: S314  see above: no entities, bounded size
    except (ET.ParseError, ValueError) as error:
        raise IconError(f"the icon is not well-formed SVG: {error}") from None
    _draw_by_attributes(root)
    cleaned = _clean(root)
    if cleaned is None or cleaned.tag != "svg":
        raise IconError("the icon is not an SVG document: its root must be <svg>")
    cleaned.set("xmlns", _SVG)
    cleaned.tail = None
    return ET.tostring(cleaned, encoding="unicode")
