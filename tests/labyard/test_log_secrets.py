"""What is taken out of lines of logs."""

from __future__ import annotations

import pytest

from labyard.log_secrets import mask


@pytest.mark.parametrize(
    "line",
    [
        "403 POST /hub/invite?token=S&a=1 (127.0.0.1): XSRF cookie",
        "302 GET /hub/home?a=1 -> /hub/login?next=%2Fhub%2Finvite%3Ftoken%3DS%26a%3D1",
        "GET /hub/login?next=%252Fhub%252Finvite%253Fa%253D1%2526_xsrf%253DS",
        "uri='/user/ada/oauth_callback?code=S&state=S', version='HTTP/1.1'",
        '"Referer": "http://a/x?API_KEY=S"',
        "path=/services/labyard/join/S code=down",
        "404 GET /hub/api/authorizations/token/S (@127.0.0.1)",
    ],
)
def test_secrets_in_addresses_go(line: str) -> None:
    masked = mask(line)
    assert masked == line.replace("=S", "=[secret]").replace("3DS", "3D[secret]").replace("/S", "/[secret]")
    assert mask(masked) == masked


@pytest.mark.parametrize("line", ["what? token = x", "key=value code=3", "/a?b=c&d=e", "/hub/join", "100 % of tokens"])
def test_the_rest_stays(line: str) -> None:
    assert mask(line) == line
