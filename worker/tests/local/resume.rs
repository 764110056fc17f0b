//! `--out`: a run that goes on where an earlier one stopped.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use shared::record::Record;
use tempfile::TempDir;

use crate::harness::{analyze, folder, many, put, records, run};

const FILES: [(&str, &str); 4] = [
    ("house.wav", "music/a.wav"),
    ("bad/silence.wav", "music/b.wav"),
    ("bad/text_named.mp3", "music/c.mp3"),
    ("bad/flac_named.mp3", "music/d.flac"),
];

fn into(folder: &TempDir, out: &Path) -> Command {
    let mut command = analyze([folder.path().join("music")]);
    command.arg("--out").arg(out);
    command
}

fn first_run() -> (TempDir, PathBuf, Vec<Record>) {
    let folder = folder(&FILES);
    let out = folder.path().join("results.ndjson");
    let ended = run(&mut into(&folder, &out));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    let records = lines(&out);
    assert_eq!(records.len(), FILES.len());
    (folder, out, records)
}

fn lines(out: &Path) -> Vec<Record> {
    records(&fs::read_to_string(out).unwrap())
}

#[test]
fn a_second_run_analyses_nothing() {
    let (folder, out, _) = first_run();
    let before = fs::read(&out).unwrap();
    let ended = run(&mut into(&folder, &out));
    // One of them has failed, now as before.
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let said = "nothing left to do\n4 files unchanged since the earlier run, not analysed again (1 of them failed then, and \
                would again)\n";
    assert!(ended.stderr.starts_with(said), "{}", ended.stderr);
    assert_eq!(fs::read(&out).unwrap(), before);
}

const RESUMABLE: [&str; 4] = ["results.ndjson", "results.csv", "results.json", "list.m3u8"];

#[test]
fn every_format_is_gone_on_with_and_named_by_the_file() {
    for name in RESUMABLE {
        let folder = folder(&FILES);
        let out = folder.path().join(name);
        let first = run(&mut into(&folder, &out));
        assert_eq!((first.code, first.stdout.as_str()), (Some(1), ""), "{name}: {}", first.stderr);
        assert!(first.stderr.contains(&format!("results: {}", out.display())), "{}", first.stderr);
        let before = fs::read_to_string(&out).unwrap();
        let second = run(&mut into(&folder, &out));
        assert!(
            second.stderr.starts_with("nothing left to do\n4 files unchanged"),
            "{name}: {}",
            second.stderr
        );
        assert_eq!((second.code, fs::read_to_string(&out).unwrap()), (Some(1), before.clone()), "{name}");
        put("waltz.flac", &folder.path().join("music/new.flac"));
        let third = run(&mut into(&folder, &out));
        assert!(third.stderr.starts_with("1 file in "), "{name}: {}", third.stderr);
        let after = fs::read_to_string(&out).unwrap();
        assert_eq!(documents(&after, name), [documents(&before, name), vec!["new.flac".to_owned()]].concat());
    }
}

/// The files that a whole document has.
fn documents(text: &str, name: &str) -> Vec<String> {
    let records: Vec<Record> = match name.rsplit_once('.').unwrap().1 {
        "ndjson" => records(text),
        "json" => serde_json::from_str(text).unwrap(),
        "csv" => {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            return reader.records().map(|row| file_name(&row.unwrap()[0])).collect();
        }
        _ => {
            assert_eq!(text.matches("#EXTM3U").count(), 1, "{text}");
            let tracks = text.lines().filter(|line| !line.starts_with('#'));
            return tracks.map(file_name).collect();
        }
    };
    records.iter().map(|record| file_name(&record.path)).collect()
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn a_changed_file_and_a_new_one_are_analysed() {
    let (folder, out, first) = first_run();
    put("bad/flac_named.mp3", &folder.path().join("music/b.wav"));
    put("bad/silence.flac", &folder.path().join("music/new.flac"));
    let ended = run(&mut into(&folder, &out));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("3 files unchanged"), "{}", ended.stderr);
    let all = lines(&out);
    assert_eq!(all[..4], first);
    let added: Vec<(bool, &str)> =
        all[4..].iter().map(|record| (record.path.ends_with("b.wav"), record.outcome.code())).collect();
    assert_eq!(added, [(true, "ok"), (false, "not_applicable")]);
}

