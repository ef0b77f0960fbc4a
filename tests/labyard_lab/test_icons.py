from __future__ import annotations

import pytest

from labyard_lab.available_tools.icons import DEFAULT_ICON, MAX_ICON_BYTES, clean_icon
from labyard_lab.exceptions import IconError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 24 24">{}</svg>'


def test_drawing_stays() -> None:
    text = SVG.format(
        '<g class="jp-icon3" fill="#616161"><path d="M3 3h2"/></g><linearGradient id="a"/><rect fill="url(#a)" stroke="currentColor"/>'
    )
    cleaned = clean_icon(text)
    for part in ('class="jp-icon3"', 'd="M3 3h2"', 'fill="url(#a)"', 'viewBox="0 0 24 24"', 'stroke="currentColor"'):
        assert part in cleaned
    assert cleaned.startswith('<svg xmlns="http://www.w3.org/2000/svg"') or 'xmlns="http://www.w3.org/2000/svg"' in cleaned
    assert clean_icon(cleaned) == cleaned
    assert clean_icon(DEFAULT_ICON)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<script xlink:href="https://evil.example/x.js"/>',
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
        '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>',
        '<g onload="alert(1)"/>',
        '<g ONLOAD="alert(1)"/>',
        '<a href="javascript:alert(1)"><path d="M0 0"/></a>',
        '<image href="https://evil.example/pixel.png"/>',
        '<use href="https://evil.example/x.svg#alert"/>',
        "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='//evil.example'/></foreignObject>",
        "<style>@import 'https://evil.example/x.css'; * { display: none }</style>",
        '<rect style="background: url(https://evil.example/x)"/>',
        '<rect fill="url(https://evil.example/x#alert)"/>',
        '<rect fill="url(#a) url(//evil.example/x)"/>',
        '<rect fill="u\\72l(https://evil.example/x)"/>',
        '<set attributeName="onmouseover" to="alert(1)"/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<rect class="alert jp-Notebook evil"/>',
        '<rect data-commandlinker-command="evil"/>',
        "<?xml-stylesheet href='https://evil.example'?>",
        "<!-- evil -->",
    ],
)
def test_everything_else_goes(hostile: str) -> None:
    cleaned = clean_icon(SVG.format(hostile))
    for word in ("script", "alert", "evil", "onload", "javascript", "style", "@import", "iframe", "jp-notebook"):
        assert word not in cleaned.lower()


def test_text_is_escaped() -> None:
    assert "<script" not in clean_icon(SVG.format("<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<html/>",
        "<svg",
        "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
        '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        '<!doctype svg SYSTEM "file:///etc/passwd"><svg xmlns="http://www.w3.org/2000/svg"/>',
        SVG.format(" " * MAX_ICON_BYTES),
        "<svg>\x00</svg>",
    ],
)
def test_what_is_no_icon_is_refused(text: str) -> None:
    with pytest.raises(IconError):
        clean_icon(text)


def test_deep_nesting_is_refused() -> None:
    text = SVG.format("<g>" * 5000 + "</g>" * 5000)
    with pytest.raises(IconError):
        clean_icon(text)


def test_styles_of_drawing_programs_become_attributes() -> None:
    sheet = ".a{fill:#75aadb;}.b, .c { fill: #fff; stroke:url(#x) } .d{fill:url(https://evil.example/)} @import 'x';"
    cleaned = clean_icon(
        f'<svg xmlns="http://www.w3.org/2000/svg"><defs><style>{sheet}</style></defs><path class="a"/><path class="c" fill="red"/>'
        '<path class="d"/><path style="fill:#123;position:fixed"/></svg>'
    )
    assert cleaned.split("<path")[1:] == [
        ' fill="#75aadb" />', ' fill="#fff" stroke="url(#x)" />', " />", ' fill="#123" /></svg>',
    ]  # fmt: skip
