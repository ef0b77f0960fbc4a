from __future__ import annotations

import pytest

from labyard_lab.proxy.headers import Prefix, request_headers, response_headers, strip_cookies, strip_token

KEPT = Prefix("/user/ada/labyard/tools/x/", strip=False)
STRIPPED = Prefix("/user/ada/labyard/tools/x/", strip=True)


def passed(headers: list[tuple[str, str]], *, forward: bool = False, drop: bool = False) -> dict[str, str]:
    return dict(
        request_headers(
            headers,
            forward_credentials=forward,
            drop_authorization=drop,
            session_cookie="username-h-1",
            forwarded={"X-Forwarded-Proto": "https"},
        )
    )


def answered(headers: list[tuple[str, str]], prefix: Prefix = KEPT, *, forward: bool = False) -> list[tuple[str, str]]:
    return list(
        response_headers(
            headers, prefix, host="lab.example", upstream_hosts={"localhost"}, forward_credentials=forward, frame_ancestors="'self'"
        )
    )[:-1]


@pytest.mark.parametrize(
    ("uri", "kept", "stripped"),
    [
        ("/user/ada/labyard/tools/x/", "/user/ada/labyard/tools/x/", "/"),
        ("/user/ada/labyard/tools/x", "/user/ada/labyard/tools/x", "/"),
        ("/user/ada/labyard/tools/x?a=b", "/user/ada/labyard/tools/x?a=b", "/?a=b"),
        ("/user/ada/labyard/tools/x/a%2Fb/../c?d=%20", "/user/ada/labyard/tools/x/a%2Fb/../c?d=%20", "/a%2Fb/../c?d=%20"),
        ("/user/ada/labyard/tools/x//evil", "/user/ada/labyard/tools/x//evil", "//evil"),
    ],
)
def test_target(uri: str, kept: str, stripped: str) -> None:
    assert KEPT.target(uri) == kept
    assert STRIPPED.target(uri) == stripped


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a", "/a"),
        ("/a?b=token", "/a?b=token"),
        ("/a?token=s", "/a"),
        ("/a?x=1&token=s&y=2", "/a?x=1&y=2"),
        ("/a?token=s&token=t#f", "/a#f"),
        ("/a?to%6ben=s&%74oken=t&z", "/a?z"),
        ("/a?token", "/a"),
        ("/a?mytoken=1&tokens=2", "/a?mytoken=1&tokens=2"),
        ("https://h/a?token=s&b=%26", "https://h/a?b=%26"),
    ],
)
def test_token_leaves_the_query(url: str, expected: str) -> None:
    assert strip_token(url) == expected


def test_platform_cookies_are_kept_from_the_tool() -> None:
    cookies = (
        "jupyterhub-session-id=1; _xsrf=2; a=3; jupyterhub-user-ada=4; __Host-jupyterhub-user-ada=5; username-127-0-0-1-8888=6;"
        "JupyterHub-hub-login=7; username-h-1=8; labyard-x=9; b=10;service-mlflow=11"
    )
    assert strip_cookies(cookies, "username-h-1") == "a=3; b=10"
    assert strip_cookies("sid=1; my-session=2", "my-session") == "sid=1"


def test_requests_lose_credentials_and_hop_by_hop_headers() -> None:
    headers = [
        ("Host", "lab.example"), ("Authorization", "token secret"), ("Cookie", "_xsrf=1"), ("Referer", "https://lab.example/?token=secret&a=1"),
        ("Connection", "keep-alive, X-Odd"), ("X-Odd", "1"), ("Te", "x"), ("Upgrade", "h2c"), ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"), ("Content-Length", "3"), ("Sec-WebSocket-Key", "k"), ("X-Forwarded-Proto", "http"),
    ]  # fmt: skip
    assert passed(headers, drop=True) == {
        "Host": "lab.example", "Referer": "https://lab.example/?a=1", "Content-Length": "3", "X-Forwarded-Proto": "http",
    }  # fmt: skip


def test_a_tools_own_authorization_passes() -> None:
    assert passed([("Authorization", "Bearer of-the-tool")])["Authorization"] == "Bearer of-the-tool"


