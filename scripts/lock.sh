#!/bin/sh
# Resolves the locks again: ours, and one per environment. The argument is uv.
set -eu
cd "$(dirname "$0")/.."
uv=${1:-.venv/bin/uv}
"$uv" lock
for input in hub/src/labyard_hub/environments/*.in; do
    "$uv" pip compile --quiet --python-version 3.11 --generate-hashes --universal --no-annotate --no-header "$input" -o "${input%.in}.txt"
done
sh scripts/lock_images.sh "$uv"
