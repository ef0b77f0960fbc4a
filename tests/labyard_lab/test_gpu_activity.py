"""GPUs that compute count as use. There are none here: a program on PATH stands in for NVIDIA's and prints what it would, after NVIDIA's documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from labyard_lab.activity import WorkWatch
from labyard_lab.gpu_activity import QUERY, gpus_compute, own_gpus, parse_utilisation

MINE, OTHER = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77", "GPU-b9d7a2c1-7f1d-4a51-8ad0-6d3a4be9d1f0"


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f'#!/bin/sh\ntest "$*" = "{" ".join(QUERY[1:])}" || exit 2\ncat <<END\n{output}\nEND\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_drivers_answer_is_read() -> None:
    assert parse_utilisation(f"{MINE}, 0\n{OTHER}, 97\nGPU-old, [N/A]\nMIG-part, [Unknown Error]\n") == {MINE: 0, OTHER: 97}


def test_only_ones_own_gpus_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, f"{MINE}, 0\n{OTHER}, 97")
    assert not gpus_compute(frozenset({MINE}))
    assert gpus_compute(frozenset({MINE, OTHER}))
    assert gpus_compute(None)
    assert not gpus_compute(frozenset())


def test_without_the_program_nothing_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not gpus_compute(None)


@pytest.mark.parametrize(
    ("environment", "gpus"),
    [
        ({}, frozenset()),
        ({"LABYARD_GPUS": f"{MINE},{OTHER}"}, frozenset({MINE, OTHER})),
        ({"NVIDIA_VISIBLE_DEVICES": MINE}, frozenset()),  # on one machine the hub says so
        ({"NVIDIA_VISIBLE_DEVICES": MINE, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None),
        ({"NVIDIA_VISIBLE_DEVICES": "void", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, frozenset()),
    ],
)
def test_which_gpus_are_ones_own(environment: dict[str, str], gpus: frozenset[str] | None) -> None:
    assert own_gpus(environment) == gpus


@pytest.mark.parametrize(("percent", "works"), [(0, False), (35, True)])
async def test_a_computing_gpu_is_use_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, percent: int, works: bool) -> None:
    monkeypatch.setenv("LABYARD_GPUS", MINE)
    stand_in(tmp_path, monkeypatch, f"{MINE}, {percent}")
    settings: dict[str, object] = {}
    assert await WorkWatch(settings).look() is works
    assert bool(settings.get("last_activity_times")) is works
