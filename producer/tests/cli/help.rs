//! What `--help` teaches.

use crate::fleet::Fleet;

#[tokio::test]
async fn help_is_as_agreed() {
    let fleet = Fleet::new();
    let commands = [
        "",
        "enqueue",
        "watch",
        "results",
        "failures",
        "retry",
        "cancel",
        "purge",
        "batches",
        "status",
        "export",
        "topology",
        "completions",
        "man",
        "config",
    ];
    for command in commands {
        let args: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let output = fleet.run(&args).await;
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
        let name = if command.is_empty() { "producer" } else { command };
        insta::assert_snapshot!(format!("help_{name}"), output.stdout);
    }
}

#[tokio::test]
async fn nothing_and_nonsense_are_wrong_usage() {
    let fleet = Fleet::new();
    for args in [
        &[][..],
        &["enqueue"],
        &["frobnicate"],
        &["enqueue", "-0", "x"],
        &["enqueue", "x", "--on-full", "drop"],
        &["failures", "--kind", "bad_luck"],
        &["failures", "--format", "json"],
        &["failures", "--cursor", "x"],
        &["retry"],
        &["retry", "--cancelled"],
        &["retry", "--job", "x"],
        &["retry", "--kind", "io", "--watch"],
        &["cancel"],
        &["purge", "--yes", "--level", "urgent"],
        &["export", "last"],
        &["export", "last", "--format", "table"],
        &["topology"],
        &["completions", "tcsh"],
    ] {
        let output = fleet.run(args).await;
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{args:?}: {output:?}");
    }
}
