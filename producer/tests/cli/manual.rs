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

/// What bash offers for a line that ends in these words. `producer` is the program, and its batches are asked of a stand-in, so that
/// no server is needed.
fn offered(words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("producer.bash");
    fs::write(&script, producer(&["completions", "bash"]).stdout).unwrap();
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let test = format!(
        "producer() {{ [ \"$*\" = 'batches --ids' ] && echo 01890a5d-ac96; }}\n. {}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n\
         _producer_with_batches producer \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\necho \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.join(" "),
        words.len() - 1,
    );
    let output = Command::new("bash").arg("-c").arg(test).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_know_values_and_batches() {
    for (words, offers) in [
        (&["producer", "results", "last", "--format", ""][..], &["table", "ndjson", "csv", "json"][..]),
        (&["producer", "export", "last", "--format", "m"], &["m3u"]),
        (&["producer", "failures", "--kind", "root"], &["root_unavailable"]),
        (&["producer", "enqueue", "--priority", ""], &["high", "normal", "low"]),
        (&["producer", "results", "last", "--without", "wave"], &["waveform"]),
        (&["producer", "watch", ""], &["last", "01890a5d-ac96"]),
        (&["producer", "cancel", "018"], &["01890a5d-ac96"]),
    ] {
        let offered = offered(words);
        for offer in offers {
            assert!(offered.split_whitespace().any(|word| word == *offer), "{words:?}: {offered}");
        }
    }
    let zsh = String::from_utf8(producer(&["completions", "zsh"]).stdout).unwrap();
    assert!(zsh.matches(":_producer_batches'").count() >= 6, "{zsh}");
    let fish = String::from_utf8(producer(&["completions", "fish"]).stdout).unwrap();
    assert!(fish.contains("producer batches --ids"), "{fish}");
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
