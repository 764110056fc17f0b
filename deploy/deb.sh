#!/usr/bin/env bash
# Makes a Debian package of worker and producer, with their manual pages, completions and systemd units:
#
#   deploy/deb.sh [FOLDER]        by default into target/debian
#
# It builds the programs, unless BINARIES names a folder that has them. Needs dpkg-deb and objdump (binutils, which comes with gcc).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-target/debian}
binaries=${BINARIES:-}
if [ -z "$binaries" ]; then
    cargo build --release --locked -p worker -p producer
    binaries=${CARGO_TARGET_DIR:-target}/release
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
for program in worker producer; do
    install -D -m 755 "$binaries/$program" "$stage/usr/bin/$program"
    "$binaries/$program" man "$stage/usr/share/man/man1"
    install -d "$stage/usr/share/bash-completion/completions" "$stage/usr/share/zsh/vendor-completions" \
        "$stage/usr/share/fish/vendor_completions.d"
    "$binaries/$program" completions bash > "$stage/usr/share/bash-completion/completions/$program"
    "$binaries/$program" completions zsh > "$stage/usr/share/zsh/vendor-completions/_$program"
    "$binaries/$program" completions fish > "$stage/usr/share/fish/vendor_completions.d/$program.fish"
done
gzip -9n "$stage"/usr/share/man/man1/*.1
install -D -m 644 -t "$stage/usr/lib/systemd/system" deploy/systemd/*.service deploy/systemd/*.timer
# It may get passwords.
install -D -m 640 deploy/settings.env "$stage/etc/analysis/settings.env"
install -D -m 644 -t "$stage/usr/share/doc/analysis-fleet" LICENSE docs/operations/troubleshooting.md docs/protocol.md

# The oldest C library that has every symbol the programs use.
libc=$(objdump -T "$stage"/usr/bin/* | grep -o 'GLIBC_[0-9.]*' | sort -V | tail -1)
version=$("$binaries/worker" --version | cut -d ' ' -f 2)
architecture=$(dpkg --print-architecture)
install -d "$stage/DEBIAN"
echo /etc/analysis/settings.env > "$stage/DEBIAN/conffiles"
cat > "$stage/DEBIAN/control" <<CONTROL
Package: analysis-fleet
Version: $version
Architecture: $architecture
Maintainer: ${MAINTAINER:-nobody <nobody@localhost>}
Section: sound
Priority: optional
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1
Suggests: rabbitmq-server, redis-server
Description: analyses music files, on this machine or as a fleet
 worker finds tempo, key, loudness and more in music files; producer submits
 files to any number of workers by RabbitMQ and reads their reports from Redis.
 The units analysis-worker.service and analysis-enqueue.timer are not enabled
 by themselves: set MEDIA_ROOTS in /etc/analysis/settings.env first.
CONTROL
mkdir -p "$out"
dpkg-deb --root-owner-group --build "$stage" "$out/analysis-fleet_${version}_$architecture.deb"
