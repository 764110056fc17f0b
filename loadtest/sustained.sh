#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Files at a steady rate. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: loadtest/sustained.sh [ARGUMENT...]

For 60 s files arrive at a steady rate, whatever the fleet makes of it; latencies count from the intended arrival. Fails
unless 95 % are done in time, at 90 % of the rate, and every file has exactly one end. Takes under two minutes.

  --rate N           files a second [default: 70 % of what a calibration of four seconds finds]
  --seconds N        how long files arrive
  --arrivals even|poisson
  --workers N        worker processes
  --lanes N          lanes of each [default: one per processor]
TEXT
}

. "$(dirname "${BASH_SOURCE[0]}")/scenario.sh"
run_scenario sustained "$@"
