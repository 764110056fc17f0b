//! What a person sees on a terminal.

use std::process::Stdio;

use shared::outcome::{End, FailureKind};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::fleet::{Fleet, LIMIT};
use crate::pty::Terminal;

/// Reads on a thread of its own: a terminal has no reader that could be waited for otherwise.
async fn read_until(mut terminal: Terminal, texts: &'static [&'static str]) -> (Terminal, String) {
    let reading = spawn_blocking(move || {
        let seen = terminal.read_until(texts);
        (terminal, seen)
    });
    timeout(LIMIT, reading).await.unwrap_or_else(|_| panic!("{texts:?} does not come")).unwrap()
}

/// What indicatif begins a line with that it draws in the place of another.
const DRAWN: &str = "\r\u{1b}[2K";

#[tokio::test]
async fn enqueue_with_watch_draws_the_progress_to_the_end() {
    let fleet = Fleet::new();
    fleet.files(2);
    let terminal = Terminal::new(100);
    let mut command = fleet.command(&["enqueue", fleet.root(), "--watch"]);
    let mut child =
        command.env("TERM", "xterm").stdout(Stdio::null()).stderr(terminal.stdio()).spawn().unwrap();
    drop(command);
    let (terminal, _) = read_until(terminal, &["accepted at level normal"]).await;
    // The bar of the jobs was taken off the screen, and that of the files comes in its place.
    let (terminal, seen) = read_until(terminal, &[" 0/2"]).await;
    assert!(seen.contains(DRAWN) && !seen.contains("follow it"), "{seen:?}");
    let jobs = fleet.take("normal", 2).await;
    assert_eq!(fleet.end(&jobs[..1], End::Ok).await, 1);
    let (terminal, _) = read_until(terminal, &[" 1/2"]).await;
    assert_eq!(fleet.end(&jobs[1..], End::Ok).await, 1);
    let rest = spawn_blocking(move || terminal.read_to_end()).await.unwrap();
    assert_eq!(timeout(LIMIT, child.wait()).await.unwrap().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains("is complete: 2 files"), "{rest}");
}

#[tokio::test]
async fn retry_with_watch_draws_the_progress_to_the_end() {
    let fleet = Fleet::new();
    let (batch, _) = fleet.failed(FailureKind::Timeout, &["a.mp3"]).await;
    let terminal = Terminal::new(100);
    let batch = batch.to_string();
    let mut command = fleet.command(&["retry", &batch, "--watch"]);
    let mut child =
        command.env("TERM", "xterm").stdout(Stdio::null()).stderr(terminal.stdio()).spawn().unwrap();
    drop(command);
    let (terminal, seen) = read_until(terminal, &[" 0/1"]).await;
    assert!(seen.contains(DRAWN), "{seen:?}");
    let jobs = fleet.take("normal", 1).await;
    assert_eq!(fleet.end(&jobs, End::Ok).await, 1);
    let rest = spawn_blocking(move || terminal.read_to_end()).await.unwrap();
    assert_eq!(timeout(LIMIT, child.wait()).await.unwrap().unwrap().code(), Some(0), "{rest}");
}

#[tokio::test]
async fn results_and_failures_fit_the_terminal() {
    let fleet = Fleet::new();
    let (batch, _) = fleet
        .failed(
            FailureKind::Corrupt,
            &["b/a name that is longer than what a narrow terminal has for it.mp3", "a.mp3"],
        )
        .await;
    for (command, width) in [
        ("results", 60),
        ("results", 80),
        ("results", 120),
        ("failures", 60),
        ("failures", 80),
        ("failures", 200),
    ] {
        let terminal = Terminal::new(width);
        let batch = batch.to_string();
        let mut command = fleet.command(&[command, &batch]);
        command.env("NO_COLOR", "1").env_remove("COLUMNS");
        let status = command.stdout(terminal.stdio()).stderr(Stdio::null()).status().await.unwrap();
        drop(command);
        let text = spawn_blocking(move || terminal.read_to_end()).await.unwrap();
        assert!(status.success(), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= width.into()), "{text}");
        let starts: Vec<&str> = lines.iter().map(|line| line.split(['.', ' ']).next().unwrap()).collect();
        assert_eq!(starts.first(), Some(&"FILE"), "{text}");
        assert!(starts.contains(&"music/") && starts.contains(&"music/b/"), "{text}");
        assert!(text.contains("corrupt"), "{text}");
    }
}
