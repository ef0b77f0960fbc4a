"""What JupyterHub is told of the pages, and what visitors are told of errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labyard_hub.backends.page_files import STATIC, TEMPLATES, asset
from labyard_hub.config.origins import Origins
from labyard_hub.config.settings import Settings
from labyard_hub.exceptions import InvalidNameError
from labyard_hub.hub_process.identity import HubBusyError
from labyard_hub.hub_process.pages import page_settings
from labyard_hub.hub_process.pages.errors import http_error
from labyard_hub.hub_process.pages.paging import part_of
from labyard_hub.storage.identity_errors import IdentityStoreError


def test_cookies_need_encryption_where_there_is_some() -> None:
    plain = page_settings(Settings(), Origins("http://labyard.example.org:8000/", separate=True))["tornado_settings"]
    assert "secure" not in plain["cookie_options"]
    here = page_settings(Settings(), Origins("http://labyard.localhost:8000/", separate=True))["tornado_settings"]
    assert here["cookie_options"]["secure"] is True  # browsers keep secure cookies on names of this machine
    behind = page_settings(Settings(), Origins("https://labyard.example.org/", separate=True))["tornado_settings"]
    assert behind["cookie_options"]["secure"] is True
    assert behind["xsrf_cookie_kwargs"]["secure"] is True


def test_errors_keep_their_status_and_their_secrets(tmp_path: Path) -> None:
    busy = http_error(HubBusyError())
    assert busy.status_code == 503
    assert busy.headers == {"Retry-After": "5"}  # type: ignore[attr-defined]
    assert http_error(InvalidNameError("100% wrong")).get_message() == "100% wrong"
    broken = http_error(IdentityStoreError(tmp_path / "identity.db", "the disk is full"))
    assert broken.status_code == 500
    assert str(tmp_path) not in (broken.get_message() or "")


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_has_a_script_or_style_inside(template: Path) -> None:
    """The pages' policy lets none run."""
    text = template.read_text()
    assert re.search(r"<script(?![^>]*\bsrc=)", text) is None
    assert re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) is None
    assert re.search(r"https?://", text) is None  # nothing is loaded from elsewhere


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_every_form_carries_the_token_and_posts(template: Path) -> None:
    for form in re.findall(r"<form\b.*?</form>", template.read_text(), flags=re.DOTALL):
        # One is sent by script, with the token in a header; a search changes nothing.
        if "data-new-token" in form or ('method="get" ' in form and 'role="search"' in form):
            continue
        assert 'method="post"' in form, form
        assert "xsrf_field(xsrf)" in form, form


@pytest.mark.parametrize(
    ("count", "asked", "expected"),
    [
        (0, "", (1, 1, 0, 0)), (1, "", (1, 1, 1, 1)), (50, "2", (1, 1, 1, 50)), (51, "2", (2, 2, 51, 51)), (120, "2", (2, 3, 51, 100)),
        (120, "9", (3, 3, 101, 120)), *((120, odd, (1, 3, 1, 50)) for odd in ("0", "-1", "x", "9" * 50, "\u0662")),
    ],
)  # fmt: skip
def test_a_long_list_comes_in_pages(count: int, asked: str, expected: tuple[int, ...]) -> None:
    part = part_of(range(1, count + 1), asked)
    assert (part.number, part.pages, part.first, part.last) == expected
    assert part.total == count
    assert list(part.items) == list(range(part.first, part.last + 1) if count else [])


def test_assets_are_addressed_by_their_content() -> None:
    assert re.fullmatch(r"assets/labyard\.css\?v=[0-9a-f]{12}", asset("labyard.css"))
    named = set(re.findall(r"asset\('([^']+)'\)", "".join(path.read_text() for path in TEMPLATES.glob("*.html"))))
    assert named <= {"base.css", *(path.name for path in STATIC.iterdir())}
