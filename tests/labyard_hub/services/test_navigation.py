from __future__ import annotations

import pytest

from labyard_hub.services.navigation import safe_target


@pytest.mark.parametrize(
    "target", ["/", "/hub/home", "/services/mlflow/?a=b%2Fc", "/services/mlflow/#/experiments/1", "/user/ada/lab?x=//y"]
)
def test_a_path_of_ours_is_kept(target: str) -> None:
    assert safe_target(target, "/", "/default") == target


@pytest.mark.parametrize(
    "target",
    [None, "", "evil", "//evil", "///evil", "/\\evil", "\\\\evil", "https://evil", "https:/evil", "https:evil", "javascript:alert(1)", "data:,x",
     "/%2Fevil", "/%2f%2fevil", "%2F%2Fevil", "/%5Cevil", "/%255Cevil", "/%252Fevil", "/\tevil", "/\n/evil", " //evil", "/%09/evil", "/%0d%0aX: y", "/a/../..//evil",
     "/./x", "/%2e%2e/x", "/ü", "/" + "x" * 2001, "//evil@ours/", "http://[bad"],
)  # fmt: skip
def test_anything_else_is_not(target: str | None) -> None:
    assert safe_target(target, "/", "/default") == "/default"


def test_another_base_url_is_kept_to() -> None:
    assert safe_target("/lab/hub/home", "/lab/", "/lab/") == "/lab/hub/home"
    assert safe_target("/other/", "/lab/", "/lab/") == "/lab/"
    assert safe_target("/labyrinth/", "/lab/", "/lab/") == "/lab/"
    assert safe_target("/lab/..%2fother", "/lab/", "/lab/") == "/lab/"
