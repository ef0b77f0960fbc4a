"""The service against its own description: requests that schemathesis makes up, valid and not, by somebody who is in some projects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance, unsupported_method

from tests.service import PREFIX, describe_service, serve_service

ADA = {"Authorization": "Bearer ada"}
EXAMPLES = 25
# What is refused is told by our own codes, more than a description can say: a name may have the right form and be taken.
EXCLUDED = [positive_data_acceptance, negative_data_rejection, unsupported_method]

_SCHEMA = schemathesis.openapi.from_dict(describe_service())
OPERATIONS = {
    f"{found.ok().method.upper()} {found.ok().path.removeprefix(f'{PREFIX}api/v1/')}": found.ok() for found in _SCHEMA.get_all_operations()
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running service with a project."""
    with serve_service(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('schema') / 'labyard.db'}") as (found, _):
        yield found


TRIALS = [
    pytest.param(name, mode, id=f"{name}-{mode.value}")
    for name, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or operation.definition.raw.get("parameters") or operation.definition.raw.get("requestBody")
]


@pytest.mark.parametrize(("operation", "mode"), TRIALS)
def test_every_answer_is_one_that_the_description_has(url: str, operation: str, mode: GenerationMode) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[operation].as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        # Requests shall get past the door: there is always a project of that name, which the last request may have removed.
        if "{name}" in operation and mode is GenerationMode.POSITIVE:
            httpx.post(f"{url}projects", json={"name": "vision"}, headers=ADA, trust_env=False)
            case.path_parameters["name"] = "vision"
        case.call_and_validate(base_url=url.removesuffix(f"{PREFIX}api/v1/"), headers=ADA, excluded_checks=EXCLUDED)

    check()


def test_there_is_something_to_try() -> None:
    assert len(OPERATIONS) > 25
