"""Names of hub and servers."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from labyard_hub.config.origins import Origins, server_label
from tests.certificates import make_certificate

NAMES = [
    "ada",
    "ada-lovelace",
    "vision--p9372f77b5b",
    "x" * 40,
    "Ada",
    "ADA",
    "ada.x",
    "ada_x",
    "\u0430da",
    "xn--p9372f77b5b",
    "a" * 64,
    "ada--x",
    "-a",
    "a-",
    "1",
    "",
    "u--x1",
]


def test_each_user_has_a_label_of_their_own() -> None:
    labels = [server_label(name) for name in NAMES]
    assert labels[:4] == NAMES[:4]
    assert len(set(labels)) == len(NAMES)
    for label in labels:
        assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", label), label
        assert not label.startswith("xn--")


def test_servers_have_origins_below_the_hubs() -> None:
    origins = Origins("https://labyard.example.org:8443/", separate=True)
    assert (origins.base, origins.host) == ("https://labyard.example.org:8443", "labyard.example.org")
    assert origins.of_user("ada") == "https://ada.labyard.example.org:8443"
    assert origins.servers == "https://*.labyard.example.org:8443"
    shared = Origins("https://labyard.example.org/", separate=False)
    assert shared.of_user("ada") == shared.base == "https://labyard.example.org"
    assert shared.servers == ""


def test_cookies_are_bound_to_one_name_where_browsers_can() -> None:
    for url, separate, prefix in (
        ("http://labyard.localhost:8000/", True, "__Host-"), ("https://labyard.example.org/", True, "__Host-"), ("http://labyard.example.org/", True, ""),
        ("https://labyard.example.org/", False, ""), ("http://127.0.0.1:8000/", False, ""),
    ):  # fmt: skip
        assert Origins(url, separate).cookie_prefix == prefix, url


def test_a_name_that_does_not_resolve_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, *_: Any) -> list[Any]:
        if host == "labyard-check.labyard.example.org":
            raise OSError
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    (problem,) = Origins("https://labyard.example.org/", separate=True).problems(None, None)
    assert "*.labyard.example.org" in problem
    assert Origins("https://labyard.example.org/", separate=False).problems(None, None) == []
    assert Origins("https://other.example.org/", separate=True).problems(None, None) == []
    assert Origins("http://labyard.localhost:8000/", separate=True).problems(None, None) == []


@pytest.mark.parametrize(
    ("names", "separate", "words"),
    [
        (["lab.localhost", "*.lab.localhost"], True, ""),
        (["lab.localhost"], False, ""),
        (["lab.localhost"], True, "'labyard-check.lab.localhost'. It has to be for lab.localhost and *.lab.localhost"),
        (["*.lab.localhost"], True, "'lab.localhost'. It has to be for lab.localhost and *.lab.localhost"),
        (["other.localhost"], False, "'lab.localhost'. It has to be for lab.localhost"),
    ],
)
def test_a_certificate_that_lacks_a_name_is_told(tmp_path: Path, names: list[str], separate: bool, words: str) -> None:
    problems = Origins("https://lab.localhost/", separate).problems(*make_certificate(tmp_path, names))
    assert "\n".join(problems).endswith(words)
    assert bool(problems) == bool(words)


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path / "one")
    _, key = make_certificate(tmp_path / "other")
    origins = Origins("https://labyard.localhost/", separate=True)
    assert "cannot be used together" in origins.problems(certificate, key)[0]
    assert "No such file" in origins.problems(certificate, tmp_path / "none.pem")[0]
