#!/bin/sh
# All checks and tests; with arguments, only pytest with these arguments.
set -eu
cd "$(dirname "$0")/.."

if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing chromium"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
    else
        echo "The browser tests need Chromium. On Debian, run this, then try again:"
        echo "  sudo apt-get install chromium fonts-liberation"
        exit 1
    fi
fi

if [ $# -gt 0 ]; then
    exec .venv/bin/pytest "$@"
fi
sh scripts/lint.sh
exec .venv/bin/pytest
