"""What may be said of a cluster."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from labyard_hub.config.cluster import ClusterAddresses, ClusterSettings

ENVIRONMENT = {
    "LABYARD_PUBLIC_URL": "https://labyard.example.org",
    "LABYARD_HUB_URL": "http://labyard-hub:8081/",
    "LABYARD_SERVICE_URL": "http://labyard-service:8000/services/labyard",
    "LABYARD_MLFLOW_URL": "http://labyard-mlflow:5000/services/mlflow/",
    "LABYARD_PROXY_API_URL": "http://labyard-proxy-api:8001",
    "POD_NAMESPACE": "team",
}


def test_everything_has_a_default_that_is_safe() -> None:
    settings = ClusterSettings()
    assert settings.pods.user_id != 0
    assert settings.pods.read_only_root
    assert settings.home.capacity_bytes == 10 * 2**30
    assert settings.projects_claim is None


@pytest.mark.parametrize(
    "value",
    [
        {"pods": {"user_id": 0}},
        {"namespace": "Team A"},
        {"home": {"capacity_bytes": "1Ki"}},
        {"home": {"access_modes": []}},
        {"home": {"access_modes": ["ReadOnlyMany"]}},
        {"projects_claim": "with_underscore"},
        {"pods": {"tolerations": [{"operator": "Equal", "value": "x"}]}},
        {"typo": 1},
    ],
)
def test_what_kubernetes_would_refuse_later_is_refused_at_once(value: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClusterSettings.model_validate(value)


def test_addresses_come_from_the_environment_with_one_way_of_writing_slashes() -> None:
    addresses = ClusterAddresses.from_environment(ENVIRONMENT)
    assert addresses.public_url == "https://labyard.example.org/"
    assert addresses.hub_url == "http://labyard-hub:8081"
    assert addresses.service_url == "http://labyard-service:8000/services/labyard/"
    assert addresses.hub_database_url is None


def test_a_missing_address_is_named() -> None:
    with pytest.raises(KeyError, match="POD_NAMESPACE"):
        ClusterAddresses.from_environment({name: value for name, value in ENVIRONMENT.items() if name != "POD_NAMESPACE"})


def test_the_database_s_password_is_not_shown() -> None:
    addresses = ClusterAddresses.from_environment({**ENVIRONMENT, "LABYARD_HUB_DATABASE_URL": "postgresql://hub:hunter2@db/hub"})
    assert "hunter2" not in repr(addresses)


def test_the_database_s_driver_is_the_one_that_the_image_has() -> None:
    addresses = ClusterAddresses.from_environment({**ENVIRONMENT, "LABYARD_HUB_DATABASE_URL": "postgresql://hub@db/hub"})
    assert addresses.hub_database_url == "postgresql+psycopg2://hub@db/hub"
