#!/bin/sh
# Resolves the images' locks again, or those of the images named behind uv. `make lock` runs it after the other locks, which are its constraints.
#
# PyTorch for the CPU is not on PyPI. Its own index, or a folder with its wheels, is named by UV_FIND_LINKS or UV_INDEX.
set -eu
cd "$(dirname "$0")/.."
uv=${1:-.venv/bin/uv}
[ $# -eq 0 ] || shift
environments=hub/src/labyard_hub/environments
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Of the images only: Linux, and the Python of Debian 12. Hashes are of all wheels, so other processors are served where nothing depends on them.
compile() { "$uv" pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_36 --generate-hashes --no-annotate --no-header "$@"; }
export_lock() { "$uv" export --quiet --frozen --no-dev --no-emit-workspace --no-hashes --no-annotate --no-header "$@"; }

wanted() { [ -z "$names" ] || case " $names " in *" $1 "*) ;; *) false ;; esac; }

names=$*
if wanted base; then
    export_lock --all-packages --all-extras -o "$work/constraints.txt"
    export_lock --package labyard-lab -o "$work/lab.txt"
    compile -c "$work/constraints.txt" images/base/server.in "$work/lab.txt" -o images/base/server.txt
fi
if wanted hub; then
    compile images/hub/extra.in -o images/hub/extra.txt
    compile -c "$environments/mlflow.txt" "$environments/mlflow.in" images/hub/mlflow.in -o images/hub/mlflow.txt
fi
for input in images/*/requirements.in; do
    folder=${input%/*}
    if wanted "${folder#images/}"; then
        # They go into the environment of notebooks, so what is there already keeps its version.
        compile -c "$environments/workbench.txt" "$environments/workbench.in" "$input" -o "$folder/requirements.txt"
    fi
done
