#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Every check of the repository, against a RabbitMQ and a Redis of its own. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/test.sh [--quick]

Starts private servers (see deploy/services.sh; AMQP_URL and REDIS_URL are used instead where they are set), then checks
format, lints, documentation, the rules for Prometheus and tests. Every step runs, also after one that failed. The servers are gone at the end.
The tests of decoding need ffmpeg, which is installed with apt where it is missing. The worker's second decoder (the feature libav) is tested
where FFmpeg's development packages are.

  --quick   without the documentation

exit status: that of the first step that failed; 2 when something is missing on this machine; 64 wrong usage
TEXT
}

quick=no
case $#:${1:-} in
    0:) ;;
    1:--quick) quick=yes ;;
    1:-h | 1:--help) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
esac

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"
. "$DEPLOY/services/install.sh"
cd "$DEPLOY/.."

need_tools() {
    local absent
    absent=$(
        absent_tools
        command -v cargo >/dev/null || exit 0
        cargo fmt --version >/dev/null 2>&1 ||
            echo '  - rustfmt: rustup component add rustfmt (or the package rustfmt of your distribution)'
        cargo clippy --version >/dev/null 2>&1 ||
            echo '  - clippy: rustup component add clippy (or the package rust-clippy of your distribution)'
    )
    [ -z "$absent" ] || die 2 "missing on this machine:
$absent"
}

summary=''
first_failure=0
failed_step=''

step() { # name command...
    local name=$1 began=$SECONDS code=0 result=ok
    shift
    say "== $name: $*"
    "$@" || code=$?
    if [ "$code" != 0 ]; then
        result="FAILED ($code)"
        if [ "$first_failure" = 0 ]; then first_failure=$code failed_step=$name; fi
    fi
    summary="$summary$(printf '%-10s %6d s  %s' "$name" $((SECONDS - began)) "$result")
"
}

finish() {
    local code=$?
    trap - EXIT
    trap '' INT TERM HUP
    close_run "$RUN" || say "could not stop the servers in $RUN"
    exit "$code"
}

# Rules of Prometheus: can they be loaded, are they well-formed, does each alert fire when it should and only then?
check_rules() {
    promtool check config "$DEPLOY/prometheus/prometheus.yaml" &&
        promtool check rules "$DEPLOY"/prometheus/rules/*.yaml &&
        promtool test rules "$DEPLOY"/prometheus/tests/*.yaml
}

need_tools
open_run test
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step services "$DEPLOY/services.sh" up
[ "$first_failure" = 0 ] || die "$first_failure" 'no servers to test against'
eval "$("$DEPLOY/services.sh" env)"

step tools "$DEPLOY/services.sh" tools
ffmpeg_available "$RUN/ffmpeg-install.log" || die 2 'ffmpeg is missing on this machine: install it (apt-get install ffmpeg; brew install ffmpeg)'
step rules check_rules
step format cargo fmt --all --check
step lints cargo clippy --workspace --all-targets --locked -- -D warnings
[ "$quick" = yes ] || step docs env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
step tests cargo test --workspace --locked --no-fail-fast
if libav_found; then
    # What the feature adds, and no more: the rest has been tested without it.
    step libav cargo test -p analysis --features libav --test libav --locked
    step libav-lane cargo test -p worker --features libav --test local --locked libav::
else
    say "== libav: NOT TESTED. Its packages are not on this machine: $LIBAV_PACKAGES"
    summary="$summary$(printf '%-10s %8s  %s' libav - 'NOT TESTED: its packages are missing')
"
fi

printf '\n%s' "$summary"
[ "$first_failure" = 0 ] || die "$first_failure" "the first step that failed: $failed_step"
printf 'all passed in %d s\n' "$SECONDS"
