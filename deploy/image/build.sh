#!/bin/sh
# Builds the release binaries for one processor and lays each out below OUT, ready to be copied into an image. Runs in the build
# stage of ../Dockerfile; by hand it does the same on Debian: deploy/image/build.sh arm64 /tmp/out
#
#   usage: build.sh amd64|arm64 OUT
#
# Cross-compiled, never emulated: a build under emulation takes an hour instead of minutes. ring has C and assembly in it, so the
# target needs a C compiler beside its linker. FFmpeg's libraries are built first (libav.sh) and laid out in OUT/lib; LIBAV_PREFIX
# names a folder that has them already.
set -eu

case ${1:-} in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) echo "usage: $0 amd64|arm64 OUT" >&2 && exit 64 ;;
esac
out=${2:?where to?}
target=$machine-unknown-linux-gnu
compiler=$machine-linux-gnu-gcc

command -v "$compiler" >/dev/null || {
    echo "$0: $compiler is missing: apt-get install gcc-$(echo "$machine" | tr _ -)-linux-gnu libc6-dev-$1-cross" >&2
    exit 2
}

# cc and cargo look for these by the target's name.
under=$(echo "$target" | tr - _)
upper=$(echo "$under" | tr '[:lower:]' '[:upper:]')
export "CARGO_TARGET_${upper}_LINKER=$compiler" "CC_$under=$compiler"

# The worker's second decoder. FFMPEG_DIR is where its bindings look; they are made from the target's headers.
export FFMPEG_DIR="${LIBAV_PREFIX:-$out/libav}"
[ -e "$FFMPEG_DIR/lib/libavcodec.so" ] || "$(dirname "$0")/libav.sh" "$1" "$FFMPEG_DIR"
export "BINDGEN_EXTRA_CLANG_ARGS_$under=-I/usr/$machine-linux-gnu/include"
# Programs in bin find the libraries in lib beside it, and these each other, without a cache of the dynamic linker.
export "CARGO_TARGET_${upper}_RUSTFLAGS=-C link-arg=-Wl,--disable-new-dtags,-rpath,\$ORIGIN/../lib"

cargo build --release --locked --target "$target" -p worker -p producer -p loadtest --features worker/libav

mkdir -p "$out/lib" "$out/licenses"
# By their sonames alone, which is what the dynamic linker looks for.
for library in avcodec avformat avutil; do
    for file in "$FFMPEG_DIR/lib/lib$library".so.*; do
        case ${file##*.so.} in *.*) ;; *) cp -L "$file" "$out/lib/" ;; esac
    done
done
cp -r "$FFMPEG_DIR/share/doc/ffmpeg" "$out/licenses/"

for program in worker producer loadtest; do
    mkdir -p "$out/$program"
    cp "${CARGO_TARGET_DIR:-target}/$target/release/$program" "$out/$program/"
done
# A load test starts workers and producers itself.
cp "$out/worker/worker" "$out/producer/producer" "$out/loadtest/"
