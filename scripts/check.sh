#!/bin/sh
# The inner loop: all that `make lint` checks, and the tests that start no platform, browser or tool.
set -eu
cd "$(dirname "$0")/.."
sh scripts/lint.sh
exec .venv/bin/pytest -q -n 2 tests/labyard tests/helm tests/test_docs.py \
    tests/labyard_hub/cli tests/labyard_hub/config tests/labyard_hub/domain tests/labyard_hub/handlers tests/labyard_hub/services tests/labyard_hub/storage \
    --ignore=tests/labyard_hub/handlers/test_schema.py --ignore=tests/labyard/test_environments.py # each takes minutes
