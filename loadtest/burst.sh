#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Many files at once, at mixed priorities. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: loadtest/burst.sh [ARGUMENT...]

500 files arrive at once: 20 % high, 50 % normal, 30 % low. Shows how long each level waits, and fails unless the median
wait of high is below that of low and every file has exactly one end. Takes under a minute.

  --count N          files that arrive at the same moment
  --workers N        worker processes
  --lanes N          lanes of each [default: one per processor]
TEXT
}

. "$(dirname "${BASH_SOURCE[0]}")/scenario.sh"
run_scenario burst "$@"
