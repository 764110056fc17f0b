//! Files that libav decodes, through whole and confined lanes. Needs ffmpeg on the path.

use std::fs;
use std::path::Path;
use std::process::Command;

use shared::outcome::{End, FailureKind};
use shared::record::Record;
use tempfile::TempDir;

use crate::harness::{analyze, records, run, samples};

/// Name of a file, and what ffmpeg is told to make it.
const ENCODED: [(&str, &str); 11] = [
    ("a.wma", "-c:a wmav2 -b:a 64k"),
    ("a.wv", "-c:a wavpack"),
    ("a.tta", "-c:a tta"),
    ("a.ac3", "-c:a ac3"),
    ("a.eac3", "-c:a eac3"),
    ("a.dts", "-c:a dca -strict -2 -ar 48000 -b:a 256k"),
    ("a.thd", "-c:a truehd -strict -2"),
    ("a.mlp", "-c:a mlp -strict -2"),
    ("a.rm", "-c:a ac3"),
    ("a.mka", "-c:a ac3"),
    ("a.m4a", "-c:a aac -ac 6 -ar 48000 -b:a 128k"),
];

/// So many seconds of music in each of the formats.
fn encoded(seconds: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in ENCODED {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-t", seconds, "-i"]).arg(samples().join("house.wav"));
        let output = command.args(arguments.split(' ')).arg(folder.path().join(name)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("analysis/tests/libav");
    for name in ["he_v1.m4a", "he_v1.aac", "he_v2.aac"] {
        fs::copy(fixtures.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn decoder(record: &Record) -> &str {
    record.report.as_ref().map_or("", |report| report.audio.decoder.as_str())
}

#[test]
fn confined_lanes_decode_with_libav() {
    let folder = encoded("10");
    let mut command = analyze([folder.path()]);
    // Where the kernel has no Landlock, this says so.
    command.args(["--format", "ndjson"]).env("LANE_CONFINEMENT", "available");
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let records = records(&ended.stdout);
    assert_eq!(records.len(), ENCODED.len() + 3);
    for record in records {
        assert_eq!(record.end(), End::Ok, "{}: {:?}", record.path, record.detail);
        assert!(decoder(&record).starts_with("libavcodec-"), "{}: {}", record.path, decoder(&record));
    }
}

/// Numbers without a pattern, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// Damages a file: single bytes, its header, a missing end, a stretch of noise, a length that is absurd, or a stretch that comes
/// twice.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let len = bytes.len();
    let way = dice.below(6);
    for _ in 0..=dice.below(8) {
        let (early, any) = (4 + dice.below(400.min(len) - 4), 4 + dice.below(len - 4));
        match way {
            0 => bytes[any] = dice.below(256) as u8,
            1 => bytes[early] = [0, 255, 127, 128][dice.below(4)],
            2 => return bytes.truncate(8 + dice.below(len - 8)),
            3 => {
                let end = (any + dice.below(500)).min(len);
                bytes[any..end].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
            }
            4 => {
                let absurd = [0u32, u32::MAX, 0x7fff_ffff, 0xffff_ff7f][dice.below(4)].to_be_bytes();
                bytes[early..(early + 4).min(len)].copy_from_slice(&absurd[..4.min(len - early)]);
            }
            _ => {
                let again = bytes[any..(any + dice.below(4000)).min(len)].to_vec();
                drop(bytes.splice(any..any, again));
                return;
            }
        }
    }
}

/// So many damaged files; `LIBAV_MUTATED_FILES` sets another number.
const MUTATED: usize = 280;

/// No file ends the worker, and none its lane: what is damaged is corrupt, partial or, at times, still whole.
#[test]
fn damaged_files_cost_neither_worker_nor_lane() {
    let seeds = encoded("2");
    let folder = tempfile::tempdir().unwrap();
    let count = std::env::var("LIBAV_MUTATED_FILES").ok().map_or(MUTATED, |count| count.parse().unwrap());
    let seeds: Vec<_> = fs::read_dir(seeds.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut dice = Dice(20_261_130);
    for number in 0..count {
        let seed = &seeds[number % seeds.len()];
        let mut bytes = fs::read(seed).unwrap();
        mutate(&mut bytes, &mut dice);
        let name = format!("{number:05}.{}", seed.file_name().unwrap().to_string_lossy());
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut command = analyze([folder.path()]);
    command.args(["--format", "ndjson", "--quiet"]).env("ANALYSIS_MAX_WORKERS", "2");
    let ended = run(&mut command);
    assert!(matches!(ended.code, Some(0 | 1)), "{:?}: {}", ended.code, ended.stderr);
    let records = records(&ended.stdout);
    assert_eq!(records.len(), count);
    for record in records {
        let kind = match record.end() {
            End::Failed(kind) => Some(kind),
            _ => None,
        };
        let innocent = [FailureKind::Corrupt, FailureKind::Unsupported, FailureKind::TooLarge];
        assert!(
            kind.is_none_or(|kind| innocent.contains(&kind)),
            "{}: {kind:?} {:?}",
            record.path,
            record.detail
        );
    }
}
