//! `producer watch`.

use std::process::Stdio;

use shared::job::BatchId;
use shared::outcome::{End, FailureKind, NotApplicable};
use shared::store::SentRetry;

use crate::fleet::{Fleet, LIMIT};
use crate::proxy::Proxy;

async fn open_batch(fleet: &Fleet) -> BatchId {
    let batch = BatchId::new();
    fleet.store().create_batch(batch, "test", 1_700_000_000_000).await.unwrap();
    batch
}

#[tokio::test]
async fn a_batch_is_followed_to_its_end_and_failures_are_named() {
    let fleet = Fleet::new();
    let batch = open_batch(&fleet).await;
    let mut running = fleet.start(&["watch", &batch.to_string()]);
    running.expect("0/0+ (still being enqueued)").await;
    let ends: Vec<(String, End, Option<&str>)> = (0..25)
        .map(|n| (format!("{n:02}.mp3"), End::Failed(FailureKind::Corrupt), Some("no frames\u{1b}[2J")))
        .chain([
            ("ok.mp3".into(), End::Ok, None),
            ("silent.wav".into(), End::NotApplicable(NotApplicable::Silence), None),
        ])
        .collect();
    let ends: Vec<_> = ends.iter().map(|(path, end, detail)| (path.as_str(), *end, *detail)).collect();
    fleet.store().count_accepted(batch, 27).await.unwrap();
    fleet.finish(batch, &ends).await;
    // Everything is done, and yet it waits: only the producer knows that no more will come.
    let line = running.expect("27/27+ (still being enqueued)").await;
    assert!(line.contains(" · failed 25: corrupt 25"), "{line}");
    fleet.store().seal_batch(batch, 27).await.unwrap();
    let output = running.end().await;
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    let summary = format!("batch {batch} (test) is complete: 27 files in ");
    assert!(output.stderr.contains(&summary), "{output:?}");
    assert!(
        output.stderr.contains("  ok 1 · not applicable 1: silence 1 · failed 25: corrupt 25\n"),
        "{output:?}"
    );
    assert!(output.stderr.contains("  music/00.mp3  corrupt: no frames\\u{1b}[2J\n"), "{output:?}");
    assert!(output.stderr.contains("19.mp3") && !output.stderr.contains("20.mp3"), "{output:?}");
    let all = format!(
        "… and 5 more; all of them: producer failures {batch}; to try them again: producer retry {batch}\n"
    );
    assert!(output.stderr.ends_with(&all), "{output:?}");
}

#[tokio::test]
async fn a_batch_without_failures_ends_with_0() {
    let fleet = Fleet::new();
    let batch = open_batch(&fleet).await;
    fleet.finish(batch, &[("a.mp3", End::Ok, None), ("b.mp3", End::Partial, Some("1 s missing"))]).await;
    fleet.store().seal_batch(batch, 2).await.unwrap();
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    // It was over before: nobody here knows how long it took.
    assert!(output.stderr.contains("is complete: 2 files\n  ok 1 · partial 1\n"), "{output:?}");
}

#[tokio::test]
async fn redis_may_go_away_and_come_back() {
    let mut fleet = Fleet::new();
    let batch = open_batch(&fleet).await;
    fleet.store().seal_batch(batch, 1).await.unwrap();
    let direct = fleet.store();
    let (proxy, url) = Proxy::before(&fleet.redis_url).await;
    fleet.redis_url = url;
    let mut running = fleet.start(&["watch", &batch.to_string()]);
    running.expect("0/1").await;
    proxy.unplug();
    let line = running.expect("waiting for it").await;
    assert!(line.contains(&format!("Redis at redis://{}", proxy.address())), "{line}");
    proxy.plug();
    running.expect("Redis is back").await;
    fleet.finish(batch, &[("a.mp3", End::Ok, None)]).await;
    assert!(direct.batch(batch).await.unwrap().unwrap().is_complete());
    assert_eq!(running.end().await.code, 0);
}

#[tokio::test]
async fn an_interrupt_says_that_the_work_goes_on() {
    let fleet = Fleet::new();
    let batch = open_batch(&fleet).await;
    let mut running = fleet.start(&["watch", &batch.to_string()]);
    running.expect("0/0+").await;
    running.signal("INT");
    let output = running.end().await;
    assert_eq!(output.code, 130, "{output:?}");
    assert!(output.stderr.contains("the work goes on. Go on watching: producer watch"), "{output:?}");
}

