use super::bad::{BAD, BadTruth};
use super::table::SAMPLES;
use super::*;
use crate::corpus::mix::tests::hearing::{heard_key, periodicity};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn truth_of<T: serde::de::DeserializeOwned>(folder: &Path) -> T {
    serde_json::from_slice(&fs::read(folder.join(truth::FILE_NAME)).unwrap()).unwrap()
}

fn hash(path: &Path) -> String {
    blake3::hash(&fs::read(path).unwrap()).to_hex().to_string()
}

/// Names of the files in a folder, without its truth.
fn files_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|e| e.file_type().unwrap().is_file());
    files.map(|e| e.file_name().into_string().unwrap()).filter(|name| name != truth::FILE_NAME).collect()
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

#[test]
fn the_committed_truth_is_that_of_the_generator_and_of_the_files() {
    let truth: Truth = truth_of(&folder());
    assert_eq!(truth.files.len(), SAMPLES.len());
    for (sample, committed) in SAMPLES.iter().zip(&truth.files) {
        let file = fs::read(folder().join(sample.file_name())).unwrap();
        let piece = sample.piece();
        let pcm = render(&piece, sample.layout);
        let mut expected = FileTruth::new(sample.file_name(), &piece, sample.format, &pcm, &file);
        // Measured by ffmpeg, which not every machine has.
        (expected.integrated_lufs, expected.true_peak_dbtp) =
            (committed.integrated_lufs, committed.true_peak_dbtp);
        assert_eq!(&expected, committed);
        assert_eq!(piece.key.to_string(), sample.key);
        let loudness = committed.integrated_lufs.unwrap();
        assert!((-30.0..-5.0).contains(&loudness), "{loudness}");
        assert!((-8.0..0.0).contains(&committed.true_peak_dbtp.unwrap()));
        if sample.format.is_ours() {
            assert!(sample.format.bytes(&pcm, &truth::tags(&piece)) == file, "{} differs", sample.name);
        }
    }
    assert_eq!(truth, Truth::new(truth.files.clone()));
}

#[test]
fn files_and_truths_name_each_other() {
    let truth: Truth = truth_of(&folder());
    assert_eq!(files_in(&folder()), names(truth.files.iter().map(|f| f.path.as_str())));
    let bad: BadTruth = truth_of(&folder().join("bad"));
    assert_eq!(files_in(&folder().join("bad")), names(bad.files.iter().map(|f| f.path.as_str())));
    assert_eq!(names(BAD.iter().map(|b| b.name)), names(bad.files.iter().map(|f| f.path.as_str())));
    for file in &bad.files {
        assert_eq!(hash(&folder().join("bad").join(&file.path)), file.file_blake3, "{}", file.path);
    }
}

#[test]
fn bad_files_made_without_ffmpeg_are_made_the_same_again() {
    let mut compared = 0;
    for bad in BAD {
        if let Some(bytes) = bad.own_bytes() {
            assert!(fs::read(folder().join("bad").join(bad.name)).unwrap() == bytes, "{} differs", bad.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 7);
}

#[test]
fn the_outcomes_are_those_of_a_report() {
    const OUTCOMES: [&str; 4] = ["ok", "partial", "not_applicable", "failed"];
    let bad: BadTruth = truth_of(&folder().join("bad"));
    for file in bad.files {
        assert!(!file.accept.is_empty() && !file.why.is_empty(), "{}", file.path);
        for end in file.accept {
            assert!(OUTCOMES.contains(&end.outcome.as_str()), "{}", file.path);
            let kind = end.kind.as_deref();
            assert!(matches!(kind, None | Some("unsupported" | "corrupt")), "{}", file.path);
            assert_eq!(end.outcome == "failed", end.kind.is_some(), "{}", file.path);
        }
    }
}

#[test]
fn all_of_it_stays_below_three_megabytes() {
    let size = |folder: PathBuf| -> u64 {
        fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().metadata().unwrap())
            .filter(fs::Metadata::is_file)
            .map(|m| m.len())
            .sum()
    };
    let total = size(folder()) + size(folder().join("bad"));
    assert!(total < 3_000_000, "{total}");
}

#[test]
fn tempo_and_key_of_every_sample_are_there_to_be_heard() {
    for sample in SAMPLES {
        let piece = sample.piece();
        let pcm = render(&piece, sample.layout);
        assert_eq!(heard_key(&pcm), piece.key, "{}", sample.name);
        let beats = periodicity(&pcm, 0.3, 1.1) / piece.beat();
        // Drum and bass, rock and waltz repeat every second beat rather than every one.
        let pulse = [1.0, 2.0].iter().any(|multiple| (beats / multiple - 1.0).abs() < 0.01);
        assert!(pulse, "{}: {beats} beats", sample.name);
    }
}
