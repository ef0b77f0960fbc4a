"""Drawn tokens are hashed once, others many times; both are found again, as are those that were hashed before."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.oauth import provider
from jupyterhub.oauth.provider import make_provider
from jupyterhub.utils import compare_token, hash_token

from labyard_hub.hub_plugins.hub.tokens import hash_by_look, is_drawn, spare_rounds

UPSTREAM_ROUNDS = "16384"
KINDS = ("drawn", "thought up")


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for module in (orm, provider):
        monkeypatch.setattr(module, "hash_token", hash_token)
    spare_rounds()
    session = orm.new_session_factory(url="sqlite:///:memory:")()
    session.add(orm.OAuthClient(identifier="jupyterhub"))
    session.add(orm.Service(name="culler"))
    session.commit()
    yield session
    session.close()


def rounds(hashed: str) -> str:
    return hashed.split(":")[1]


def test_what_looks_drawn() -> None:
    assert is_drawn(uuid.uuid4().hex)
    assert is_drawn(secrets.token_hex(32))
    for token in ("correct horse battery staple and more", "0" * 64, "deadbeef" * 8, secrets.token_hex(15), "my-service-token", ""):
        assert not is_drawn(token), token


@pytest.mark.parametrize(
    ("token", "expected"), [(secrets.token_hex(32), "1"), ("a-token-that-somebody-thought-up", UPSTREAM_ROUNDS)], ids=KINDS
)
def test_a_services_token_from_the_configuration(db: Any, token: str, expected: str) -> None:
    service = db.query(orm.Service).one()
    service.new_api_token(token, scopes=["inherit"], generated=False)
    found = orm.APIToken.find(db, token)
    assert found.service is service
    assert rounds(found.hashed) == expected
    assert orm.APIToken.find(db, token[:-1] + "x") is None


@pytest.mark.parametrize(("secret", "expected"), [(uuid.uuid4().hex, "1"), ("thought-up", UPSTREAM_ROUNDS)], ids=KINDS)
def test_the_secret_of_a_servers_oauth_client(db: Any, secret: str, expected: str) -> None:
    client = make_provider(lambda: db, "/hub/api/oauth2", "/hub/login").add_client(
        "jupyterhub-user-ada", secret, "/user/ada/oauth_callback"
    )
    assert rounds(client.secret) == expected
    assert compare_token(client.secret, secret)
    assert not compare_token(client.secret, secret + "0")


def test_a_hash_of_another_version_still_holds() -> None:
    token = secrets.token_hex(32)
    assert compare_token(hash_token(token), token)
    assert hash_token(token, salt=b"salt", rounds=1) == hash_by_look(token, salt=b"salt")
