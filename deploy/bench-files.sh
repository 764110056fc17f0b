#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR
# What an analysis costs, in units of ffmpeg's decoding of the same file. See usage() below.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/bench-files.sh [--rounds N] [--worker FILE] [MUSIC]
       deploy/bench-files.sh --long HOURS [--worker FILE] [MUSIC]

Makes 240 s of stereo at 44.1 kHz out of MUSIC (default: the samples of loadtest/samples, one after the other) as FLAC,
MP3 320k, Vorbis q6, AAC 256k and Opus 128k. Then, in turns, N rounds (default 5) for each file:

  ffmpeg -threads 1 -i FILE -f null -
  worker analyze FILE with ANALYSIS_FEATURES=tempo,key,loudness    (beats and true peak are in these)
  worker analyze FILE with ANALYSIS_FEATURES=all

Prints user and system CPU seconds of the whole process tree as Markdown: the least of the rounds and the median, their
ratio to ffmpeg's median, and below it the share of each stage in the elapsed time of `all`, from the reports. Takes
about three minutes.

  --rounds N      5 or more tell the noise of the machine from the work
  --worker FILE   the worker to measure; default: builds it in release
  --long HOURS    instead of speed: the peak memory of a lane on an MP3 (128k) of so many hours (whole ones), which is
                  made of the same music; needs GNU time and 58 MB of disk an hour

exit status: 0 done, 1 something failed, 2 something is missing on this machine, 64 wrong usage
TEXT
}

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" >/dev/null && pwd)
. "$DEPLOY/lib.sh"

SECONDS_OF_MUSIC=240
FILES='music.flac music.mp3 music.ogg music.m4a music.opus'
BASIC=tempo,key,loudness

rounds=5
worker=''
music=''
hours=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit 0 ;;
        --rounds | --worker | --long)
            [ $# -ge 2 ] || { usage >&2 && exit 64; }
            case $1 in --rounds) rounds=$2 ;; --worker) worker=$2 ;; --long) hours=$2 ;; esac
            shift 2
            ;;
        -*) usage >&2 && exit 64 ;;
        *)
            [ -z "$music" ] || { usage >&2 && exit 64; }
            music=$1
            shift
            ;;
    esac
done
case $rounds:${hours:-1} in *[!0-9:]* | 0:* | :* | *:0) usage >&2 && exit 64 ;; esac
[ -z "$music" ] || [ -f "$music" ] || die 64 "no such file: $music"

need_tools() {
    local absent
    absent=$(
        command -v ffmpeg >/dev/null || printf '  - ffmpeg: apt-get install ffmpeg; on macOS: brew install ffmpeg\n'
        [ -z "$hours" ] || /usr/bin/time -f %M true >/dev/null 2>&1 ||
            printf '  - GNU time as /usr/bin/time: apt-get install time\n'
        [ -n "$worker" ] || absent_tools
    )
    [ -z "$absent" ] || die 2 "missing on this machine:
$absent"
}

