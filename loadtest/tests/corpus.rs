//! `loadtest corpus` as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn corpus(arguments: &[&str], out: &Path) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("loadtest").unwrap();
    command.arg("corpus").args(arguments).arg("--out").arg(out).assert()
}

fn truth(folder: &Path) -> Vec<Value> {
    let truth: Value = serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    truth["files"].as_array().unwrap().clone()
}

fn paths(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(paths(&path)) } else { found.extend([path]) }
    }
    found
}

#[test]
fn the_same_seed_gives_the_same_files_however_many_jobs_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let (one, four) = (folder.path().join("one"), folder.path().join("four"));
    let common = ["--seed", "7", "--count", "6", "--seconds", "1", "--formats", "wav,aiff,aifc,caf"];
    corpus(&[&common[..], &["--jobs", "1"]].concat(), &one).success();
    corpus(&[&common[..], &["--jobs", "4"]].concat(), &four).success();
    assert_eq!(truth(&one), truth(&four));
    assert_eq!(truth(&one).len(), 24);
    for file in truth(&one) {
        let name = file["path"].as_str().unwrap();
        assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(four.join(name)).unwrap(), "{name}");
        assert_eq!(file["duration_seconds"], 1.0);
    }
}

#[test]
fn piece_n_of_a_seed_is_the_first_of_the_nth_next() {
    let folder = tempfile::tempdir().unwrap();
    let (many, single) = (folder.path().join("many"), folder.path().join("single"));
    corpus(&["--seed", "5", "--count", "3", "--seconds", "1"], &many).success();
    corpus(&["--seed", "7", "--count", "1", "--seconds", "1"], &single).success();
    assert_eq!(truth(&many)[2]["file_blake3"], truth(&single)[0]["file_blake3"]);
}

#[test]
fn wishes_are_granted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let wishes =
        ["--genre", "waltz", "--bpm", "91.5", "--key", "F# minor", "--swing", "0.6", "--humanise", "10"];
    corpus(
        &[&wishes[..], &["--count", "1", "--seconds", "2", "--rate", "8000", "--channels", "1"]].concat(),
        &out,
    )
    .success();
    let file = &truth(&out)[0];
    assert_eq!(file["bpm"], 91.5);
    assert_eq!(file["time_signature"], "3/4");
    assert_eq!((&file["key"]["tonic"], &file["key"]["mode"]), (&"F#".into(), &"minor".into()));
    assert_eq!((&file["swing"], &file["humanise_seconds"]), (&0.6.into(), &0.01.into()));
    assert_eq!((&file["sample_rate_hz"], &file["channels"]), (&8000.into(), &1.into()));
}

#[test]
fn files_of_a_size_are_distinct_and_of_that_size() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    corpus(&["--files", "1100", "--size", "1k", "--rate", "8000", "--channels", "1"], &out).success();
    let files = truth(&out);
    let hashes: BTreeSet<String> = files.iter().map(|f| f["source_blake3"].to_string()).collect();
    assert_eq!((files.len(), hashes.len()), (1100, 1100));
    assert!(out.join(files[1099]["path"].as_str().unwrap()).starts_with(out.join("0001")));
    for file in files {
        let size = fs::metadata(out.join(file["path"].as_str().unwrap())).unwrap().len();
        assert!((1021..=1024).contains(&size), "{file}: {size}");
    }
}

#[test]
fn copies_are_further_paths_to_the_same_audio() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    corpus(&["--count", "2", "--seconds", "0.5", "--copies", "3"], &out).success();
    // Two files, three more paths to each, and the truth.
    assert_eq!(paths(&out).len(), 2 + 6 + 1);
    for file in truth(&out) {
        let name = file["path"].as_str().unwrap();
        let copy = out.join("copies/0003").join(name);
        assert_eq!(fs::read(copy).unwrap(), fs::read(out.join(name)).unwrap());
    }
}

#[test]
fn without_ffmpeg_a_compressed_format_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("loadtest").unwrap();
    command.env("PATH", folder.path()).args(["corpus", "--formats", "flac", "--seconds", "0.5", "--out"]);
    let failed = command.arg(folder.path().join("out")).assert().code(1);
    let message = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
    for part in ["out/00000", ".flac", "ffmpeg", "apt install ffmpeg", "--formats wav"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let cases: [(&[&str], &str); 7] = [
        (&["--size", "50"], "at least"),
        (&["--seconds", "0"], "0.01"),
        (&["--key", "H dorian"], "F# minor"),
        (&["--bits", "20"], "16 or 24"),
        (&["--seconds", "3", "--size", "1k"], "cannot be used with"),
        (&["--formats", "wma"], "flac"),
        (&["--formats", "wav,mp3", "--rate", "96000"], "mp3 has no sample rate of 96000 Hz"),
    ];
    for (arguments, part) in cases {
        let failed = corpus(arguments, &out).code(2);
        let message = String::from_utf8_lossy(&failed.get_output().stderr).into_owned();
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    corpus(&[], Path::new(env!("CARGO_MANIFEST_DIR"))).code(2);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let failed = corpus(&["--count", "1", "--seconds", "0.5"], &file.join("out")).code(1);
    assert!(String::from_utf8_lossy(&failed.get_output().stderr).contains("file/out"));
}
