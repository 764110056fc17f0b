#!/bin/sh
# Becomes a program in the folder of another Debian release. To be run by `unshare --mount`, so that what is mounted here is
# seen by that program alone and is gone with it.
# usage: enter.sh ROOT STATE PROGRAM [ARGUMENT...]
set -eu
root=$1 state=$2
shift 2
mount -t proc proc "$root/proc"
# Tests have their files in the folder for temporary files, and the servers' own are in STATE.
for folder in "${TMPDIR:-/tmp}" "$state"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done
# Whoever starts a program in a folder that is not there gives it its files by their full paths.
# shellcheck disable=SC2016 # expanded inside
exec chroot "$root" /bin/sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" "$@"
