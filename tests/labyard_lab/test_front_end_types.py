"""The front end's types are written by hand; here they are held against the models that the server sends."""

import re
from pathlib import Path

import pytest

from labyard.models.tool import ToolInstance, ToolInstanceState

WIRE = Path(__file__).parents[2] / "extensions" / "lab" / "src" / "api" / "wire.ts"


@pytest.fixture(scope="module")
def interface() -> str:
    match = re.search(r"interface IToolInstance \{(.*?)\n\}", WIRE.read_text(), re.DOTALL)
    assert match is not None
    return match[1]


def test_instance_has_the_same_fields(interface: str) -> None:
    assert set(re.findall(r"^\s+(\w+)\??:", interface, re.MULTILINE)) == set(ToolInstance.model_fields)


def test_states_are_the_same(interface: str) -> None:
    line = re.search(r"state: (.*);", interface)
    assert line is not None
    assert set(re.findall(r"'(\w+)'", line[1])) == {state.value for state in ToolInstanceState}
