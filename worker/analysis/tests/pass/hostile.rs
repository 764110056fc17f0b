//! Files that no one wrote with good intent, or that no longer are what they were.

use crate::build::{Coding, Sound, analysed, input, sine};
use crate::ffmpeg::{encode, sweep};
use analysis::{Analysis, Error, Limits, Options, Verdict, analyze};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// What must hold for any answer.
fn check(answer: &Result<Analysis, Error>) {
    let Ok(analysis) = answer else { return };
    if let Verdict::Partial { decoded_fraction, detail } = &analysis.verdict {
        assert!((0.0..=1.0).contains(decoded_fraction) && !detail.is_empty());
    }
    let report = &analysis.report;
    assert!((0.0..=1.0).contains(&report.audio.decoded_fraction));
    // What is no number does not equal itself.
    let packed = rmp_serde::to_vec_named(report).unwrap();
    assert_eq!(&rmp_serde::from_slice::<report::Report>(&packed).unwrap(), report);
    assert!(packed.len() < 64 * 1024);
    let numbers = format!("{:?}", report::Report { tags: None, ..report.clone() });
    assert!(!numbers.contains("inf") && !numbers.contains("NaN"), "{numbers}");
}

const MAGICS: [&[u8]; 17] = [
    b"",
    b"RIFF\x40\x02\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data",
    b"FORM\0\0\x10\0AIFFCOMM\0\0\0\x12\0\x02",
    b"fLaC\0\0\0\x22",
    b"OggS\0\x02",
    b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20",
    b"\x1a\x45\xdf\xa3",
    b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0\0\0\x10\0moov",
    b"\xff\xfb\x90\x00",
    b"\xff\xf1\x50\x80\x2e\x7f\xfc",
    b"ID3\x04\0\0\0\0\x01\0",
    b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0",
    b"RIFX\0\0\x02\x40WAVEfmt \0\0\0\x10\0\x01\0\x02\0\0\xac\x44\0\x02\xb1\x10\0\x04\0\x10data",
    b"RIFF\x40\x02\0\0WAVEfmt \x10\0\0\0\x55\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\0\0data",
    b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20\x40\xe5\x88\x80\0\0\0\0ima4\0\0\0\0\0\0\0\x44\0\0\0\x40\0\0\0\x02",
    b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x16\x54\xae\x6b\x9b\xae\x99\xd7\x81\x01\x83\x81\x02\x86\x88A_VORBIS",
    b"\0\0\x10\0moov\0\0\x0f\0trak\0\0\x0e\0mdia\0\0\x0d\0minf\0\0\x0c\0stbl",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_behind_any_magic(
        magic in 0..MAGICS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        check(&analysed(&[MAGICS[magic], &bytes].concat()));
    }

    #[test]
    fn wav_headers_with_any_bytes_in_them(
        places in proptest::collection::vec((0usize..44, any::<u8>()), 1..6), coding in 0usize..3,
    ) {
        let coding = [Coding::S16, Coding::S24, Coding::F32][coding];
        let mut bytes = Sound::new(8000, coding, vec![sine(8000, 440.0, 0.5, 0.5); 2]).wav();
        places.iter().for_each(|(place, byte)| bytes[*place] = *byte);
        let limits = Limits { max_duration_seconds: 100.0, ..Limits::default() };
        check(&analyze(input(&bytes), &Options { limits, ..Options::default() }, &mut |_| {}));
    }

    #[test]
    fn any_floats(bits in proptest::collection::vec(any::<u32>(), 20_000..20_001)) {
        let plane = bits.iter().map(|it| f64::from(f32::from_bits(*it))).collect();
        check(&analysed(&Sound::new(44_100, Coding::F32, vec![plane]).wav()));
    }
}

fn samples() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples");
    let mut files: Vec<_> = [directory.clone(), directory.join("bad")]
        .iter()
        .flat_map(|directory| fs::read_dir(directory).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.extension().is_none_or(|it| it != "json"))
        .collect();
    files.sort();
    assert!(files.len() > 20);
    files
}

/// A generator good enough to pick places with, the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let len = bytes.len();
    let at = dice.roll(len);
    let count = dice.roll(3000).min(len - at);
    match dice.roll(6) {
        // Mostly into headers, where it hurts.
        0 => (0..10).for_each(|_| bytes[dice.roll(len.min(600))] = dice.roll(256) as u8),
        1 => (0..30).for_each(|_| bytes[dice.roll(len)] ^= 1 << dice.roll(8)),
        2 => bytes.truncate(at),
        3 => bytes[at..at + count].fill(0),
        4 => drop(bytes.drain(at..at + count)),
        _ => {
            let at = dice.roll(len.min(4096));
            bytes[at..len.min(at + 4)].fill(0xff);
        }
    }
}

#[test]
fn damaged_files_of_every_format() {
    let mut dice = Dice(1);
    for path in samples() {
        let whole = fs::read(&path).unwrap();
        for _ in 0..if whole.is_empty() { 0 } else { 6 } {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut dice);
            check(&analysed(&bytes));
        }
    }
}

/// Files that our own demuxers and decoders read.
fn own() -> Vec<Vec<u8>> {
    let file = |channels, codec, name| encode(&sweep(44_100, channels, 1.0), &["-c:a", codec], name);
    let mka = file(2, "libmp3lame", "it.mka");
    let mut files = vec![crate::matroska::compressed(&mka, 0, &[]), mka];
    files.extend(["libvorbis", "flac", "pcm_s16le"].map(|codec| file(2, codec, "it.mka")));
    files.extend(["pcm_s24be", "alac", "adpcm_ima_qt", "pcm_mulaw"].map(|codec| file(2, codec, "it.mov")));
    files.extend(["pcm_mulaw", "adpcm_ima_qt", "pcm_s8"].map(|codec| file(2, codec, "it.caf")));
    files.extend([file(6, "libvorbis", "it.ogg"), file(2, "libmp3lame", "it.wav")]);
    files.push(crate::wide_flac::of(&Sound::new(8000, Coding::S32, vec![sine(8000, 440.0, 0.5, 2.0); 2])));
    let flac = file(2, "flac", "it.flac");
    files.push([&flac[..], &flac].concat());
    files.push([file(1, "libmp3lame", "it.mp3"), file(2, "libmp3lame", "it.mp3")].concat());
    files
}

#[test]
fn damaged_files_of_our_own_demuxers() {
    let mut dice = Dice(2);
    for whole in own() {
        for _ in 0..40 {
            let mut bytes = whole.clone();
            damage(&mut bytes, &mut dice);
            check(&analysed(&bytes));
        }
    }
}
