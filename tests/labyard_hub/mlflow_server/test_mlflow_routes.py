from __future__ import annotations

from pathlib import Path

import pytest

from labyard_hub.mlflow_server.mlflow_gateway.routes import ALLOWED, DENIED, Access, RouteTable
from tests.labyard_hub.mlflow_server.mlflow_routes import mlflow_routes, sample, template_of


@pytest.fixture(scope="module")
def routes(environments: Path) -> tuple[tuple[str, str], ...]:
    return mlflow_routes(environments / "mlflow" / "bin" / "python")


@pytest.fixture(scope="module")
def table() -> RouteTable:
    return RouteTable()


def test_every_route_of_mlflow_was_looked_at(routes, table) -> None:  # type: ignore[no-untyped-def]
    assert len(routes) > 400
    unknown = [(method, path) for method, path in routes if table.find(method, sample(template_of(path))) is None]
    assert not unknown, "MLflow has routes that are in neither table of mlflow_gateway/routes.py: look at each, then add it to one"


def test_what_is_allowed_is_allowed_by_name(routes, table) -> None:  # type: ignore[no-untyped-def]
    """A wide template of ours must not let through a route that MLflow knows by a narrower one."""
    allowed = {(rule.method, rule.template) for rule in ALLOWED}
    for method, path in routes:
        rule = table.find(method, sample(template_of(path)))
        assert rule is not None
        if rule.access is not None:
            assert (method, template_of(path)) in allowed, f"{method} {path} is let through by {rule.template}"


def test_nothing_is_allowed_that_mlflow_does_not_have(routes) -> None:  # type: ignore[no-untyped-def]
    known = {(method, template_of(path)) for method, path in routes}
    assert [rule for rule in ALLOWED if (rule.method, rule.template) not in known] == []


def test_no_route_is_in_both_tables() -> None:
    denied = {(rule.method, rule.template) for rule in DENIED}
    for rule in ALLOWED:
        assert (rule.method, rule.template) not in denied
        assert ("*", rule.template) not in denied
    assert len({(rule.method, rule.template) for rule in ALLOWED}) == len(ALLOWED)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "api/3.0/mlflow/workspaces"),
        ("POST", "api/2.0/mlflow/webhooks"),
        ("POST", "ajax-api/2.0/mlflow/webhooks/abc/test"),
        ("POST", "gateway/proxy/x/http://169.254.169.254/"),
        ("POST", "gateway/some/mlflow/invocations"),
        ("POST", "ajax-api/3.0/mlflow/assistant/message"),
        ("PUT", "ajax-api/3.0/mlflow/assistant/config"),
        ("POST", "ajax-api/3.0/jobs/"),
        ("POST", "ajax-api/3.0/mlflow/scorer/invoke"),
        ("POST", "ajax-api/2.0/mlflow/gateway-proxy"),
        ("POST", "api/3.0/mlflow/gateway/secrets/create"),
    ],
)
def test_what_runs_code_or_calls_out_is_refused(table: RouteTable, method: str, path: str) -> None:
    rule = table.find(method, path)
    assert rule is not None
    assert rule.access is None


@pytest.mark.parametrize("path", ["unknown", "api/2.0/mlflow/unknown", "api/9.0/mlflow/runs/get", "static-files", "health/", "graphql/x"])
def test_what_nobody_knows_has_no_rule(table: RouteTable, path: str) -> None:
    assert table.find("GET", path) is None


def test_only_the_health_check_is_open() -> None:
    assert [rule.template for rule in ALLOWED if rule.access is Access.OPEN] == ["health"]


def test_a_method_of_ones_own_finds_nothing(table: RouteTable) -> None:
    assert table.find("OPTIONS", "api/2.0/mlflow/runs/get") is None
    assert table.find("GETS", "api/2.0/mlflow/runs/get") is None
    assert table.find("*", "graphql") is None
    head = table.find("HEAD", "api/2.0/mlflow/runs/get")
    assert head is not None
    assert head.access is Access.READ
