#!/bin/sh
# Builds FFmpeg's libraries for the images: only the demuxers and decoders that the worker's second decoder may use
# (worker/libav/src/lib.rs; a test holds the two lists against each other), for audio alone, with nothing that opens files or
# sockets. They come to 3 MB and need the C library alone, where a distribution's build of the same libraries is 130 files of
# 160 MB, most of them for video. Under the LGPL, version 2.1 or later, linked dynamically.
#
#   usage: libav.sh amd64|arm64 PREFIX
#
# The source is Debian's (13, for FFmpeg 7.1, the first that decodes xHE-AAC), so that apt checks its signature and Debian's
# security team mends it. Runs in the build stage of ../Dockerfile, or as root on Debian.
set -eu

case ${1:-} in
    amd64) machine=x86_64 needed='nasm make dpkg-source' ;;
    arm64) machine=aarch64 needed='make dpkg-source' ;;
    *) echo "usage: $0 amd64|arm64 PREFIX" >&2 && exit 64 ;;
esac
prefix=${2:?where to?}

for program in "$machine-linux-gnu-gcc" $needed; do
    command -v "$program" >/dev/null || {
        echo "$0: $program is missing: apt-get install dpkg-dev make nasm, and gcc-$(echo "$machine" | tr _ -)-linux-gnu for another processor" >&2
        exit 2
    }
done

decoders=aac,ac3,amrnb,amrwb,ape,atrac1,atrac3,atrac3al,atrac3p,atrac3pal,cook,dca,dsd_lsbf,dsd_lsbf_planar,dsd_msbf,dsd_msbf_planar,dst,eac3,mlp,mpc7,mpc8,ra_144,ra_288,ralf,sipr,tak,truehd,tta,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice
demuxers=ac3,amr,ape,asf,dsf,dts,dtshd,eac3,iff,mlp,mpc,mpc8,oma,rm,tak,truehd,tta,wav,wv
parsers=aac,ac3,amr,cook,dca,mlp,sipr,tak

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keys=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in 'debian trixie' 'debian-security trixie-security'; do
    echo "deb-src [signed-by=$keys] http://deb.debian.org/${suite% *} ${suite#* } main"
done >"$work/sources.list"
mkdir -p "$work/lists/partial"
# A list of its own: the system's packages stay those of its own release.
apt_source() {
    apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o APT::Sandbox::User=root "$@"
}
apt_source update
(cd "$work" && apt_source source ffmpeg && mv ffmpeg-*/ ffmpeg)

cd "$work/ffmpeg"
./configure --prefix="$prefix" --enable-cross-compile --cross-prefix="$machine-linux-gnu-" --arch="$machine" --target-os=linux \
    --enable-shared --disable-static --disable-programs --disable-doc --disable-debug --disable-autodetect --disable-network \
    --disable-everything --disable-avdevice --disable-avfilter --disable-swscale --disable-swresample --disable-postproc \
    --enable-decoder="$decoders" --enable-demuxer="$demuxers" --enable-parser="$parsers"
make -j"$(nproc)"
make install
mkdir -p "$prefix/share/doc/ffmpeg"
cp COPYING.LGPLv2.1 LICENSE.md "$prefix/share/doc/ffmpeg/"
