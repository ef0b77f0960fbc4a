#!/bin/sh
# All checks and tests; with arguments, only pytest with these arguments.
set -eu
cd "$(dirname "$0")/.."

chromium() {
    command -v chromium >/dev/null && return
    if [ "$(id -u)" -eq 0 ]; then
        echo "installing chromium"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
    else
        echo "The browser tests need Chromium. Run this, then try again:"
        echo "  sudo apt-get install chromium"
        exit 1
    fi
}

chromium
if [ $# -gt 0 ]; then
    exec .venv/bin/pytest "$@"
fi
sh scripts/lint.sh
exec .venv/bin/pytest
