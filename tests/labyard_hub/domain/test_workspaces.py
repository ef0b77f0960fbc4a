from __future__ import annotations

import re

import pytest

from labyard_hub.domain.workspaces import MAX_WORKSPACE_LENGTH, workspace_of

MLFLOW_PATTERN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@pytest.mark.parametrize("name", ["ada", "ada-lovelace", "a1", "a" * 40])
def test_a_user_name_is_a_workspace_name(name: str) -> None:
    assert workspace_of(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "default",
        "workspaces",
        "api",
        "static-files",
        "Ada",
        "ada@example.org",
        "a--b",
        "-a",
        "a-",
        "ü",
        "",
        "../x",
        "a" * 300,
        "a" * 41,
    ],
)
def test_any_other_name_gets_one_that_mlflow_takes(name: str) -> None:
    workspace = workspace_of(name)
    assert MLFLOW_PATTERN.fullmatch(workspace)
    assert 2 <= len(workspace) <= MAX_WORKSPACE_LENGTH
    assert workspace != name


def test_no_two_users_share_one() -> None:
    names = [
        "ada",
        "Ada",
        "ADA",
        "a",
        "a--b",
        "a-b",
        "a.b",
        "a_b",
        "a b",
        "ada@example.org",
        "ada-example-org",
        "default",
        "Default",
        "",
        "ü",
        "ö",
    ]
    names += [workspace_of(name) for name in names if workspace_of(name) != name]
    assert len({workspace_of(name) for name in names}) == len(names)


def test_the_next_of_a_name_gets_another_one() -> None:
    seen = [workspace_of(name, generation) for name in ("ada", "a") for generation in range(4)]
    assert len(set(seen)) == len(seen)
    assert all(MLFLOW_PATTERN.fullmatch(workspace) for workspace in seen)
