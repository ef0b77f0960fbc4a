"""Error pages that carry their looks."""

from __future__ import annotations

from labyard.pages import STYLESHEET, error_page, heading_of, sentence


def test_the_page_says_what_happened_and_where_to_go() -> None:
    page = error_page(403, "Ask <ada>.", (("Home", "/hub/home"), ("Open JupyterLab", "/user/bob/lab")))
    assert "<h1>This is not allowed</h1>" in page
    assert "Ask &lt;ada&gt;." in page
    assert page.index('href="/hub/home">Home') < page.index('href="/user/bob/lab">Open JupyterLab')
    assert page.count('target="_top"') == 3  # in a frame of JupyterLab the ways lead the whole window
    assert "http-equiv" not in page
    assert STYLESHEET.read_text() in page
    assert "src=" not in page  # it needs nothing that may be away


def test_who_is_signed_in_has_their_menu() -> None:
    page = error_page(404, "Gone.", (("Home", "/hub/home"),), user="a<da", hub="http://lab/hub/")
    assert "<summary>a&lt;da</summary>" in page
    assert '<a target="_top" href="http://lab/hub/logout">Sign out</a>' in page


def test_a_page_for_what_is_starting_loads_again() -> None:
    page = error_page(503, "It starts.", (("Home", "/hub/home"),), retry_seconds=2, heading="Starting")
    assert '<meta http-equiv="refresh" content="2">' in page
    assert "<h1>Starting</h1>" in page


def test_every_status_has_a_heading() -> None:
    assert (heading_of(404), heading_of(409), heading_of(500)) == (
        "There is nothing here",
        "This did not work",
        "Something went wrong here",
    )


def test_messages_become_sentences() -> None:
    assert [sentence(one) for one in ("no tool runs", "Is it there?", "")] == ["No tool runs.", "Is it there?", "."]
