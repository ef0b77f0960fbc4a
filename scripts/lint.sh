#!/bin/sh
# Style, types and import rules, of Python and TypeScript.
set -eu
cd "$(dirname "$0")/.."
# The front end's checks take as long as all others together, so they run beside them.
.venv/bin/python scripts/build_lab.py --check >.build/front-end.log 2>&1 &
front_end=$!
trap 'kill "$front_end" 2>/dev/null || :' EXIT
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/shellcheck scripts/*.sh .ci/run
.venv/bin/mypy
.venv/bin/lint-imports --no-cache
.venv/bin/python scripts/prose.py
.venv/bin/python scripts/reference.py --check
.venv/bin/python scripts/chart_reference.py --check
.venv/bin/python scripts/wire_types.py --check
wait "$front_end" || { cat .build/front-end.log && exit 1; }
