#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# 1 to 16 lanes and 1 to 4 workers. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: loadtest/scalability.sh [ARGUMENT...]

The same work on 1, 2, 4, 8, 16 lanes and on 1 to 4 workers: in a rehearsal, in which each file takes a fixed time on a
lane (so that the processors of one machine do not limit it), and with real analysis as far as there are processors.
Shows the efficiency of each step against the first. Takes about two minutes.

  --lanes N,N...     lanes of one worker, step by step
  --workers N,N...   workers with four lanes each, step by step
  --rehearsal TIME   what a file takes in the rehearsal [default: 20ms]
  --seconds N        length of a step of the rehearsal
TEXT
}

. "$(dirname "${BASH_SOURCE[0]}")/scenario.sh"
run_scenario scalability "$@"
