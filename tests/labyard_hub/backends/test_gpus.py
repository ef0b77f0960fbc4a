"""The machine's GPUs. There are none here: the texts are as NVIDIA's documentation shows them, and the program is a stand-in on PATH that prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from labyard_hub.backends.local.gpus import Gpu, parse_gpu_list, read_gpus
from labyard_hub.exceptions import GpuListError

WHOLE = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
GPU 1: Tesla T4 (UUID: GPU-b9d7a2c1-7f1d-4a51-8ad0-6d3a4be9d1f0)
"""
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 1g.10gb+me  Device  1: (UUID: MIG-GPU-e91edf3b-b297-37c1-a2a7-7601c3238fa2/1/0)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-e91edf3b-b297-37c1-a2a7-7601c3238fa2)
"""


def test_whole_gpus() -> None:
    assert parse_gpu_list(WHOLE) == [
        Gpu("GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77", "NVIDIA A100-SXM4-40GB", "nvidia.com/gpu"),
        Gpu("GPU-b9d7a2c1-7f1d-4a51-8ad0-6d3a4be9d1f0", "Tesla T4", "nvidia.com/gpu"),
    ]


def test_the_parts_of_a_divided_gpu_stand_in_for_it() -> None:
    assert parse_gpu_list(DIVIDED) == [
        Gpu("MIG-c7384736-a75d-5afc-978f-d2f1294409fd", "NVIDIA A100-SXM4-40GB 3g.20gb", "nvidia.com/mig-3g.20gb"),
        Gpu("MIG-GPU-e91edf3b-b297-37c1-a2a7-7601c3238fa2/1/0", "NVIDIA A100-SXM4-40GB 1g.10gb+me", "nvidia.com/mig-1g.10gb.me"),
        Gpu("GPU-e91edf3b-b297-37c1-a2a7-7601c3238fa2", "NVIDIA A100-SXM4-40GB", "nvidia.com/gpu"),
    ]


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, f'test "$*" = "-L" && cat <<END\n{WHOLE}END')
    assert [one.name for one in read_gpus()] == ["NVIDIA A100-SXM4-40GB", "Tesla T4"]


def test_a_machine_without_the_program_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_gpus() == []


def test_a_broken_driver_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        tmp_path,
        monkeypatch,
        "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver. Make sure it is running.'; exit 9",
    )
    with pytest.raises(GpuListError, match="could not communicate with the NVIDIA driver"):
        read_gpus()
