from __future__ import annotations

import pytest

from labyard_hub.services.sessions import PendingLogin, Sessions


def test_a_session_is_opened_only_by_who_sealed_it() -> None:
    sealed = Sessions("a" * 64).seal_token("secret-token")
    assert Sessions("a" * 64).open_token(sealed) == "secret-token"
    assert Sessions("b" * 64).open_token(sealed) is None


@pytest.mark.parametrize("value", ["", "x", "2|1:0|", "\x00", "2|1:0|10:1700000000|15:labyard-session|4:YQ==|" + "0" * 64])
def test_what_was_made_up_is_no_session(value: str) -> None:
    assert Sessions("a" * 64).open_token(value) is None


def test_a_changed_session_is_no_session() -> None:
    sessions = Sessions("a" * 64)
    sealed = sessions.seal_token("secret-token")
    for position in range(len(sealed)):
        changed = sealed[:position] + ("0" if sealed[position] != "0" else "1") + sealed[position + 1 :]
        assert sessions.open_token(changed) is None, position


def test_a_sign_in_is_found_by_its_own_state_only() -> None:
    sessions = Sessions("a" * 64)
    one, other = sessions.new_login("v1", "/a"), sessions.new_login("v2", "/b")
    assert one.state != other.state
    assert sessions.open_login(one.state, sessions.seal_login(one)) == one
    assert sessions.open_login(other.state, sessions.seal_login(one)) is None
    assert sessions.open_login(one.state, sessions.seal_token("t")) is None
    assert PendingLogin.cookie_name(one.state).startswith("labyard-login-")
