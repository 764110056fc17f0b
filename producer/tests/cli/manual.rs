//! Completions, manual pages and the version: what needs neither servers nor settings.

use std::fs;
use std::process::Command;

fn producer(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_producer")).args(args).env_clear().output().unwrap()
}

#[test]
fn completions_name_the_commands_and_are_valid() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = producer(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["enqueue", "topology", "export", "on-full"] {
            assert!(script.contains(word), "{word} in {shell}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("producer.bash");
    fs::write(&file, producer(&["completions", "bash"]).stdout).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&file).status().unwrap().success());
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("man/man1");
    let output = producer(&["man", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for (page, words) in [
        ("producer.1", &["AMQP_URL", "producer\\-enqueue"][..]),
        ("producer-enqueue.1", &["\\-\\-on\\-full", "a queue is full"]),
        ("producer-topology-check.1", &["\\-\\-json"]),
    ] {
        let text = fs::read_to_string(to.join(page)).unwrap();
        assert!(text.contains(".TH "), "{page}");
        for word in words {
            assert!(text.contains(word), "{word} in {page}:\n{text}");
        }
    }
    let taken = folder.path().join("file");
    fs::write(&taken, "").unwrap();
    let output = producer(&["man", taken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(taken.to_str().unwrap()), "{output:?}");
}

#[test]
fn the_version_has_the_commit_that_the_build_was_told() {
    let output = producer(&["--version"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("producer {}\n", shared::VERSION));
    assert!(shared::VERSION.starts_with(env!("CARGO_PKG_VERSION")));
}
