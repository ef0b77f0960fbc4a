"""HAProxy itself takes every configuration that we write, and what it makes of a path is what we make of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from labyard_hub.backends.haproxy.addresses import address_of, key_of
from labyard_hub.backends.haproxy.certificate import joined_certificate
from labyard_hub.backends.haproxy.configuration import CERTIFICATE_NAME, CONFIGURATION_NAME, MAP_NAME, ProxyPlan, configuration_files
from labyard_hub.backends.haproxy.program import find_haproxy
from labyard_hub.config.origins import Origins
from tests.certificates import make_certificate

PLANS: dict[str, dict[str, Any]] = {
    "least": {},
    "all": {
        "host": "0.0.0.0",
        "default": "127.0.0.1|8081",
        "fixed": {"/services/labyard": "127.0.0.1|8082"},
        "tls": True,
        "account": (65534, 65534),
        "threads": 2,
        "plain_port": 8001,
        "word": "0" * 64,
    },
    "behind one that does TLS": {"before": "https", "trusted": ("10.0.0.0/8", "fd00::/8"), "soft_stop_seconds": 3},
    "every address": {"host": "::", "word": "0" * 64, "origins": Origins("https://lab.example.org/", separate=True)},
    "IPv6": {"host": "::1", "admin": "[::1]:9001", "default": "::1|8081"},
}


@pytest.mark.parametrize("name", PLANS)
def test_haproxy_takes_it_without_a_warning(tmp_path: Path, name: str) -> None:
    given = {"host": "127.0.0.1", "port": 8000, "admin": "127.0.0.1:9000", "socket": tmp_path / "socket", **PLANS[name]}
    folder = tmp_path / "a folder with 'blanks'"
    folder.mkdir()
    for file, text in configuration_files(ProxyPlan(**given)).items():
        (folder / file).write_text(text)
    (folder / MAP_NAME).write_text("# {}\n%2Fuser%2Fada%2F 127.0.0.1|8888\n")
    (folder / CERTIFICATE_NAME).write_text(joined_certificate(*make_certificate(tmp_path / "tls")))
    done = subprocess.run(
        [find_haproxy(), "-c", "-f", folder / CONFIGURATION_NAME], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/user/ada/", "%2Fuser%2Fada%2F"),
        ("/user/ada@x.org/", "%2Fuser%2Fada%40x.org%2F"),
        ("/user/ada%40x.org/", "%2Fuser%2Fada%40x.org%2F"),
        ("/user/%7Eada/", "%2Fuser%2F~ada%2F"),
        ("/user/zoë/", "%2Fuser%2Fzo%C3%AB%2F"),
        ("/user/a%20b;c\\d\n/", "%2Fuser%2Fa%20b%3Bc%5Cd%0A%2F"),
    ],
)
def test_one_key_for_all_spellings(path: str, key: str) -> None:
    assert key_of(path) == key


def test_addresses() -> None:
    assert address_of("http://127.0.0.1:8888") == "127.0.0.1|8888"
    assert address_of("http://[::1]:8888/") == "::1|8888"
    assert address_of("http://10.0.0.1") == "10.0.0.1|80"


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1:1", "http://localhost:1", "http://127.0.0.1:1/path", "127.0.0.1:1", "http://:1", "http://1;2:3"]
)
def test_no_address(target: str) -> None:
    with pytest.raises(ValueError, match=r"a route can lead to|does not appear"):
        address_of(target)
