#!/bin/sh
# All checks and tests, these by two processes, since much of their time is waiting; with arguments, only pytest with these arguments.
set -eu
cd "$(dirname "$0")/.."

missing=
command -v chromium >/dev/null || missing="chromium fonts-liberation"
# Playwright's own Node.js needs it.
.venv/bin/python -c 'import ctypes; ctypes.CDLL("libatomic.so.1")' 2>/dev/null || missing="$missing libatomic1"
for shell in fish zsh; do
    command -v "$shell" >/dev/null || missing="$missing $shell" # the completions are tried in them
done
command -v setfacl >/dev/null || missing="$missing acl" # our access lists are compared with its
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
for program in podman buildah runc mmdebstrap; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing $missing"
        apt-get update -qq
        # shellcheck disable=SC2086 # several names
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        echo "The tests need a system package. On Debian, run this, then try again:"
        echo "  sudo apt-get install $missing"
        exit 1
    fi
fi

if [ $# -gt 0 ]; then
    exec .venv/bin/pytest "$@"
fi
sh scripts/lint.sh
# Images are built meanwhile, at low priority: tests wait for half of their time. What did not change since this machine built it is not built again.
nice -n 19 .venv/bin/python images/build.py >.build/images.log 2>&1 &
images=$!
trap 'kill "$images" 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM
.venv/bin/pytest -n 2 --durations=30 --ignore=tests/images
wait "$images" || { cat .build/images.log && exit 1; }
cat .build/images.log
.venv/bin/pytest -n 2 -rP --durations=10 tests/images
