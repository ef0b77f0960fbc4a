#!/bin/sh
# Makes .venv, the JupyterLab extension and the tools' environments. Quick where nothing changed; mends what a killed run left behind.
set -eu
cd "$(dirname "$0")/.."
umask 022 # what root makes here, the users' accounts must be able to read

stamp=.venv/labyard-setup # three lines: what .venv was made from, in which folder, by which interpreter
uv=.build/uv/bin/uv

say() { printf '%s\n' "$*"; }

# Installs Debian packages as root; for everybody else, prints the line that does it and stops.
need_packages() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing $*"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        say "A system package is missing. On Debian and Ubuntu, run this, then try again:"
        say "  sudo apt-get install $*"
        exit 1
    fi
}

# Runs a command as root's users will run theirs: as an account without rights.
as_anybody() {
    if [ "$(id -u)" -eq 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
        # By way of a shell: setpriv itself still finds and starts programs with root's rights.
        setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'exec "$@"' sh "$@"
    else
        "$@"
    fi
}

# Prints the first interpreter among the arguments that is new enough and that everybody can run; root's own, such as pyenv's, are not for others.
find_python() {
    for candidate in "$@"; do
        found=$(command -v "$candidate" 2>/dev/null) || continue
        if as_anybody "$found" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            say "$found"
            return
        fi
    done
}

digest() { cat uv.lock pyproject.toml hub/pyproject.toml extensions/lab/pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1; }

stamped() { sed -n "$1p" "$stamp" 2>/dev/null || :; }

mkdir -p .build
exec 9>.build/setup.lock
flock --nonblock 9 || { say "another set-up is at work here; waiting for it" && flock 9; }

digest=$(digest)
made_in=$(stamped 2)
# A virtual environment holds absolute paths: one that was moved or whose interpreter is gone is of no use.
if ! .venv/bin/python -c '' 2>/dev/null || [ "${made_in:-$PWD}" != "$PWD" ]; then
    rm -rf .venv
fi

if [ "$(stamped 1)" != "$digest" ] || [ "${LABYARD_PYTHON:-$(stamped 3)}" != "$(stamped 3)" ]; then
    if [ -n "${LABYARD_PYTHON:-}" ]; then
        python=$(find_python "$LABYARD_PYTHON")
        [ -n "$python" ] || { say "LABYARD_PYTHON=$LABYARD_PYTHON is no Python 3.11 or newer that every account can run" && exit 1; }
    else
        python=$(find_python "$(stamped 3)" python3 /usr/bin/python3 python3.13 python3.12 python3.11)
        if [ -z "$python" ] && ! command -v python3 >/dev/null; then
            need_packages python3 python3-venv
            python=$(find_python python3)
        fi
        [ -n "$python" ] || { say "Python 3.11 or newer is needed, one that every account can run. Name it: LABYARD_PYTHON=/path/to/python3" && exit 1; }
    fi
    if ! "$uv" --version >/dev/null 2>&1; then
        # Debian's Python comes without what a virtual environment needs.
        "$python" -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
        say "installing uv"
        rm -rf .build/uv
        "$python" -m venv .build/uv
        .build/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
    fi
    say "installing Labyard's environment (.venv)"
    # Without a stamp, a killed run may have left packages half installed.
    reinstall=
    if [ -d .venv ] && [ ! -s "$stamp" ]; then
        reinstall=--reinstall
    fi
    rm -f "$stamp"
    "$uv" sync --quiet --frozen --all-packages --all-extras --compile-bytecode $reinstall --python "$python"
    printf '%s\n' "$digest" "$PWD" "${LABYARD_PYTHON:-$python}" >"$stamp"
fi

[ "${LABYARD_SETUP:-}" != venv ] || exit 0
.venv/bin/python scripts/build_lab.py
.venv/bin/labyard tools install
