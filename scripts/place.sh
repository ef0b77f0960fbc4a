#!/bin/sh
# Prints the folder to work in: this one or, for root in a folder that is closed to other accounts (/root, a home), an open copy of it, brought up to date.
# Started as root, each user's server runs as an account of their own, which must be able to read the code.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd)

closed=
folder=$here
while [ "$(id -u)" -eq 0 ]; do
    case $(stat -c %A "$folder") in *x | *t) ;; *) closed=$folder ;; esac
    [ "$folder" != / ] || break
    folder=$(dirname "$folder")
done
if [ -z "$closed" ]; then
    printf '%s\n' "$here"
    exit
fi

copy=/var/cache/labyard$here
if ! command -v git >/dev/null || ! folder=$(git -c safe.directory="$here" rev-parse --absolute-git-dir); then
    echo "$closed is closed to other accounts, and started as root each user's server runs as one. Move this folder to an open place, such as /opt." >&2
    exit 1
fi
echo "$closed is closed to other accounts, and started as root each user's server runs as one: working in an open copy, $copy" >&2
umask 022
mkdir -p "$copy" artifacts
# Tracked files only: others may be here because they are nobody else's business.
git -c safe.directory="$here" ls-files -z |
    tar --null --files-from=- --no-recursion --ignore-failed-read --mode=go+rX -cf - 2>/dev/null |
    tar --no-same-owner -xf - -C "$copy"
git --git-dir="$folder" --work-tree="$copy" -c safe.directory="$here" -C "$copy" clean -fdq
ln -sfn "$here/artifacts" "$copy/artifacts"
printf '%s\n' "$copy"