#[test]
fn other_features_are_other_results() {
    let (folder, out, _) = first_run();
    let ended = run(into(&folder, &out).env("ANALYSIS_FEATURES", "loudness"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(lines(&out).len(), 8);
}

#[test]
fn a_line_that_a_crash_cut_off_is_made_again() {
    let (folder, out, first) = first_run();
    let whole = fs::read(&out).unwrap();
    // Within the last line, right before its end, and just after the end of the line before.
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in [whole.len() - 20, whole.len() - 1, last + 1] {
        fs::write(&out, &whole[..cut]).unwrap();
        let ended = run(&mut into(&folder, &out));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("3 files unchanged"), "{}", ended.stderr);
        let again = lines(&out);
        assert_eq!(again[..3], first[..3]);
        assert_eq!((again.len(), &again[3].path), (4, &first[3].path));
    }
}

#[test]
fn a_file_of_another_kind_is_refused_untouched() {
    let folder = folder(&FILES);
    let foreign: [&[u8]; 6] = [
        b"dear diary\nit rains\n",
        b"dear diary",
        b"{\"title\": \"no record\"}\n",
        b"{\"title\": \"no record\"}",
        b"\xff\xfb\x90\x00 an mp3",
        b"\n",
    ];
    for content in foreign {
        let out = folder.path().join("mine");
        fs::write(&out, content).unwrap();
        let ended = run(&mut into(&folder, &out));
        let shown = String::from_utf8_lossy(content);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{shown:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("mine") && ended.stderr.contains("line 1"),
            "{shown:?}: {}",
            ended.stderr
        );
        assert_eq!(fs::read(&out).unwrap(), content, "{shown:?}");
    }
}

#[test]
fn a_foreign_file_is_refused_in_every_format() {
    let folder = folder(&FILES);
    let foreign: [(&str, &[u8]); 6] = [
        ("a.csv", b"artist,title\na,b\n"),
        ("b.csv", b"dear diary"),
        ("c.json", b"[{\"path\": \"x\"}]\n"),
        ("d.json", b"[\n{\"title\": \"no record\"}\n]\n"),
        ("e.m3u", b"#EXTM3U\n#EXTINF:1,A\n/a.mp3\n#EXTINF:1,B\n/b.mp3\n"),
        ("f.m3u8", b"/a.mp3\n"),
    ];
    for (name, content) in foreign {
        let out = folder.path().join(name);
        fs::write(&out, content).unwrap();
        let ended = run(&mut into(&folder, &out));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{name}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(name) && ended.stderr.contains("nothing was changed"),
            "{}",
            ended.stderr
        );
        assert_eq!(fs::read(&out).unwrap(), content, "{name}");
    }
}

#[test]
fn a_table_never_overwrites() {
    let folder = folder(&FILES);
    let out = folder.path().join("results.txt");
    assert_eq!(run(&mut into(&folder, &out)).code, Some(1));
    let before = fs::read_to_string(&out).unwrap();
    assert!(before.starts_with("OUTCOME") && before.lines().count() == 5, "{before}");
    let ended = run(&mut into(&folder, &out));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("it is there already, and a table does not say enough"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), before);
}

#[test]
fn a_pipe_is_written_and_not_read() {
    let folder = folder(&FILES);
    let ended = run(&mut into(&folder, Path::new("/dev/stdout")));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(records(&ended.stdout).len(), FILES.len());
}

#[test]
fn two_runs_do_not_write_one_file() {
    let folder = folder(&FILES);
    let out = folder.path().join("results.ndjson");
    let held = File::create(&out).unwrap();
    held.lock().unwrap();
    let ended = run(&mut into(&folder, &out));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("another run"), "{}", ended.stderr);
    assert_eq!(fs::metadata(&out).unwrap().len(), 0);
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    for (name, half) in
        RESUMABLE.into_iter().zip(["{\"path\":\"/mus", "\"/mus", ",\n{\"path\":\"/mus", "#EXTINF:0,a\n/mus"])
    {
        let folder = many(600);
        let out = folder.path().join(name);
        let command = || {
            let mut command = analyze([folder.path()]);
            command.arg("--out").arg(&out);
            // Two at a time: ends may wait for their turn when it is killed.
            command.env("ANALYSIS_MAX_WORKERS", "2");
            command
        };
        let mut child = command().spawn().unwrap();
        // Results come as files end, not at the end of all.
        let written =
            || fs::read(&out).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
        while written() < 50 {
            assert_eq!(child.try_wait().unwrap(), None, "{name}: it was too fast for this test");
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        // As if in the middle of a record.
        File::options().append(true).open(&out).unwrap().write_all(half.as_bytes()).unwrap();
        let ended = run(&mut command());
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let text = fs::read_to_string(&out).unwrap();
        if name.ends_with("m3u8") {
            // Too short for tracks; each has left its mark.
            assert_eq!((documents(&text, name).len(), text.matches("#ANALYSED:").count()), (0, 600));
            continue;
        }
        let mut paths = documents(&text, name);
        assert_eq!(paths.len(), 600, "{name}");
        assert!(paths.is_sorted(), "{name}: in the order of the folder, across both runs");
        paths.dedup();
        assert_eq!(paths.len(), 600, "{name}: each once");
    }
}
