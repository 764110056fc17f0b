//! `docs/formats.md`: every container with every codec, encoded by FFmpeg, measured here and by FFmpeg.
//!
//! The table is written by this test (`UPDATE=1 cargo test -p analysis --test pass table`) and held to it afterwards.

use crate::build::analysed;
use crate::ffmpeg::{encode, heard, music, sweep};
use analysis::{Analysis, Verdict};
use report::Report;
use std::path::Path;

/// Extension, what the table calls the container, the encoder of ffmpeg, and what else ffmpeg must be told.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const ROWS: [Row; 47] = [
    ("wav", "WAV", "pcm_u8", &[]),
    ("wav", "WAV", "pcm_s16le", &[]),
    ("wav", "WAV", "pcm_s24le", &[]),
    ("wav", "WAV", "pcm_s32le", &[]),
    ("wav", "WAV", "pcm_f32le", &[]),
    ("wav", "WAV", "pcm_f64le", &[]),
    ("wav", "WAV", "pcm_mulaw", &[]),
    ("wav", "WAV", "pcm_alaw", &[]),
    ("wav", "WAV", "adpcm_ms", &[]),
    ("wav", "WAV", "adpcm_ima_wav", &[]),
    ("wav", "WAV", "libmp3lame", &[]),
    ("wav", "RF64", "pcm_s16le", &["-rf64", "always"]),
    ("aiff", "AIFF", "pcm_s16be", &[]),
    ("aiff", "AIFF", "pcm_s24be", &[]),
    ("aiff", "AIFF-C", "pcm_s16le", &[]),
    ("aiff", "AIFF-C", "pcm_f32be", &[]),
    ("aiff", "AIFF-C", "pcm_mulaw", &[]),
    ("flac", "FLAC", "flac", &[]),
    ("mp3", "MP3", "libmp3lame", &[]),
    ("mp2", "MP2", "mp2", &[]),
    ("aac", "ADTS", "aac", &[]),
    ("ogg", "Ogg", "libvorbis", &[]),
    ("opus", "Ogg", "libopus", &["-ar", "48000"]),
    ("oga", "Ogg", "flac", &[]),
    ("m4a", "MP4", "aac", &[]),
    ("m4a", "MP4", "alac", &[]),
    ("mp4", "MP4", "libopus", &["-ar", "48000"]),
    ("mp4", "MP4", "flac", &["-strict", "-2"]),
    ("mp4", "MP4", "libmp3lame", &[]),
    ("mov", "QuickTime", "pcm_s16be", &[]),
    ("mov", "QuickTime", "pcm_s24le", &[]),
    ("mov", "QuickTime", "pcm_f32be", &[]),
    ("mov", "QuickTime", "pcm_mulaw", &[]),
    ("mov", "QuickTime", "adpcm_ima_qt", &[]),
    ("mov", "QuickTime", "alac", &[]),
    ("caf", "Core Audio", "pcm_s16be", &[]),
    ("caf", "Core Audio", "pcm_f32le", &[]),
    ("caf", "Core Audio", "pcm_mulaw", &[]),
    ("caf", "Core Audio", "adpcm_ima_qt", &[]),
    ("caf", "Core Audio", "alac", &[]),
    ("caf", "Core Audio", "libopus", &["-ar", "48000"]),
    ("mka", "Matroska", "libvorbis", &[]),
    ("webm", "WebM", "libopus", &["-ar", "48000"]),
    ("mka", "Matroska", "libmp3lame", &[]),
    ("mka", "Matroska", "flac", &[]),
    ("mka", "Matroska", "aac", &[]),
    ("mka", "Matroska", "pcm_s16le", &[]),
];

/// Length of the music, in seconds.
const SECONDS: f64 = 10.0;

const HEAD: &str = "# Formats

What is read of each container with each codec by a build without libav. This table is written by a test
(`UPDATE=1 cargo test -p analysis --test pass table`): FFmpeg encodes the same ten seconds of music in every way, and the
test holds the analysis of each to FFmpeg's own decoding of the same file (length to a millisecond, integrated loudness to
0.1 LU) and to the analysis of the WAV (tempo and key). Of MP4 FFmpeg plays some milliseconds beyond the end that the file states;
there the length is held to what was encoded.

What needs libav (WMA, Monkey's Audio, WavPack, Musepack, TAK, TTA, DSD, AC-3, E-AC-3, DTS, TrueHD, AMR, RealAudio, ATRAC, HE-AAC, AAC of more
than two channels) is named as `unsupported` by a build without it, with a sentence on how to get it. The images have it; elsewhere build the worker
with `--features libav` (Debian: libavcodec-dev, libavformat-dev, libavutil-dev, libclang-dev, pkg-config). Tracker modules and MIDI are not read.