def test_credentials_pass_where_they_shall() -> None:
    headers = [("Authorization", "token secret"), ("Cookie", "_xsrf=1; a=2"), ("Referer", "https://h/?token=1")]
    assert passed(headers, forward=True, drop=True) == {**dict(headers), "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize("name", ["X-Labyard-User", "x-labyard-user", "X_Labyard_User", "x-labyard_user"])
@pytest.mark.parametrize("user", ["ada", None])
def test_nobody_says_by_a_header_who_they_are(name: str, user: str | None) -> None:
    headers = request_headers(
        [(name, "mallory")], forward_credentials=True, drop_authorization=False, session_cookie=None, forwarded={}, user=user
    )
    assert headers == ([("X-Labyard-User", "ada")] if user else [])


@pytest.mark.parametrize(
    ("location", "kept", "stripped"),
    [
        ("/user/ada/labyard/tools/x/b", "/user/ada/labyard/tools/x/b", "/user/ada/labyard/tools/x/b"),
        ("/b?c=1#d", "/b?c=1#d", "/user/ada/labyard/tools/x/b?c=1#d"),
        ("b/c", "b/c", "b/c"),
        ("?c=1", "?c=1", "?c=1"),
        ("http://lab.example/b", "/b", "/user/ada/labyard/tools/x/b"),
        ("http://localhost/user/ada/labyard/tools/x/b", "/user/ada/labyard/tools/x/b", "/user/ada/labyard/tools/x/b"),
        ("//lab.example/b", "/b", "/user/ada/labyard/tools/x/b"),
        ("https://elsewhere.example/b", "https://elsewhere.example/b", "https://elsewhere.example/b"),
        ("http://[bad", "http://[bad", "http://[bad"),
    ],
)
def test_redirects_stay_under_the_prefix(location: str, kept: str, stripped: str) -> None:
    assert answered([("Location", location)]) == [("Location", kept)]
    assert answered([("location", location)], STRIPPED) == [("location", stripped)]


@pytest.mark.parametrize(
    ("cookie", "kept", "stripped"),
    [
        ("a=1", "a=1; Path=/user/ada/labyard/tools/x/", "a=1; Path=/user/ada/labyard/tools/x/"),
        ("a=1; Path=/; HttpOnly", "a=1; HttpOnly; Path=/user/ada/labyard/tools/x/", "a=1; HttpOnly; Path=/user/ada/labyard/tools/x/"),
        ("a=1; path=/b", "a=1; Path=/user/ada/labyard/tools/x/", "a=1; Path=/user/ada/labyard/tools/x/b"),
        ("a=1; Path=/user/ada/labyard/tools/x/b", "a=1; Path=/user/ada/labyard/tools/x/b", "a=1; Path=/user/ada/labyard/tools/x/b"),
        ("a=1; Domain=lab.example; Secure", "a=1; Secure; Path=/user/ada/labyard/tools/x/", "a=1; Secure; Path=/user/ada/labyard/tools/x/"),
        ("_xsrf=1; Path=/", None, None),
        ("jupyterhub-session-id=1; Path=/", None, None),
        ("__Host-a=1; Secure; Path=/", None, None),
    ],
)
def test_cookies_stay_under_the_prefix(cookie: str, kept: str | None, stripped: str | None) -> None:
    assert answered([("Set-Cookie", cookie)]) == ([("Set-Cookie", kept)] if kept else [])
    assert answered([("set-cookie", cookie)], STRIPPED) == ([("set-cookie", stripped)] if stripped else [])


def test_a_tool_does_not_speak_for_the_host() -> None:
    headers = [
        ("X-Frame-Options", "DENY"), ("Service-Worker-Allowed", "/"), ("Clear-Site-Data", '"*"'), ("Strict-Transport-Security", "max-age=1"),
        ("Alt-Svc", "h3"), ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"), ("Transfer-Encoding", "chunked"),
        ("Connection", "close"), ("Content-Encoding", "gzip"), ("Content-Length", "5"),
    ]  # fmt: skip
    assert answered(headers) == [("Content-Security-Policy", "default-src 'self'"), ("Content-Encoding", "gzip"), ("Content-Length", "5")]


def test_frames_are_allowed_as_the_server_says() -> None:
    headers = response_headers(
        [], KEPT, host="h", upstream_hosts=(), forward_credentials=False, frame_ancestors="'self' https://portal.example"
    )
    assert list(headers) == [("Content-Security-Policy", "frame-ancestors 'self' https://portal.example")]
