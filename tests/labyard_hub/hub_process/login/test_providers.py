"""GitHub, GitLab and Google, with the answers that their documentation describes. **None of this ran against the real services**: the stand-in is their HTTP edge.

What is the same for every provider runs against a real one in tests/integration/test_oidc.py.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from jupyterhub import orm
from jupyterhub.crypto import CryptKeeper
from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from traitlets.config import Config

from labyard_hub.config.login import LoginSettings
from labyard_hub.config.settings import SignInSettings
from labyard_hub.hub_process.login.config import configure_login
from labyard_hub.hub_process.login.provider_identities import ProviderIdentity
from labyard_hub.hub_process.sign_in_errors import NameTakenError, NotLetInError, ProviderAwayError, ProviderErrorError

HUB = "https://labyard.example.org/hub/"


class Service:
    """The provider's HTTP edge: answers by address, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[HTTPRequest] = []

    async def fetch(self, request: HTTPRequest, raise_error: bool = True) -> HTTPResponse:
        self.asked.append(request)
        path = request.url.partition("?")[0]
        answer = self.answers.get(path, 404)
        if isinstance(answer, Exception):
            raise answer
        code, body = (answer, {}) if isinstance(answer, int) else (200, answer)
        response = HTTPResponse(request, code, buffer=io.BytesIO(json.dumps(body).encode()))
        if raise_error and code >= 400:
            raise HTTPClientError(code, "refused", response)
        return response

    def form(self, path: str) -> dict[str, list[str]]:
        """Return the form that was sent to `path` last."""
        request = next(one for one in reversed(self.asked) if urlsplit(one.url).path == path)
        return parse_qs((request.body or b"").decode())


