#!/bin/sh
# Style, types and import rules, of Python and TypeScript.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/shellcheck scripts/*.sh .ci/run
.venv/bin/mypy
.venv/bin/lint-imports --no-cache
.venv/bin/python scripts/build_lab.py --check
.venv/bin/python scripts/reference.py --check
.venv/bin/python scripts/chart_reference.py --check
.venv/bin/python scripts/wire_types.py --check
