"""Who fills the disk, measured on real folders."""

from __future__ import annotations

from pathlib import Path

from labyard_hub.config.state import StateFolder
from labyard_hub.hub_process.disk_use import DiskUse, parse_sizes


async def test_the_largest_folders_come_first(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    for owner, size in (("homes/ada", 3), ("homes/bob", 1), ("projects/vision--ab12", 2), ("trash/old-20260131T142501123456.0", 4)):
        (state.root / owner / "deep").mkdir(parents=True)
        (state.root / owner / "deep" / "data").write_bytes(b"x" * size * 2**20)
    now = 1000.0
    use = DiskUse(state, lambda: now)
    await use.measure()
    figures = use.look()
    assert [name for name, _ in figures.owners] == ["The trash", "ada", "vision--ab12", "bob"]
    assert figures.owners[1][1] >= 3 * 2**20
    assert figures.measured_at == now
    assert 0 < figures.full_share < 1
    assert figures.total_bytes > figures.free_bytes > 0


def test_names_with_blanks_and_lines_of_no_size() -> None:
    assert parse_sizes("12\t/s/homes/a b\n3\t/s/homes\ndu: no\n1\t/s/homes/c/deep\n", ["/s/homes"], "/s/trash") == (("a b", 12 * 1024),)