class Handler:
    """The hub's side of a request, with a real database of the hub's tables."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def get_argument(self, name: str, default: Any = None) -> Any:
        return {"code": "the-code"}.get(name, default)

    def get_state_cookie(self) -> str:
        import base64

        return base64.urlsafe_b64encode(json.dumps({"state_id": "s", "code_verifier": "v"}).encode()).decode()

    def nonce(self) -> str:
        return "the-nonce"

    def user_from_username(self, name: str) -> Any:
        user = orm.User.find(self.db, name)
        if user is None:
            user = orm.User(name=name)
            self.db.add(user)
            self.db.commit()
        return SimpleNamespace(orm_user=user)


@pytest.fixture
def handler() -> Iterator[Handler]:
    factory = orm.new_session_factory("sqlite:///:memory:")
    with factory() as db:
        engine = db.get_bind()
        yield Handler(db)
    engine.dispose()


def authenticator(tmp_path: Any, service: Service, **login: Any) -> Any:
    settings = LoginSettings.model_validate({"client_id": "labyard", "client_secret": "s3cret", **login})
    config = Config()
    configure_login(config, settings, SignInSettings(), state_dir=tmp_path, hub_url=HUB, crypt_key=b"k" * 32)
    CryptKeeper.clear_instance()
    made = config.JupyterHub.authenticator_class(config=config)
    made.http_client = service
    return made


def test_a_sign_in_lasts_as_long_as_the_settings_say(tmp_path: Any) -> None:
    values = {"provider": "github", "client_id": "x", "client_secret": "s", "allowed_users": ["ada"], "admin_users": ["ada"]}
    for login, days in ((values, 14), ({**values, "session_lifetime_seconds": "12h"}, 0.5), ({}, 14)):
        config = Config()
        configure_login(config, LoginSettings.model_validate(login), SignInSettings(), state_dir=tmp_path, hub_url=HUB)
        assert config.JupyterHub.cookie_max_age_days == days


def github() -> Service:
    service = Service()
    api = "https://api.github.com"
    service.answers = {
        "https://github.com/login/oauth/access_token": {"access_token": "t", "token_type": "bearer", "scope": "read:org,read:user"},
        f"{api}/user": {"id": 42, "login": "Ada-L", "email": None},
        f"{api}/user/orgs": [{"login": "acme"}, {"login": "other"}],
        f"{api}/user/teams": [{"slug": "ml", "organization": {"login": "acme"}}],
    }
    return service


async def test_github_organisations_and_teams_are_groups(tmp_path: Any, handler: Handler) -> None:
    service = github()
    login = authenticator(tmp_path, service, provider="github", allowed_organizations=["acme"], admin_groups=["acme:ml"])
    model = await login.authenticate(handler)
    assert (model["name"], model["admin"], model["groups"]) == ("ada-l", True, ["acme", "acme:ml", "other"])
    sent = service.form("/login/oauth/access_token")
    assert (sent["code"], sent["code_verifier"], sent["redirect_uri"]) == (["the-code"], ["v"], [f"{HUB}oauth_callback"])
    assert [row.claim for row in handler.db.query(ProviderIdentity)] == ["Ada-L"]
    assert login.end_session_url(model["auth_state"]) is None
    assert login.again_parameters == {"prompt": "select_account"}


async def test_github_without_the_organisation_is_no(tmp_path: Any, handler: Handler) -> None:
    service = github()
    service.answers["https://api.github.com/user/orgs"] = []
    login = authenticator(tmp_path, service, provider="github", allowed_organizations=["acme"], admin_users=["boss"])
    with pytest.raises(NotLetInError, match="signed in at GitHub as Ada-L"):
        await login.authenticate(handler)
    assert handler.db.query(orm.User).count() == 0


async def test_a_renamed_github_account_stays_who_it_is(tmp_path: Any, handler: Handler) -> None:
    service = github()
    login = authenticator(tmp_path, service, provider="github", allowed_organizations=["acme"], admin_users=["boss"])
    await login.authenticate(handler)
    service.answers["https://api.github.com/user"] = {"id": 42, "login": "countess", "email": None}
    assert (await login.authenticate(handler))["name"] == "ada-l"


async def test_githubs_error_with_status_200_is_one(tmp_path: Any, handler: Handler) -> None:
    service = github()
    service.answers["https://github.com/login/oauth/access_token"] = {"error": "bad_verification_code", "error_description": "it is old"}
    login = authenticator(tmp_path, service, provider="github", allowed_organizations=["acme"], admin_users=["boss"])
    with pytest.raises(ProviderErrorError):
        await login.authenticate(handler)


@pytest.mark.parametrize(("error", "kind"), [(503, ProviderAwayError), (OSError("no route"), ProviderAwayError), (400, ProviderErrorError)])
async def test_away_and_refusing_are_told_apart(tmp_path: Any, handler: Handler, error: Any, kind: type[Exception]) -> None:
    service = github()
    service.answers["https://github.com/login/oauth/access_token"] = error
    login = authenticator(tmp_path, service, provider="github", allowed_organizations=["acme"], admin_users=["boss"])
    with pytest.raises(kind):
        await login.authenticate(handler)


def openid(issuer: str, user: dict[str, Any], **claims: Any) -> Service:
    service = Service()
    service.answers[f"{issuer}/.well-known/openid-configuration"] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    }
    said = {"iss": issuer, "aud": "labyard", "sub": user["sub"], "exp": time.time() + 60, "nonce": "the-nonce", **claims}
    token = jwt.encode({name: value for name, value in said.items() if value is not None}, "k" * 32, algorithm="HS256")
    service.answers[f"{issuer}/token"] = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "id_token": token}
    service.answers[f"{issuer}/userinfo"] = user
    return service


async def test_gitlab_takes_its_groups(tmp_path: Any, handler: Handler) -> None:
    service = openid("https://gitlab.com", {"sub": "7", "preferred_username": "ada", "groups": ["acme", "acme/ml"]})
    login = authenticator(tmp_path, service, provider="gitlab", allowed_groups=["acme/ml"], admin_users=["ada"])
    model = await login.authenticate(handler)
    assert (model["name"], model["admin"], model["groups"]) == ("ada", True, ["acme", "acme/ml"])


async def test_a_gitlab_of_ones_own_is_an_issuer(tmp_path: Any, handler: Handler) -> None:
    issuer = "https://git.example.org"
    service = openid(issuer, {"sub": "7", "preferred_username": "ada", "groups": ["acme"]})
    login = authenticator(tmp_path, service, provider="gitlab", issuer=issuer, allowed_groups=["acme"], admin_users=["boss"])
    assert (await login.authenticate(handler))["admin"] is False


@pytest.mark.parametrize(
    ("user", "is_in"),
    [
        ({"hd": "example.org", "email_verified": True}, True),
        ({"hd": "Example.ORG", "email_verified": True}, True),
        ({"hd": "elsewhere.example", "email_verified": True}, False),
        ({"email_verified": True}, False),  # a private account
        ({"hd": "example.org", "email_verified": False}, False),
    ],
)
async def test_google_accounts_of_the_organisation(tmp_path: Any, handler: Handler, user: dict[str, Any], is_in: bool) -> None:
    service = openid("https://accounts.google.com", {"sub": "9", "email": "Ada.L@example.org", **user})
    login = authenticator(tmp_path, service, provider="google", hosted_domains=["example.org"], allow_all=True, admin_users=["ada-l"])
    assert login.again_parameters == {"prompt": "select_account"}
    if is_in:
        model = await login.authenticate(handler)
        assert (model["name"], model["admin"]) == ("ada-l", True)
        assert login.end_session_url(model["auth_state"]) is None
    else:
        with pytest.raises(NotLetInError):
            await login.authenticate(handler)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another client"},
        {"sub": "somebody-else"},
        {"exp": time.time() - 86400},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
    ],
)
async def test_an_id_token_that_does_not_fit_signs_nobody_in(tmp_path: Any, handler: Handler, claims: dict[str, Any]) -> None:
    issuer = "https://id.example.org"
    service = openid(issuer, {"sub": "7", "preferred_username": "ada", "groups": ["ml"]}, **claims)
    login = authenticator(tmp_path, service, provider="oidc", issuer=issuer, allowed_groups=["ml"], admin_users=["ada"])
    with pytest.raises(ProviderErrorError, match="it did not say who you are"):
        await login.authenticate(handler)
    assert handler.db.query(orm.User).count() == 0


async def test_groups_may_be_in_the_id_token_alone(tmp_path: Any, handler: Handler) -> None:
    issuer = "https://login.example.com/tenant/v2.0"  # as Entra tells them
    service = openid(issuer, {"sub": "7", "preferred_username": "ada"}, groups=["0f0f"])
    login = authenticator(tmp_path, service, provider="oidc", issuer=issuer, allowed_groups=["0f0f"], admin_users=["boss"])
    model = await login.authenticate(handler)
    assert model["groups"] == ["0f0f"]
    assert login.needs_new_tokens(model["auth_state"])  # else they would stay as they were at the sign-in


async def test_an_account_from_before_is_taken_over_only_where_that_is_said(tmp_path: Any, handler: Handler) -> None:
    issuer = "https://id.example.org"
    service = openid(issuer, {"sub": "7", "preferred_username": "ada", "groups": ["ml"]})
    handler.user_from_username("ada")
    values = {"provider": "oidc", "issuer": issuer, "allowed_groups": ["ml"], "admin_users": ["boss"]}
    with pytest.raises(NameTakenError, match="was here before"):
        await authenticator(tmp_path, service, **values).authenticate(handler)
    assert (await authenticator(tmp_path, service, **values, adopt_existing_users=True).authenticate(handler))["name"] == "ada"
    other = openid(issuer, {"sub": "8", "preferred_username": "ada", "groups": ["ml"]})
    with pytest.raises(NameTakenError):
        await authenticator(tmp_path, other, **values, adopt_existing_users=True).authenticate(handler)


async def test_a_removed_persons_name_is_nobody_elses(tmp_path: Any, handler: Handler) -> None:
    """They can be restored under it, with their home."""
    service = openid(ISSUER, ADA)
    login, user = await _signed_in(tmp_path, handler, service, ISSUER)
    await login.forget(user)
    handler.db.delete(user.orm_user)
    handler.db.commit()
    assert handler.db.query(ProviderIdentity).count() == 0
    other = openid(ISSUER, {**ADA, "sub": "8"})
    login.http_client = other
    with pytest.raises(NameTakenError):
        await login.authenticate(handler)
    login.http_client = service
    assert (await login.authenticate(handler))["name"] == "ada"  # they themselves


async def test_another_provider_takes_over_only_where_that_is_said(tmp_path: Any, handler: Handler) -> None:
    await _signed_in(tmp_path, handler, openid(ISSUER, ADA), ISSUER)
    moved = "https://id.new.example"
    values = {"provider": "oidc", "issuer": moved, "allowed_groups": ["ml"], "admin_users": ["boss"]}
    with pytest.raises(NameTakenError):
        await authenticator(tmp_path, openid(moved, ADA), **values).authenticate(handler)
    login = authenticator(tmp_path, openid(moved, ADA), **values, adopt_existing_users=True)
    assert (await login.authenticate(handler))["name"] == "ada"
    assert [row.issuer for row in handler.db.query(ProviderIdentity)] == [moved]
    login.http_client = openid(moved, {**ADA, "sub": "8"})
    with pytest.raises(NameTakenError):
        await login.authenticate(handler)


async def test_who_may_not_come_in_anyway_is_not_told_who_is_here(tmp_path: Any, handler: Handler) -> None:
    login, _ = await _signed_in(tmp_path, handler, openid(ISSUER, ADA), ISSUER)
    for claim in ("ada", "admin"):
        login.http_client = openid(ISSUER, {"sub": "8", "preferred_username": claim, "groups": ["sales"]})
        with pytest.raises(NotLetInError):
            await login.authenticate(handler)


async def test_a_no_is_not_asked_for_again_at_once(tmp_path: Any, handler: Handler) -> None:
    service = openid(ISSUER, ADA)
    login, user = await _signed_in(tmp_path, handler, service, ISSUER)
    service.answers[f"{ISSUER}/userinfo"] = 401
    assert await login.refresh_user(user) is False
    asked = len(service.asked)
    assert await login.refresh_user(user) is False
    assert len(service.asked) == asked
    service.answers[f"{ISSUER}/userinfo"] = ADA
    user.state = (await login.authenticate(handler))["auth_state"]  # they sign in again
    assert (await login.refresh_user(user))["name"] == "ada"


class HubUser:
    """As the hub gives users to `refresh_user`."""

    def __init__(self, handler: Handler, name: str, state: dict[str, Any]) -> None:
        self.orm_user = orm.User.find(handler.db, name)
        self.name, self.id, self.db, self.groups, self.state = name, self.orm_user.id, handler.db, [], state

    async def get_auth_state(self) -> dict[str, Any]:
        return json.loads(json.dumps(self.state))  # as from the database

    async def save_auth_state(self, state: dict[str, Any]) -> None:
        self.state = state


async def _signed_in(tmp_path: Any, handler: Handler, service: Service, issuer: str) -> tuple[Any, HubUser]:
    login = authenticator(tmp_path, service, provider="oidc", issuer=issuer, allowed_groups=["ml"], admin_groups=["ops"])
    model = await login.authenticate(handler)
    return login, HubUser(handler, model["name"], model["auth_state"])


ISSUER = "https://id.example.org"
ADA = {"sub": "7", "preferred_username": "ada", "groups": ["ml"]}


async def test_what_changed_is_seen_at_the_next_look(tmp_path: Any, handler: Handler) -> None:
    service = openid(ISSUER, ADA)
    login, user = await _signed_in(tmp_path, handler, service, ISSUER)
    service.answers[f"{ISSUER}/userinfo"] = {**ADA, "groups": ["ml", "ops", "labyard-projects"]}
    model = await login.refresh_user(user)
    assert (model["admin"], model["groups"]) == (True, ["ml", "ops"])
    assert await login.refresh_user(user) is True  # a moment later nobody is asked


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        ({**ADA, "groups": ["sales"]}, False),
        ({**ADA, "sub": "8"}, False),
        (401, False),
        (403, False),
        (503, True),
        (429, True),
        (OSError("away"), True),
    ],
)
async def test_who_may_no_longer_be_here_is_out_and_an_absent_provider_ends_nothing(
    tmp_path: Any, handler: Handler, answer: Any, stays: bool
) -> None:
    service = openid(ISSUER, ADA)
    login, user = await _signed_in(tmp_path, handler, service, ISSUER)
    service.answers[f"{ISSUER}/userinfo"] = answer
    assert bool(await login.refresh_user(user)) is stays


async def test_without_refresh_tokens_a_sign_in_counts_for_its_lifetime(tmp_path: Any, handler: Handler) -> None:
    service = openid(ISSUER, ADA)
    login, user = await _signed_in(tmp_path, handler, service, ISSUER)
    user.state["access_expires_at"] = time.time() - 1
    assert await login.refresh_user(user) is True
    user.state["signed_in_at"] = time.time() - login.session_lifetime_seconds - 1
    assert await login.refresh_user(user) is False


async def test_a_refresh_token_is_used_when_the_access_token_has_ended(tmp_path: Any, handler: Handler) -> None:
    service = openid(ISSUER, ADA)
    service.answers[f"{ISSUER}/token"]["refresh_token"] = "r1"
    login, user = await _signed_in(tmp_path, handler, service, ISSUER)
    user.state["access_expires_at"] = time.time() - 1
    service.answers[f"{ISSUER}/token"] = {"access_token": "t2", "token_type": "Bearer", "expires_in": 60, "refresh_token": "r2"}
    assert (await login.refresh_user(user))["name"] == "ada"
    assert service.form("/token")["refresh_token"] == ["r1"]
    assert user.state["refresh_token"] == "r2"  # kept before anybody asks again
    assert user.state["id_token"]  # for signing out
    service.answers[f"{ISSUER}/token"] = 400
    user.state["access_expires_at"] = time.time() - 1
    login._refreshed_at.clear()
    assert await login.refresh_user(user) is False


async def test_somebody_without_a_sign_in_of_the_provider_is_out(tmp_path: Any, handler: Handler) -> None:
    """A session from before, when Labyard kept the passwords."""
    login = authenticator(tmp_path, openid(ISSUER, ADA), provider="oidc", issuer=ISSUER, allowed_groups=["ml"], admin_groups=["ops"])
    handler.user_from_username("old")
    assert await login.refresh_user(HubUser(handler, "old", {})) is False
