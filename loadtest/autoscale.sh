#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Workers that come and go as the ScaledObject in k8s/ has it. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: loadtest/autoscale.sh [ARGUMENT...]

A burst of 6,000 files, a steady rate and silence, while local workers are started and stopped by the formula, the windows and
the policies of k8s/components/keda/scaledobject.yaml, with time running 20 times faster. Fails unless every file has exactly
one end, no change is undone within the window, and all but one worker are gone at the end. Takes about two minutes.

  --speed N          how many times faster
  --burst N          files of the burst
  --html FILE        a page with the workers, queues and latencies over time
TEXT
}

. "$(dirname "${BASH_SOURCE[0]}")/scenario.sh"
run_scenario autoscale "$@"
