"""Tables and JSON."""

from __future__ import annotations

import json

import pytest

from labyard.cli.output import print_json, print_table


def test_a_table_is_aligned_and_without_colour_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([["ada", "admin"], ["grace-hopper", "user"]], ["NAME", "ROLE"])
    assert capsys.readouterr().out.splitlines() == ["NAME          ROLE", "ada           admin", "grace-hopper  user"]


def test_an_empty_table_is_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], ["NAME", "ROLE"])
    assert capsys.readouterr().out == "NAME  ROLE\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([{"name": "é"}])
    out = capsys.readouterr().out
    assert json.loads(out) == [{"name": "é"}]
    assert "é" in out