One thing a build without libav cannot tell: AAC in ADTS at 24 kHz or less may be HE-AAC, which nothing in the file announces. Its core alone is measured then,
and `audio.codec_profile` says `lc-or-he-core`.

*Length* is the difference to what was encoded: 0 where the container or the codec says what the encoder added and it is cut
off (gapless). *5.1* is the layout that six channels are reported with; “places unknown” where nothing in the file says where
they belong.

| Container | Codec | Decoded by | Length | Title and artist | 5.1 |
|---|---|---|---|---|---|
";

fn decoder(codec: &str) -> &'static str {
    match codec {
        "opus" => "opus-pure",
        "vorbis" => "symphonia; lewton from three channels on",
        "flac" => "symphonia; own decoder above 24 bits",
        _ => "symphonia",
    }
}

/// Encodes a row from `source` with so many channels.
#[track_caller]
fn file(row: &Row, source: &str, channels: &str) -> Vec<u8> {
    let (extension, _, encoder, extra) = *row;
    let mut arguments =
        vec!["-c:a", encoder, "-ac", channels, "-metadata", "title=Here", "-metadata", "artist=We"];
    if matches!(extension, "aiff" | "wav") {
        arguments.extend(["-write_id3v2", "1"].iter().filter(|_| extension == "aiff"));
    }
    arguments.extend(extra);
    encode(source, &arguments, &format!("it.{extension}"))
}

/// Length, tags and layout, as the table says them, once they have been held to ffmpeg.
#[track_caller]
fn line(row: &Row, wav: &Report) -> String {
    let bytes = file(row, &music(44_100, SECONDS), "2");
    let what = format!("{} with {}", row.1, row.2);
    let Analysis { verdict, report, .. } = analysed(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(verdict, Verdict::Complete, "{what}");
    let audio = &report.audio;
    let ffmpeg = heard(&bytes, usize::from(audio.channels), audio.sample_rate_hz);
    let lufs = report.loudness.as_ref().unwrap().integrated_lufs.unwrap();
    // FFmpeg plays MP4 to the end of its last packet, which lies behind the end that the file states.
    let is_near = |seconds: f64| (audio.duration_seconds - seconds).abs() <= 0.001;
    assert!(is_near(ffmpeg.seconds) || is_near(SECONDS), "{what}: {} {ffmpeg:?}", audio.duration_seconds);
    assert!((lufs - ffmpeg.lufs).abs() <= 0.1, "{what}: {lufs} {ffmpeg:?}");
    same_music(&what, &report, wav);
    let off = ((audio.duration_seconds - SECONDS) * 1000.0).round() as i64;
    let length = if off == 0 { "0".to_owned() } else { format!("{off:+} ms") };
    let tagged = report.tags.as_ref();
    let tagged =
        tagged.is_some_and(|it| it.title.as_deref() == Some("Here") && it.artist.as_deref() == Some("We"));
    let tags = if tagged { "read" } else { "none" };
    let codec = &audio.codec;
    format!("| {} | {codec} | {} | {length} | {tags} | {} |\n", row.1, decoder(codec), surround(row))
}

#[track_caller]
fn same_music(what: &str, report: &Report, wav: &Report) {
    let bpm = |report: &Report| report.tempo.as_ref().map(|it| it.bpm);
    match (bpm(report), bpm(wav)) {
        (Some(bpm), Some(expected)) => {
            assert!((bpm - expected).abs() < 0.5, "{what}: {bpm}, not {expected} BPM")
        }
        (bpm, expected) => assert_eq!(bpm, expected, "{what}"),
    }
    let key = |report: &Report| report.key.as_ref().map(|it| it.camelot.clone());
    assert_eq!(key(report), key(wav), "{what}");
}

/// The layout of six channels, or what keeps them from being read.
fn surround(row: &Row) -> String {
    // These have one or two channels, or FFmpeg does not write more of them into this container.
    let narrow = ["libmp3lame", "mp2", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt"].contains(&row.2);
    if narrow || (row.0, row.2) == ("caf", "libopus") {
        return "–".to_owned();
    }
    match analysed(&file(row, &sweep(44_100, 6, 2.0), "6")) {
        Ok(analysis) => analysis.report.audio.channel_layout.unwrap_or_else(|| "places unknown".to_owned()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_table_of_formats_is_what_is_measured() {
    let wav = analysed(&encode(&music(44_100, SECONDS), &["-ac", "2"], "it.wav")).unwrap().report;
    let table: String =
        HEAD.chars().chain(ROWS.iter().flat_map(|row| line(row, &wav).chars().collect::<Vec<_>>())).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md");
    if std::env::var("UPDATE").as_deref() == Ok("1") {
        std::fs::write(&path, &table).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == table,
        "docs/formats.md is not what is measured: UPDATE=1 cargo test -p analysis --test pass table\n{table}"
    );
}
