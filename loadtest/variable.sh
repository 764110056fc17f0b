#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# High and low rates in turn. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: loadtest/variable.sh [ARGUMENT...]

Files arrive at a low and a high rate in turn, three times 10 s each, without a pause in between. Shows what a peak leaves
behind for the time after it, a phase each. Takes under two minutes.

  --low N --high N   files a second [default: 30 % and 90 % of what a calibration of four seconds finds]
  --cycles N         how often both come
  --each N           length of each, in seconds
  --workers N        worker processes
  --lanes N          lanes of each [default: one per processor]
TEXT
}

. "$(dirname "${BASH_SOURCE[0]}")/scenario.sh"
run_scenario variable "$@"
