#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2034 # most variables are read by the files in e2e/
# Installs the fleet into a Kubernetes cluster, does to it what happens to clusters, and checks what became of every job. See usage().
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: k8s/e2e.sh [--overlay dev|staging|prod] [OPTION...]

Tests the manifests on the cluster that kubectl reaches (kind, k3d, minikube or a real one). It installs an overlay into a namespace of
its own, submits the samples and generated songs by Jobs, disturbs the installation, and counts the records of every batch: each accepted
job must have exactly one. Each step prints its verdict; a report (report.md, report.json, pictures) is written at the end.

Before:
  kind create cluster                     or any other cluster, with two nodes or more for the step `drain`
  k8s/e2e.sh --build                      builds the three images with docker or podman; load them into the nodes then
  kind load docker-image analysis-worker:dev analysis-producer:dev analysis-loadtest:dev

Options:
  --overlay NAME      the overlay to test; staging needs KEDA and the Prometheus operator's CRDs, prod RabbitMQ's operator, too  [dev]
  --images P:TAG      use P/analysis-worker:TAG and so on from a registry; :TAG for names that are on the nodes already         [:dev]
  --build             build the images first, and stop if there is no docker or podman; with a registry in --images also push them
  --only STEP,...     only these steps (install always runs unless the namespace of an earlier run with --keep is there)
  --skip STEP,...     all steps but these
  --keep              leave the installation there, for looks and for --only
  --clean             only remove what an earlier run with --keep has left
  --out DIRECTORY     where the report goes                                                             [target/e2e/OVERLAY]
  --songs N           paths of a batch of generated songs                                                                 [300]
  --seconds N         length of each song                                                                                 [120]
  --burst N           files of the burst in the step `scale`                                              [depends on overlay]
  --steady SECONDS    how long the steady rate after the burst lasts in staging; 0 leaves it out                             [240]
  --workers N         workers for the disturbing steps                                                                      [4]
  --rehearsal TIME    in the disturbing steps let workers pretend to analyse, each file taking TIME: for clusters with few processors.
                      The step `scale` of staging and prod does so with 1s by itself, so that its course can be foreseen
  --component DIR     a kustomize component of yours, applied last: what your cluster needs beyond the overlay (a storage class, say)
  --context NAME      kubectl's context

Steps, in this order:
TEXT
    local step
    for step in $STEPS; do printf '  %-11s %s\n' "$step" "$(title_of "$step")"; done
    cat <<'TEXT'

Everything that it makes lies in namespaces whose names begin with analysis-e2e-OVERLAY, except one PersistentVolume, one PriorityClass
(staging) and, where they are missing, the namespaces monitoring and keda with a pod each; all of it carries the label
app.kubernetes.io/managed-by=analysis-e2e-OVERLAY and is removed at the end. One pod on each node is privileged: it lays the music out
in /var/tmp/analysis-e2e and freezes a worker. The step `drain` cordons a node and drains it of this installation's pods alone.

Environment: KUBECTL (kubectl). Needs python3 and openssl, no more.

exit status: 0 everything held, 1 something did not (the report says what), 2 wrong usage, or the cluster is not reachable or lacks
something
TEXT
}

K8S=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
ROOT=$(dirname "$K8S")
E2E=$K8S/e2e
. "$K8S/e2e/lib.sh"
. "$K8S/e2e/tls.sh"
. "$K8S/e2e/install.sh"
. "$K8S/e2e/jobs.sh"
. "$K8S/e2e/steady.sh"
. "$K8S/e2e/disturb.sh"
. "$K8S/e2e/servers.sh"
. "$K8S/e2e/network.sh"
. "$K8S/e2e/scale.sh"

STEPS='install admission samples songs probes network rollout pods evict drain servers freeze secrets scale'

overlay=dev images=:dev build=no only='' skip='' keep=no clean=no out='' songs=300 seconds=120 burst='' steady=240 workers=4 rehearsal='' component=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit 0 ;;
        --build) build=yes && shift && continue ;;
        --keep) keep=yes && shift && continue ;;
        --clean) clean=yes && shift && continue ;;
    esac
    [ $# -ge 2 ] || usage_error "$1 needs a value, or is no option"
    case $1 in
        --overlay) overlay=$2 ;;
        --images) images=$2 ;;
        --only) only=$2 ;;
        --skip) skip=$2 ;;
        --out) out=$2 ;;
        --songs) songs=$2 ;;
        --seconds) seconds=$2 ;;
        --burst) burst=$2 ;;
        --steady) steady=$2 ;;
        --workers) workers=$2 ;;
        --rehearsal) rehearsal=$2 ;;
        --component) component=$2 ;;
        --context) CONTEXT=$2 ;;
        *) usage_error "$1 is no option" ;;
    esac
    shift 2
done
case $overlay in dev | staging | prod) ;; *) usage_error "--overlay $overlay: there are dev, staging and prod" ;; esac
for number in "$songs" "$seconds" "$workers" "${burst:-1}" "1$steady"; do
    case $number in '' | *[!0-9]* | 0) usage_error "'$number' is not a number above 0" ;; esac
done
check_steps "$only,$skip"

NS=analysis-e2e-$overlay
OUT=${out:-$ROOT/target/e2e/$overlay}
LABEL=app.kubernetes.io/managed-by=$NS
need_tools
[ "$clean" = no ] || { remove_everything && exit 0; }
need_operators
[ "$build" = no ] || build_images

mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
WORK=$(mktemp -d)
open_report
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

installed || run_step install
start_watching
for step in $STEPS; do
    [ "$step" != install ] || continue
    if wanted "$step"; then run_step "$step"; fi
done