build() {
    local target
    [ -z "$worker" ] || return 0
    (cd "$DEPLOY/.." && cargo build --release --locked -p worker) || die 1 'the build failed'
    target=$(cd "$DEPLOY/.." && cargo metadata --no-deps --offline --format-version 1 |
        sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    worker=$target/release/worker
}

make() { ffmpeg -nostdin -v error -y "$@"; } # ffmpeg's arguments

# One WAV of the music at the rate and with the channels that all files will have.
make_source() {
    local sample graph='' count=0
    local -a inputs=()
    if [ -n "$music" ]; then
        inputs=(-i "$music")
        graph='[0:a:0]aresample=44100,aformat=sample_fmts=s16:channel_layouts=stereo[out]'
    else
        for sample in steady_house.mp3 waltz.flac drum_and_bass.ogg hip_hop.m4a house.wav trance.mp3; do
            inputs+=(-i "$DEPLOY/../loadtest/samples/$sample")
            graph="${graph}[$count:a:0]aresample=44100,aformat=sample_fmts=s16:channel_layouts=stereo[a$count];"
            count=$((count + 1))
        done
        local pads=''
        for ((at = 0; at < count; at++)); do pads="${pads}[a$at]"; done
        graph="$graph${pads}concat=n=$count:v=0:a=1[out]"
    fi
    make "${inputs[@]}" -filter_complex "$graph" -map '[out]' "$RUN/part.wav"
    make -stream_loop -1 -i "$RUN/part.wav" -t "$SECONDS_OF_MUSIC" "$RUN/source.wav"
}

make_files() {
    make -i "$RUN/source.wav" "$RUN/music.flac"
    make -i "$RUN/source.wav" -c:a libmp3lame -b:a 320k "$RUN/music.mp3"
    make -i "$RUN/source.wav" -c:a libvorbis -q:a 6 "$RUN/music.ogg"
    make -i "$RUN/source.wav" -c:a aac -b:a 256k "$RUN/music.m4a"
    make -i "$RUN/source.wav" -c:a libopus -b:a 128k "$RUN/music.opus"
}

# Programs see no setting of the caller's.
analyze() { # features file
    env -i "PATH=$PATH" "ANALYSIS_FEATURES=$1" ANALYSIS_MAX_WORKERS=1 "$worker" analyze --quiet --format ndjson "$2"
}

decode() { ffmpeg -nostdin -v error -threads 1 -i "$1" -f null -; } # file

# CPU seconds of a command and all processes below it, which it must have waited for: the worker waits for its lanes.
cpu_of() { # result-file command...
    local out=$1 TIMEFORMAT='%3U %3S'
    shift
    { time "$@" >"$RUN/out" 2>"$RUN/err"; } 2>"$RUN/times" || {
        tail -n 5 "$RUN/out" "$RUN/err" | cut -c 1-300 >&2
        die 1 "failed: $1"
    }
    awk '{printf "%.3f\n", $1 + $2}' "$RUN/times" >>"$out"
}

least() { sort -n "$1" | head -n 1; } # file
median() { sort -n "$1" | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; } # file

total_of() { sed -E 's/.*"timings_seconds":\{"total":([^,]*),.*/\1/' "$1"; } # report

# Stages are timed by the clock, which a busy machine stretches unevenly: least so in the fastest round.
keep_if_faster() { # report best
    if [ ! -f "$2" ] || awk -v new="$(total_of "$1")" -v best="$(total_of "$2")" 'BEGIN {exit !(new < best)}'; then
        mv "$1" "$2"
    fi
}

measure() {
    local file round
    for ((round = 1; round <= rounds; round++)); do
        say "round $round of $rounds"
        for file in $FILES; do
            cpu_of "$RUN/$file.decode" decode "$RUN/$file"
            cpu_of "$RUN/$file.basic" analyze "$BASIC" "$RUN/$file"
            cpu_of "$RUN/$file.all" analyze all "$RUN/$file"
            grep -q '"outcome":"ok"' "$RUN/out" || die 1 "no report of $file: $(head -c 300 "$RUN/out")"
            keep_if_faster "$RUN/out" "$RUN/$file.report"
        done
    done
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; } # seconds seconds

table() {
    local file of
    printf '| file | ffmpeg decodes (least, median) | tempo, key, loudness (least, median) | ratio | all (least, median) | ratio |\n'
    printf '|---|---|---|---|---|---|\n'
    for file in $FILES; do
        of=$(median "$RUN/$file.decode")
        printf '| %s | %.2f, %.2f s | %.2f, %.2f s | **%s** | %.2f, %.2f s | **%s** |\n' "${file#music.}" \
            "$(least "$RUN/$file.decode")" "$of" \
            "$(least "$RUN/$file.basic")" "$(median "$RUN/$file.basic")" "$(ratio "$(median "$RUN/$file.basic")" "$of")" \
            "$(least "$RUN/$file.all")" "$(median "$RUN/$file.all")" "$(ratio "$(median "$RUN/$file.all")" "$of")"
    done
}

# `name seconds` of the decoding, of each stage, and of what is neither (tags, identity).
stages_of() { # report
    sed -E 's/.*"timings_seconds":\{"total":([^,]*),"decode":([^,]*),"parts":\{([^}]*)\}.*/total:\1,decode:\2,\3/' "$1" |
        tr ',' '\n' | tr -d '"' | tr ':' ' ' |
        awk '$1 == "total" {rest = $2; next} NF == 2 {rest -= $2; print} END {print "(else)", (rest > 0) ? rest : 0}'
}

# One row a stage, the most expensive of the first file first.
shares() {
    local file stage
    printf '\n| share of all, fastest round |'
    for file in $FILES; do printf ' %s |' "${file#music.}"; done
    printf '\n|---|'
    for file in $FILES; do printf -- '---|'; done
    printf '\n'
    for stage in $(stages_of "$RUN/music.flac.report" | sort -k 2 -g -r | cut -d ' ' -f 1); do
        printf '| %s |' "$stage"
        for file in $FILES; do
            stages_of "$RUN/$file.report" |
                awk -v stage="$stage" '{sum += $2} $1 == stage {own = $2} END {printf " %.0f ms, %.0f %% |", own * 1000, 100 * own / sum}'
        done
        printf '\n'
    done
}

# MP3 frames of a constant rate stand for themselves, so copies of a file in a row are a longer file.
long() {
    local copy copies=$((hours * 3600 / SECONDS_OF_MUSIC)) begin=$SECONDS
    make -i "$RUN/source.wav" -c:a libmp3lame -b:a 128k -write_xing 0 -id3v2_version 0 "$RUN/part.mp3"
    for ((copy = 0; copy < copies; copy++)); do cat "$RUN/part.mp3"; done >"$RUN/long.mp3"
    /usr/bin/time -f '%M %U %S' -o "$RUN/peak" \
        env -i "PATH=$PATH" ANALYSIS_MAX_WORKERS=1 "$worker" analyze --quiet --format ndjson "$RUN/long.mp3" >"$RUN/out"
    grep -q '"outcome":"ok"' "$RUN/out" || die 1 "no report: $(head -c 300 "$RUN/out")"
    sed -E 's/.*"duration_seconds":([0-9.]*).*/\1/' "$RUN/out" | awk '{printf "%.2f hours of audio, ", $1 / 3600}'
    # The largest process of the tree: a lane, unless the worker beside it is larger still.
    tail -n 1 "$RUN/peak" | awk '{printf "peak resident size %.1f MiB, %.0f CPU seconds", $1 / 1024, $2 + $3}'
    printf ', %d s\n' $((SECONDS - begin))
}

need_tools
build
RUN=$(mktemp -d "${TMPDIR:-/tmp}/bench-files.XXXXXX")
trap 'rm -rf "$RUN"' EXIT
make_source
if [ -n "$hours" ]; then
    long
else
    make_files
    measure
    table
    shares
fi
