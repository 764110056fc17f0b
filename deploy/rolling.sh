#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Two versions of the worker and the producer side by side. See usage() below.
set -euo pipefail

# The version before this one: what a rolling update of a fleet comes from.
BEFORE=6dacd50

usage() {
    cat <<TEXT
usage: deploy/rolling.sh [COMMIT [ARGUMENT...]]

Builds worker and producer of COMMIT (default $BEFORE, the version before this one) in a git worktree in a temporary folder, and those of
this checkout, and runs \`loadtest rolling\` with both: a fleet on private servers is rolled from the old version to the new
one and back under load, with producers of both. Further arguments go to that command (\`--out FILE\`, \`--files N\`).

exit status: that of \`loadtest rolling\`; 2 when something is missing on this machine; 64 wrong usage
TEXT
}

case ${1:-} in
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 64 ;;
esac
COMMIT=${1:-$BEFORE}
[ $# = 0 ] || shift

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"
cd "$DEPLOY/.."

absent=$(absent_tools)
[ -z "$absent" ] || die 2 "missing on this machine:
$absent"
old=$(git rev-parse --short=9 --verify --quiet "$COMMIT^{commit}") || die 64 "there is no commit '$COMMIT' in this clone (git fetch --unshallow?)"
new=$(git rev-parse --short=9 HEAD)
git diff --quiet HEAD -- || new=$new-modified

finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM HUP
    git worktree remove --force "$RUN/source" >/dev/null 2>&1 || true
    close_run "$RUN" || code=1
    exit "$code"
}

open_run rolling
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Both builds share one target folder, and so the dependencies that they have in common; the programs of each are copied out.
target=$(cargo metadata --no-deps --offline --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
build() { # directory name package...
    local directory=$1 name=$2
    shift 2
    say "== build $name"
    (cd "$directory" && CARGO_TARGET_DIR=$target cargo build --locked "${@/#/-p}") || die 1 "the build of $name failed"
    mkdir "$RUN/$name"
    cp "${@/#/$target/debug/}" "$RUN/$name/"
}

git worktree add --detach "$RUN/source" "$old" >/dev/null
build "$RUN/source" old worker producer
build . new worker producer loadtest

"$RUN/new/loadtest" rolling --old-worker "$RUN/old/worker" --old-producer "$RUN/old/producer" \
    --old-name "$old" --new-name "$new" "$@"
