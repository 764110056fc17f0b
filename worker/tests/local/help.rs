//! What the program says of itself.

use crate::harness::{run, worker};

fn said(args: &[&str]) -> String {
    let ended = run(&mut worker(args));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
    ended.stdout
}

#[test]
fn help() {
    insta::assert_snapshot!("help", said(&["--help"]));
    insta::assert_snapshot!("help_analyze", said(&["analyze", "--help"]));
    insta::assert_snapshot!("help_run", said(&["run", "--help"]));
}

#[test]
fn completions_manual_pages_and_the_version() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completions", shell]);
        assert!(script.contains("analyze") && script.contains("files-from"), "{shell}");
        assert!(!script.contains(" lane "), "the hidden command is offered in {shell}");
        // Values are known, too.
        let knows = |word: &str| script.contains(word) || matches!(shell, "elvish" | "powershell");
        assert!(knows("ndjson") && knows("fingerprint"), "{shell}: {script}");
    }
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("man1");
    said(&["man", to.to_str().unwrap()]);
    let page = |name: &str| std::fs::read_to_string(to.join(name)).unwrap();
    assert!(page("worker.1").contains("worker\\-analyze"), "{}", page("worker.1"));
    assert!(page("worker-analyze.1").contains("\\-\\-files\\-from"), "{}", page("worker-analyze.1"));
    assert_eq!(said(&["--version"]), format!("worker {}\n", shared::VERSION));
}

#[test]
fn settings_as_they_are_without_any() {
    let processes = [(r"\S+-\d+ +default  Name of", "HOST-PID default  Name of")];
    insta::with_settings!({filters => processes}, {
        insta::assert_snapshot!("config", said(&["config"]));
    });
}

#[test]
fn settings_as_json() {
    let rows: serde_json::Value = serde_json::from_str(&said(&["config", "--json"])).unwrap();
    assert!(rows.to_string().contains("ANALYSIS_TIMEOUT"), "{rows}");
}

#[test]
fn a_rehearsal_is_warned_of() {
    let ended = run(worker(["config"]).env("ANALYSIS_REHEARSAL", "5ms"));
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("ANALYSIS_REHEARSAL") && ended.stdout.contains("5ms"), "{}", ended.stdout);
    assert!(ended.stderr.starts_with("WARN ANALYSIS_REHEARSAL is set"), "{}", ended.stderr);
}

#[test]
fn wrong_settings_are_all_named() {
    let mut command = worker(["config"]);
    command.env("ANALYSIS_TIMEOUT", "soon").env("CACHE_SIZE_MB", "much").env("ANALYSIS_TIMEOTU", "3s");
    let ended = run(&mut command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""));
    for words in ["ANALYSIS_TIMEOUT", "soon", "CACHE_SIZE_MB", "much"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[test]
fn a_wrong_command_line_is_explained() {
    let cases: [(&[&str], &str); 5] = [
        (&["analyze"], "Usage: worker analyze"),
        (&["analyse"], "analyze"),
        (&["analyze", "--format", "xml", "a"], "xml"),
        (&["analyze", "-", "a.mp3"], "cannot be mixed"),
        (&["analyze", "--files-from", "nowhere.txt"], "nowhere.txt: No such file"),
    ];
    for (args, words) in cases {
        let ended = run(&mut worker(args));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
    }
}
