"""The settings under `login`: what is refused, and with which words; where the secret comes from, and that nobody sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from labyard_hub.config.loader import dump_configuration, load_configuration, parse_configuration, require_login_secret
from labyard_hub.config.login import SECRET_VARIABLE, LoginSettings
from labyard_hub.exceptions import ConfigurationError

OIDC: dict[str, Any] = {
    "provider": "oidc",
    "issuer": "https://id.example.org/realms/team",
    "client_id": "labyard",
    "allowed_groups": ["ml"],
    "admin_groups": ["ml-admins"],
}


def test_without_a_section_people_sign_in_as_before() -> None:
    login = LoginSettings()
    assert login.is_local
    assert login.client_secret is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"issuer": None}, "say where the provider is"),
        ({"issuer": "http://id.example.org"}, "use https for id.example.org"),
        ({"issuer": "id.example.org"}, "an issuer is a URL"),
        ({"client_id": None}, "register an application"),
        ({"allowed_groups": []}, "nobody could sign in"),
        ({"admin_groups": []}, "nobody would administer"),
        ({"client_secret": "s", "client_secret_file": "/x"}, "the secret stands twice"),
        ({"hosted_domains": ["example.org"]}, "for the provider google"),
        ({"allowed_organizations": ["acme"]}, "for the provider github"),
        ({"issuer_url": "https://id.example.org"}, "Extra inputs are not permitted"),
        ({"provider": "local"}, "is for a provider"),
        ({"provider": "github"}, "GitHub has one address"),
        ({"provider": "github", "issuer": None, "groups_claim": "teams"}, "Take `groups_claim` out"),
        ({"provider": "github", "issuer": None, "allow_all": True}, "everybody in the world"),
        ({"provider": "google", "issuer": None}, "Google tells no groups"),
        (
            {"provider": "google", "issuer": None, "allowed_groups": [], "admin_groups": [], "allow_all": True, "admin_users": ["ada"]},
            "set `hosted_domains`",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_do(change: dict[str, Any], says: str) -> None:
    values = {key: value for key, value in {**OIDC, **change}.items() if value is not None}
    with pytest.raises(ValidationError) as caught:
        LoginSettings.model_validate(values)
    assert says in str(caught.value)


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9000", "http://localhost:9000/x", "http://[::1]:9"])
def test_a_provider_on_this_machine_needs_no_tls(issuer: str) -> None:
    assert LoginSettings.model_validate({**OIDC, "issuer": issuer}).issuer_in_force == issuer


@pytest.mark.parametrize(
    ("values", "title", "issuer", "claim", "scopes"),
    [
        ({"provider": "github", "allowed_organizations": ["acme"], "admin_users": ["ada"]}, "GitHub", None, "login", "read:user read:org"),
        ({"provider": "github", "allowed_users": ["ada"], "admin_users": ["ada"]}, "GitHub", None, "login", "read:user"),
        (
            {"provider": "gitlab", "allowed_groups": ["ml"], "admin_users": ["ada"]},
            "GitLab", "https://gitlab.com", "preferred_username", "openid profile email",
        ),
        (
            {"provider": "google", "hosted_domains": ["Example.org"], "allow_all": True, "admin_users": ["ada"]},
            "Google", "https://accounts.google.com", "email", "openid profile email",
        ),
    ],
)  # fmt: skip
def test_known_providers_take_a_few_lines(values: dict[str, Any], title: str, issuer: str | None, claim: str, scopes: str) -> None:
    login = LoginSettings.model_validate({"client_id": "x", **values})
    assert (login.title, login.issuer_in_force, login.username_claim_in_force) == (title, issuer, claim)
    assert " ".join(login.scopes_in_force) == scopes
    assert all(domain == domain.lower() for domain in login.hosted_domains)


def _write(folder: Path, extra: str = "") -> Path:
    file = folder / "labyard.yaml"
    lines = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in OIDC.items())
    file.write_text(f"login:\n{lines}{extra}")
    return file


def test_the_secret_comes_from_its_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("very-secret\n")
    configuration = load_configuration(_write(tmp_path, "  client_secret_file: secret\n"))
    require_login_secret(configuration)
    secret = configuration.settings.login.client_secret
    assert secret is not None
    assert secret.get_secret_value() == "very-secret"
    assert "very-secret" not in json.dumps(configuration.settings.model_dump(mode="json"))
    assert "very-secret" not in repr(configuration)


def test_the_secret_reaches_the_processes_of_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "from-outside")
    written = dump_configuration(load_configuration(_write(tmp_path)))
    monkeypatch.delenv(SECRET_VARIABLE)
    login = parse_configuration(written).settings.login
    assert login.client_secret is not None
    assert login.client_secret.get_secret_value() == "from-outside"
    assert login.allowed_groups == ("ml",)


def test_no_section_survives_the_way_to_the_processes_too(tmp_path: Path) -> None:
    assert parse_configuration(dump_configuration(load_configuration(None))).settings.login.is_local


@pytest.mark.parametrize(("content", "says"), [(None, "cannot be read: No such file"), ("  \n", "is empty")])
def test_a_secret_file_that_is_of_no_use_is_said(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    with pytest.raises(ConfigurationError, match=says):
        load_configuration(_write(tmp_path, "  client_secret_file: secret\n"))


def test_a_missing_secret_is_said_by_what_starts_something_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    configuration = load_configuration(_write(tmp_path))  # `labyard user list` works
    with pytest.raises(ConfigurationError, match=f"client_secret_file`, or into {SECRET_VARIABLE}"):
        require_login_secret(configuration)


def test_a_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"labyard\.yaml:7: `login\.issuer_url` is not a setting"):
        load_configuration(_write(tmp_path, '  issuer_url: "x"\n'))
