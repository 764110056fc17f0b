//! `producer enqueue`, as long as nothing is full.

use std::collections::BTreeSet;

use shared::job::{BatchId, Priority};

use crate::fleet::{Fleet, finish};

#[tokio::test]
async fn a_folder_becomes_a_batch_of_jobs() {
    let fleet = Fleet::new();
    for name in ["a/1.mp3", "a/2.FLAC", "b/3.ogg", "cover.jpg"] {
        fleet.file(name);
    }
    let output =
        fleet.run(&["enqueue", fleet.root(), "--label", "two albums", "--priority", "high", "--force"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let batch: BatchId = output.stdout.strip_suffix('\n').unwrap().parse().unwrap();
    let summary = format!("batch {batch}: 3 files (22 B) accepted at level high in 0s");
    assert!(output.stderr.starts_with(&summary), "{output:?}");
    assert!(output.stderr.ends_with(&format!("follow it: producer watch {batch}\n")), "{output:?}");

    let state = fleet.batch(output.stdout.trim()).await;
    assert_eq!(
        (state.label.as_str(), state.accepted, state.sealed, state.done()),
        ("two albums", 3, true, 0)
    );
    assert_eq!(fleet.depth("high").await, 3);
    let jobs = fleet.take("high", 10).await;
    let files: BTreeSet<String> = jobs.iter().map(|job| job.file.to_string()).collect();
    assert_eq!(files, ["music/a/1.mp3", "music/a/2.FLAC", "music/b/3.ogg"].map(String::from).into());
    let ids: BTreeSet<_> = jobs.iter().map(|job| job.job_id).collect();
    assert_eq!(ids.len(), 3);
    for job in jobs {
        assert_eq!((job.batch_id, job.priority, job.attempt, job.force), (batch, Priority(0), 0, true));
        assert!(job.submitted_at_ms >= state.created_ms);
    }
}

#[tokio::test]
async fn the_middle_level_is_the_default_and_others_are_named_by_the_settings() {
    let fleet = Fleet::new();
    let file = fleet.file("a.mp3");
    let file = file.to_str().unwrap();
    assert_eq!(fleet.run(&["enqueue", file]).await.code, 0);
    assert_eq!(fleet.depth("normal").await, 1);
    let output = fleet.run(&["enqueue", file, "--priority", "urgent"]).await;
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("unknown priority level 'urgent': expected one of high, normal, low"),
        "{output:?}"
    );
}

#[tokio::test]
async fn json_is_one_object_with_every_number() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    fleet.file("b.txt");
    let output = fleet.run(&["enqueue", fleet.root(), "/nonexistent.mp3", "--json"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    let numbers: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let wanted = [("files", 1), ("accepted", 1), ("bytes", 5), ("failed", 1), ("ignored", 1), ("skipped", 0)];
    for (name, value) in wanted {
        assert_eq!(numbers[name], value, "{name} in {numbers}");
    }
    assert_eq!((&numbers["priority"], &numbers["dry_run"]), (&"normal".into(), &false.into()));
    assert!(fleet.batch(numbers["batch_id"].as_str().unwrap()).await.sealed);
}

#[tokio::test]
async fn what_cannot_be_enqueued_is_named_and_the_rest_goes_on() {
    let fleet = Fleet::new();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("b.mp3"), "").unwrap();
    let outside = elsewhere.path().join("b.mp3").canonicalize().unwrap();
    std::os::unix::fs::symlink("nowhere", fleet.root.path().join("dangling.mp3")).unwrap();
    let (good, dangling) = (fleet.file("a.mp3"), fleet.root.path().join("dangling.mp3"));
    let gone = fleet.root.path().join("gone.mp3");
    let paths = [&outside, &dangling, &gone, &good].map(|path| path.to_str().unwrap());
    let output = fleet.run(&[&["enqueue"], &paths[..]].concat()).await;
    assert_eq!(output.code, 1, "{output:?}");
    let outside = format!("{} lies outside the media roots (music={}", paths[0], fleet.root());
    for text in
        [&outside, "dangling.mp3: No such file", "gone.mp3: No such file", "3 paths could not be enqueued"]
    {
        assert!(output.stderr.contains(text), "{text:?} in {output:?}");
    }
    let jobs = fleet.take("normal", 10).await;
    assert_eq!(jobs.iter().map(|job| job.file.to_string()).collect::<Vec<_>>(), ["music/a.mp3"]);
    assert_eq!(fleet.batch(output.stdout.trim()).await.accepted, 1);
}

#[tokio::test]
async fn a_folder_outside_the_roots_is_said_once() {
    let fleet = Fleet::new();
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["a.mp3", "b.mp3", "sub/c.mp3"] {
        let path = elsewhere.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let folder = elsewhere.path().canonicalize().unwrap().to_str().unwrap().to_owned();
    let output = fleet.run(&["enqueue", &folder]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(output.stderr.matches("lies outside the media roots").count(), 1, "{output:?}");
    assert!(output.stderr.starts_with(&format!("{folder} lies outside")), "{output:?}");
    assert!(output.stderr.contains(&format!(";NAME={folder}'")), "{output:?}");
    assert!(output.stderr.contains("3 paths could not be used"), "{output:?}");
}

#[tokio::test]
async fn an_empty_run_says_why_and_makes_no_batch() {
    let fleet = Fleet::new();
    for name in ["a.jpg", "b.jpg", "c.txt"] {
        fleet.file(name);
    }
    let output = fleet.run(&["enqueue", fleet.root()]).await;
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    let why = "3 other files ignored: 2 .jpg, 1 .txt (--all-files takes them too)";
    assert!(output.stderr.contains(&format!("no audio files under {}; {why}", fleet.root())), "{output:?}");
    assert!(fleet.store().batches(10).await.unwrap().is_empty());
    assert_eq!(fleet.run(&["enqueue", fleet.root(), "--all-files"]).await.code, 0);
    assert_eq!(fleet.depth("normal").await, 3);
}

#[tokio::test]
async fn a_list_names_files_by_lines_or_nul() {
    let fleet = Fleet::new();
    let (plain, odd) = (fleet.file("a.mp3"), fleet.file("b\nc.mp3"));
    let list = fleet.root.path().join("list");
    std::fs::write(&list, format!("{}\0{}\0", plain.display(), odd.display())).unwrap();
    let list = list.to_str().unwrap();
    let output = fleet.run(&["enqueue", "--files-from", list, "-0"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(fleet.take("normal", 10).await.len(), 2);
    std::fs::write(list, format!("{}\n", plain.display())).unwrap();
    let script = format!("exec {} enqueue --files-from - < '{list}'", env!("CARGO_BIN_EXE_producer"));
    let output = finish(in_shell(&fleet.command(&[]), &script)).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(fleet.take("normal", 10).await.len(), 1);
    let output = fleet.run(&["enqueue", "--files-from", "/nonexistent"]).await;
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("--files-from /nonexistent: No such file"), "{output:?}");
}

/// The same environment, another program.
fn in_shell(command: &tokio::process::Command, script: &str) -> tokio::process::Command {
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.args(["-c", script]).env_clear();
    for (name, value) in command.as_std().get_envs() {
        shell.env(name, value.unwrap());
    }
    shell
}

#[tokio::test]
async fn a_dry_run_prints_references_and_needs_no_server() {
    let fleet = Fleet::new();
    fleet.file("x/a.mp3");
    fleet.file("b.flac");
    fleet.file("c.jpg");
    let mut command = fleet.command(&["enqueue", "--dry-run", fleet.root()]);
    command.env("AMQP_URL", "amqp://127.0.0.1:1").env("REDIS_URL", "redis://127.0.0.1:1");
    let output = finish(command).await;
    assert_eq!((output.code, output.stdout.as_str()), (0, "music/b.flac\nmusic/x/a.mp3\n"), "{output:?}");
    assert_eq!(
        output.stderr,
        "would enqueue 2 files, 13 B\n1 other file ignored: 1 .jpg (--all-files takes them too)\n"
    );
}

#[tokio::test]
async fn watching_follows_at_once() {
    let fleet = Fleet::new();
    fleet.file("a.mp3");
    let mut running = fleet.start(&["enqueue", fleet.root(), "--watch"]);
    running.expect("0/1").await;
    let jobs = fleet.take("normal", 10).await;
    fleet.finish(jobs[0].batch_id, &[("a.mp3", shared::outcome::End::Ok, None)]).await;
    let output = running.end().await;
    assert_eq!((output.code, output.stdout.trim()), (0, jobs[0].batch_id.to_string().as_str()), "{output:?}");
    assert!(output.stderr.contains("is complete: 1 file in "), "{output:?}");
}

#[tokio::test]
async fn links_below_a_root_are_followed_and_those_that_leave_it_are_named() {
    use std::os::unix::fs::symlink;

    let fleet = Fleet::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path().canonicalize().unwrap().join("secret");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("s.mp3"), "").unwrap();
    for name in ["library/a.mp3", "disk2/b.mp3"] {
        fleet.file(name);
    }
    let library = fleet.root.path().join("library");
    symlink("../disk2", library.join("album")).unwrap();
    symlink("..", library.join("loop")).unwrap();
    symlink(&outside, library.join("out")).unwrap();
    symlink(outside.join("s.mp3"), library.join("s\u{1b}[2J.mp3")).unwrap();
    let library = library.to_str().unwrap();
    let output = fleet.run(&["enqueue", library]).await;
    assert_eq!(output.code, 1, "{output:?}");
    let leads_out = format!("out: a link that leads to {}, outside the media roots", outside.display());
    for text in [leads_out.as_str(), "s\\u{1b}[2J.mp3: a link that leads to", "2 paths could not be enqueued"]
    {
        assert!(output.stderr.contains(text), "{text:?} in {output:?}");
    }
    assert!(output.stderr.contains("1 link to what was found anyway"), "{output:?}");
    let mut files: Vec<_> = fleet.take("normal", 10).await.iter().map(|job| job.file.to_string()).collect();
    files.sort();
    assert_eq!(files, ["music/disk2/b.mp3", "music/library/a.mp3"], "by their names without links");
    let output = fleet.run(&["enqueue", library, "--no-follow", "--json"]).await;
    let numbers: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((output.code, &numbers["accepted"], &numbers["links"]), (0, &1.into(), &4.into()));
}
