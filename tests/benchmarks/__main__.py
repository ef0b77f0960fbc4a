"""``make bench``: run the benchmarks named on the command line, or all, and print a table for each; ``--record`` accepts their ratios, ``--check`` compares with the accepted ones."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import traceback
from pathlib import Path

from tests.benchmarks import records, report
from tests.benchmarks.report import Result
from tests.workers import interrupt_once

RESULTS = Path(__file__).parents[2] / "artifacts" / "benchmarks.json"


def benchmarks(folder: Path = Path(__file__).parent) -> list[str]:
    """Return the names of all: the modules here that have a ``main``, without those that another one imports and runs as its parts."""
    lines = {path.stem: path.read_text().splitlines() for path in sorted(folder.glob("[!_]*.py"))}
    found = [name for name, text in lines.items() if any(line.startswith("def main(") for line in text)]
    parts = {
        part
        for name in found
        for line in lines[name]
        if line.startswith("from tests.benchmarks import ")
        for part in re.findall(r"\w+", line)
    }
    return [name for name in found if name not in parts]


def run(names: list[str]) -> tuple[dict[str, list[Result]], list[str]]:
    """Run them; return what each measured, and the names of those that broke."""
    results: dict[str, list[Result]] = {}
    broken = []
    for name in names:
        report.collected.clear()
        try:
            importlib.import_module(f"tests.benchmarks.{name}").main()
        except Exception:  # noqa: BLE001  # the others' figures are not lost for it
            traceback.print_exc()
            broken.append(name)
        else:
            results[name] = list(report.collected)
        print(flush=True)
    return results, broken


def main() -> int:
    """Run them; the exit status says whether all ran and, with ``--check``, whether none has become worse."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(benchmarks())}")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where all figures are written, as JSON")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--record", action="store_true", help="accept the ratios: from now on they are what --check compares with")
    what.add_argument("--check", action="store_true", help="fail where a ratio is worse than the accepted one by more than the margin")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in benchmarks()]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(benchmarks())}")
    interrupt_once()
    recorded = records.read()
    # What was never recorded can become no worse.
    names = options.names or [name for name in benchmarks() if not options.check or name in recorded]
    print(f"machine: {records.describe_machine()}\n", flush=True)
    results, broken = run(names)
    records.write_results(results, options.output)
    if options.record:
        records.record(results)
    verdicts = records.judge(results, recorded) if options.check else []
    if options.check:
        print(f"## Ratios against the recorded ones\n\n{records.table(verdicts)}\n")
    if broken:
        print(f"broken: {', '.join(broken)}")
    return 1 if broken or any(one.fails for one in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