#[tokio::test]
async fn batches_are_found_by_id_beginning_or_last() {
    let fleet = Fleet::new();
    let output = fleet.run(&["watch", "last"]).await;
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (1, "error: there is no batch yet: `producer batches` lists them\n")
    );
    let ids = [
        "01890a5d-ac96-774b-bcce-b302099a8001",
        "01890a5d-ac96-774b-bcce-b302099a8002",
        "0abc0000-0000-7000-8000-000000000000",
    ];
    for (time, id) in ids.iter().enumerate() {
        let batch = id.parse().unwrap();
        fleet.store().create_batch(batch, "test", time as i64).await.unwrap();
        fleet.finish(batch, &[("a.mp3", End::Ok, None)]).await;
        fleet.store().seal_batch(batch, 1).await.unwrap();
    }
    for (name, id) in
        [(ids[0], ids[0]), ("0ABC", ids[2]), ("01890a5dac96774bbcceb302099a8002", ids[1]), ("last", ids[2])]
    {
        let output = fleet.run(&["watch", name]).await;
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.stderr.contains(&format!("batch {id} (test) is complete")), "{name}: {output:?}");
    }
    let output = fleet.run(&["watch", "0189"]).await;
    let wanted =
        format!("error: 2 batches begin with '0189', the newest first:\n  {}\n  {}\n", ids[1], ids[0]);
    assert_eq!((output.code, output.stderr), (1, wanted));
    for unknown in ["ffff", "01890a5d-ac96-774b-bcce-b302099a8009"] {
        let output = fleet.run(&["watch", unknown]).await;
        assert_eq!(output.code, 1);
        assert!(output.stderr.contains("`producer batches` lists them"), "{output:?}");
    }
}

/// Whether a process has a handler for this signal (proc_pid_status(5)).
fn handles(pid: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (signal - 1)) != 0
}

#[tokio::test]
async fn a_reader_that_has_stopped_reading_keeps_nobody_from_ending() {
    const HANGUP: u32 = 1;
    let fleet = Fleet::new();
    let batch = open_batch(&fleet).await;
    for signal in ["TERM", "HUP"] {
        let (sender, _unread) = tokio::net::unix::pipe::pipe().unwrap();
        while sender.try_write(&[b'x'; 4096]).is_ok() {}
        // The tests themselves may run under nohup.
        let program = fleet.command(&[]);
        let mut command = tokio::process::Command::new("/usr/bin/env");
        command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_producer"), "watch", &batch.to_string()]);
        command
            .env_clear()
            .envs(program.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(sender.into_blocking_fd().unwrap());
        let mut child = command.spawn().unwrap();
        let pid = child.id().unwrap();
        tokio::time::timeout(LIMIT, async {
            while !handles(pid, HANGUP) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await
        .expect("it listens for signals");
        let kill = std::process::Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status();
        assert!(kill.unwrap().success());
        let status = tokio::time::timeout(LIMIT, child.wait()).await.expect("it ends").unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
    }
}

#[tokio::test]
async fn jobs_that_wait_for_a_retry_are_told_of_with_the_cause() {
    let fleet = Fleet::new();
    let batch = open_batch(&fleet).await;
    let store = fleet.store();
    store.seal_batch(batch, 2).await.unwrap();
    let retry = |job| SentRetry { job, delay: std::time::Duration::from_secs(60) };
    let jobs = [fleet.job(batch, "a.mp3"), fleet.job(batch, "b.mp3")];
    // Those of another batch are not counted.
    let other = fleet.job(BatchId::new(), "c.mp3");
    let sent: Vec<SentRetry> = jobs.iter().cloned().chain([other]).map(retry).collect();
    store.note_retries(&sent, &[]).await.unwrap();
    let cause = "no media root 'other' is configured on this worker".to_owned();
    store.note_retry_causes(batch, &[("root_unavailable", cause)].into()).await.unwrap();
    let mut running = fleet.start(&["watch", &batch.to_string()]);
    running
        .expect(
            "jobs wait for a retry: root_unavailable (no media root 'other' is configured on this worker)",
        )
        .await;
    running.expect("0/2 · 2 wait for a retry").await;
    let ids: Vec<_> = jobs.iter().map(|job| job.job_id).collect();
    store.note_retries(&[], &ids).await.unwrap();
    assert_eq!(fleet.end(&jobs, End::Ok).await, 2);
    assert_eq!(running.end().await.code, 0);
    // A batch that is not there is not made by a note.
    let gone = BatchId::new();
    store.note_retry_causes(gone, &[("io", String::new())].into()).await.unwrap();
    assert!(store.batch(gone).await.unwrap().is_none());
}
