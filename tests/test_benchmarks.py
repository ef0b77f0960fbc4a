"""What `make bench` and `make bench-check` make of results, with made-up ones; no benchmark runs here."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.benchmarks import __main__ as program
from tests.benchmarks import records, report
from tests.benchmarks.records import judge, read, record
from tests.benchmarks.report import Result, compare
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of this test's own for what is accepted."""
    path = tmp_path / "recorded.json"
    monkeypatch.setattr(records, "RECORDED", path)
    return path


def result(ratio: float, unit: str = "s", side: str = "ours") -> Result:
    return Result("start", side, unit, "stock", ratio, ratio, 3)


def words(ratio: float, recorded_ratio: float, unit: str = "s", **entry: float) -> list[str]:
    return [one.word for one in judge({"x": [result(ratio, unit)]}, {"x": {"ratios": {"start": {"ours": recorded_ratio}}, **entry}})]


def test_medians_and_ratios_are_kept_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    report.collected.clear()
    compare("start", "s", {"stock": [4, 6, 5], "ours": [1, 0.5, 2]}, base="stock")
    assert "| ours | 1 | 0.5 to 2 | 0.20 | 3 |" in capsys.readouterr().out
    assert report.collected == [Result("start", "stock", "s", "stock", 5, 1.0, 3), Result("start", "ours", "s", "stock", 1, 0.2, 3)]


@pytest.mark.parametrize(
    ("found", "unit", "word"),
    [
        (0.2, "s", "as before"), (0.29, "s", "as before"), (0.31, "s", "worse"), (0.1, "s", "better"), (0.31, "MiB", "worse"), (0.31, "ms", "worse"),
        (0.2, "1/s", "as before"), (0.14, "1/s", "as before"), (0.13, "1/s", "worse"), (0.4, "1/s", "better"), (0.13, "MB/s", "worse"), (0.0, "1/s", "worse"),
    ],
)  # fmt: skip
def test_worse_is_slower_or_more_by_more_than_the_margin(found: float, unit: str, word: str) -> None:
    assert words(found, 0.2, unit) == [word]


def test_a_benchmark_may_have_a_margin_of_its_own() -> None:
    assert words(0.5, 0.2, margin=3) == ["as before"]
    assert words(0.22, 0.2, margin=1.05) == ["worse"]


def test_what_is_new_passes_and_what_is_missing_does_not() -> None:
    verdicts = judge({"x": [result(1, side="fast")], "new": [result(9)]}, {"x": {"ratios": {"start": {"ours": 0.2}}}})
    assert [(one.benchmark, one.side, one.word, one.fails) for one in verdicts] == [
        ("x", "fast", "new", False), ("x", "ours", "missing", True), ("new", "ours", "new", False),
    ]  # fmt: skip


def test_recording_keeps_margins_and_the_other_benchmarks(recorded: Path) -> None:
    recorded.write_text(json.dumps({"x": {"margin": 2.5, "ratios": {"start": {"ours": 9}}}, "y": {"ratios": {}}}))
    record({"x": [result(1, side="stock"), result(0.21234)]})
    found = read()
    assert found["y"] == {"ratios": {}}
    assert (found["x"]["margin"], found["x"]["ratios"]) == (2.5, {"start": {"ours": 0.212}})
    assert found["x"]["machine"] == records.describe_machine()
    assert len(found["x"]["recorded_at"]) == 10


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, ratio: float, *options: str, breaks: bool = False) -> int:
    """Run the program with one made-up benchmark."""

    def main() -> None:
        assert not breaks
        compare("start", "s", {"stock": [1.0], "ours": [ratio]}, base="stock")

    monkeypatch.setitem(sys.modules, "tests.benchmarks.made_up", SimpleNamespace(main=main))  # type: ignore[arg-type]
    monkeypatch.setattr(program, "benchmarks", lambda: ["made_up"])
    monkeypatch.setattr(sys, "argv", ["bench", *options, "--output", str(folder / "results.json")])
    return program.main()


def test_record_then_check(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, tmp_path, 0.2) == 0
    assert not recorded.exists()
    assert run(monkeypatch, tmp_path, 0.2, "--record", "made_up") == 0
    assert run(monkeypatch, tmp_path, 0.25, "--check") == 0
    assert "| as before | made_up | start | ours | 0.2 | 0.25 |" in capsys.readouterr().out
    assert run(monkeypatch, tmp_path, 0.5, "--check", "made_up") == 1
    assert "| worse | made_up | start | ours | 0.2 | 0.5 |" in capsys.readouterr().out
    assert read()["made_up"]["ratios"] == {"start": {"ours": 0.2}}
    measured = json.loads((tmp_path / "results.json").read_text())["benchmarks"]["made_up"]
    assert [(one["side"], one["median"], one["ratio"], one["runs"]) for one in measured] == [("stock", 1.0, 1.0, 1), ("ours", 0.5, 0.5, 1)]


def test_one_that_breaks_fails_and_is_not_recorded(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, tmp_path, 0.2, "--record", breaks=True) == 1
    assert read() == {}


def test_every_module_with_a_main_is_a_benchmark(tmp_path: Path) -> None:
    for name, text in {
        "speed": "def main() -> None: ...", "helper": "def start() -> None: ...", "parts": "from tests.benchmarks import parts_one\ndef main() -> None: ...",
        "parts_one": "def main() -> None: ...", "_hidden": "def main() -> None: ...",
    }.items():  # fmt: skip
        (tmp_path / f"{name}.py").write_text(text + "\n")
    assert program.benchmarks(tmp_path) == ["parts", "speed"]
    assert {"sign_in", "proxy", "projects"} <= set(program.benchmarks())
    assert "report" not in program.benchmarks()


def test_what_is_recorded_can_be_read() -> None:
    for name, entry in read().items():
        assert name in program.benchmarks()
        assert {"machine", "recorded_at", "ratios"} <= entry.keys()


def test_one_that_is_interrupted_stops_what_it_has_started(tmp_path: Path) -> None:
    script = f"""
import pathlib, sys, time
from tests.benchmarks import __main__ as program
here = pathlib.Path({str(tmp_path)!r})
def run(names):
    try:
        (here / "started").touch()
        time.sleep(600)
    finally:
        time.sleep(0.5)
        (here / "cleaned").touch()
program.run = run
sys.argv = ["bench", "cli"]
program.main()
"""
    for asked in (signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL)
        wait_until((tmp_path / "started").exists, "the benchmark runs", 60)
        process.send_signal(asked)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert (tmp_path / "cleaned").exists()
        for name in ("started", "cleaned"):
            (tmp_path / name).unlink()
