#!/bin/sh
# Makes .venv, the JupyterLab extension and the tools' environments. Quick where nothing changed.
set -eu
cd "$(dirname "$0")/.."

MINIMUM='(3, 11)'
stamp=.venv/labyard-setup

say() { printf '%s\n' "$*"; }

# Prints the Debian line for packages and stops; as root it installs them.
need_packages() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        say "A system package is missing. Run this, then try again:"
        say "  sudo apt-get install $*"
        exit 1
    fi
}

good_python() { "$1" -c "import sys; sys.exit(sys.version_info < $MINIMUM)" 2>/dev/null; }

# Started as root, each user runs as an account of their own: the interpreter must not lie under a folder such as /root that others cannot enter.
reachable() {
    [ "$(id -u)" -ne 0 ] && return 0
    "$1" - <<'PYTHON'
import os, sys
from pathlib import Path
path = Path(os.path.realpath(sys.executable))
sys.exit(any(not parent.stat().st_mode & 0o001 for parent in path.parents))
PYTHON
}

find_python() {
    for candidate in ${LABYARD_PYTHON:-} python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
        found=$(command -v "$candidate" 2>/dev/null) || continue
        if good_python "$found" && reachable "$found"; then
            say "$found"
            return
        fi
    done
}

digest() {
    cat uv.lock pyproject.toml hub/pyproject.toml extensions/lab/pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1
}

if [ ! -x .venv/bin/python ] || [ "$(cat "$stamp" 2>/dev/null)" != "$(digest)" ]; then
    python=$(find_python)
    if [ -z "$python" ]; then
        need_packages python3 python3-venv
        python=$(find_python)
        [ -n "$python" ] || { say "Python 3.11 or newer is needed; name one with LABYARD_PYTHON=/path/to/python3"; exit 1; }
    fi
    uv=.build/uv/bin/uv
    if [ ! -x "$uv" ]; then
        say "installing uv"
        mkdir -p .build
        # Debian's Python comes without ensurepip.
        "$python" -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
        rm -rf .build/uv
        "$python" -m venv .build/uv
        .build/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
    fi
    say "installing Labyard's environment (.venv)"
    "$uv" sync --quiet --frozen --all-packages --all-extras --compile-bytecode --python "$python"
    digest >"$stamp"
fi

.venv/bin/python scripts/build_lab.py
.venv/bin/labyard tools install
