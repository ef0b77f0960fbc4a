"""What is said about a registered model that a project does not have."""

from __future__ import annotations

import pytest

from labyard.exceptions import ModelNotFoundError
from labyard.registered_models import check_registered


@pytest.mark.parametrize(
    ("model", "known", "hint"),
    [
        ("irsi", ["iris", "cats"], "Did you mean 'iris'?"),
        ("CATS", ["iris", "Cats"], "Did you mean 'Cats'?"),
        ("dogs", [f"model-{number}" for number in range(6)], "It has 'model-0', 'model-1', 'model-2', 'model-3', 'model-4' and others."),
        ("dogs", [], "It has none."),
    ],
)
def test_the_refusal_names_what_is_near(model: str, known: list[str], hint: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        check_registered("vision", model, known)
    assert str(caught.value).startswith(f"Project 'vision' has no registered model {model!r}, so nothing was shared. ")
    assert hint in str(caught.value)


def test_a_registered_one_is_fine() -> None:
    check_registered("vision", "iris", ["cats", "iris"])
