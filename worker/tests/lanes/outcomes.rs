//! What a request ends as.

use anyhow::{Context, ensure};
use rustix::process::{Signal, kill_process};
use shared::outcome::FailureKind;
use worker::lanes::{Identified, Lane, RequestError, RestartCause};

use crate::confinement::confined;
use crate::support::{TIMEOUT, acquire, below, raw, start, target};

fn failed(end: Result<Identified, RequestError>) -> anyhow::Result<(FailureKind, String)> {
    match end {
        Err(RequestError::Failed(failure)) => Ok((failure.kind, failure.detail)),
        other => anyhow::bail!("no failure: {other:?}"),
    }
}

async fn expect(lane: &mut Lane, name: &str, kind: FailureKind, words: &str) -> anyhow::Result<()> {
    let (found, detail) = failed(lane.identify(&target(name)).await)?;
    ensure!(found == kind && detail.contains(words), "{name}: {found}: {detail}");
    Ok(())
}

pub async fn every_end_is_told_apart_and_harms_no_neighbour() -> anyhow::Result<()> {
    use FailureKind::{Crash, OutOfMemory};
    use RestartCause as Cause;
    let table = [
        ("abort.wav", Crash, "killed by signal 6 (SIGABRT)", Cause::Crash),
        ("exit.wav", Crash, "exit code 3", Cause::Crash),
        ("kill.wav", Crash, "killed by signal 9 (SIGKILL) from outside", Cause::Crash),
        ("stack.wav", Crash, "stack overflow", Cause::Crash),
        ("panic.wav", Crash, "panicked at worker/tests/lanes/hostile.rs:", Cause::Crash),
        ("panic.wav", Crash, "the sky\nfell", Cause::Crash),
        ("long-frame.wav", Crash, "no readable answer: a frame of 4294967295 bytes", Cause::Crash),
        ("garbage-frame.wav", Crash, "no readable answer", Cause::Crash),
        ("alloc.wav", OutOfMemory, "memory allocation of 4294967296 bytes failed", Cause::OutOfMemory),
        ("hang.wav", FailureKind::Timeout, "no progress for 1 s", Cause::Timeout),
    ];
    let lanes = start(2).await?;
    let folder = tempfile::tempdir()?;
    let busy = below(folder.path(), "until-done.wav");
    let mut neighbour = acquire(&lanes).await?;
    let neighbour_pid = neighbour.pid();
    let one_by_one = async {
        for (name, kind, words, cause) in table {
            let before = lanes.stats().restarts[&cause];
            expect(&mut acquire(&lanes).await?, name, kind, words).await?;
            // The slot is filled again, and only then is the restart sure to be counted.
            acquire(&lanes).await?.identify(&target("ok.wav")).await?;
            ensure!(lanes.stats().restarts[&cause] == before + 1, "{name}: {:?}", lanes.stats());
        }
        std::fs::write(folder.path().join("done"), "")?;
        anyhow::Ok(())
    };
    let (beside, table_end) = tokio::join!(neighbour.identify(&busy), one_by_one);
    table_end?;
    beside?;
    ensure!(neighbour.pid() == neighbour_pid);
    drop(neighbour);
    ensure!(lanes.free() == 2);
    ensure!(lanes.stats().restarts.values().sum::<u64>() == table.len() as u64);
    lanes.stop(false).await;
    Ok(())
}

/// The list of system calls has all that it takes to die in a way that can be told.
pub async fn a_confined_lane_s_ends_are_told_apart_as_well() -> anyhow::Result<()> {
    use FailureKind::{Crash, OutOfMemory};
    let table = [
        ("abort.wav", Crash, "killed by signal 6 (SIGABRT)"),
        ("abort-in-a-thread.wav", Crash, "killed by signal 6 (SIGABRT)"),
        ("exit.wav", Crash, "exit code 3"),
        ("stack.wav", Crash, "stack overflow"),
        ("panic.wav", Crash, "the sky\nfell"),
        ("alloc.wav", OutOfMemory, "memory allocation of 4294967296 bytes failed"),
        ("hang.wav", FailureKind::Timeout, "no progress for 1 s"),
    ];
    let folder = tempfile::tempdir()?;
    let Some(lanes) = confined(&[folder.path()], None).await? else { return Ok(()) };
    for (name, kind, words) in table {
        expect(&mut acquire(&lanes).await?, name, kind, words).await?;
    }
    for name in ["ok.wav", "thread.wav", "roomy.wav", "sleep.wav"] {
        acquire(&lanes).await?.identify(&target(name)).await?;
    }
    lanes.stop(false).await;
    Ok(())
}

/// What was stopped in a wait with a limit goes on waiting by a call of the kernel's own.
pub async fn a_confined_lane_survives_being_stopped() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(lanes) = confined(&[folder.path()], None).await? else { return Ok(()) };
    let mut lane = acquire(&lanes).await?;
    let pid = raw(lane.pid().context("alive")?)?;
    let stop_and_go = async {
        for _ in 0..5 {
            kill_process(pid, Signal::STOP)?;
            tokio::time::sleep(TIMEOUT / 50).await;
            kill_process(pid, Signal::CONT)?;
            tokio::time::sleep(TIMEOUT / 50).await;
        }
        anyhow::Ok(())
    };
    let sleep = target("sleep.wav");
    let (slept, stopped) = tokio::join!(lane.identify(&sleep), stop_and_go);
    stopped?;
    slept?;
    ensure!(lane.pid().is_some());
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn the_limits_of_time_are_told_apart() -> anyhow::Result<()> {
    let lanes = start(4).await?;
    let expected = [
        ("stuck.wav", "no progress for 1 s (5.0 s of 3600.0 s decoded)"),
        ("drip.wav", "decoded more slowly than 600.0 times real time"),
        // States two days, and decodes at no more than real time.
        ("crawl.wav", "decoded more slowly than 600.0 times real time: 1."),
        // Says the same again and again, so that there is always something to read.
        ("flood.wav", "no progress for 1 s (5.0 s decoded)"),
    ];
    let ends = expected.map(async |(name, words)| {
        expect(&mut acquire(&lanes).await?, name, FailureKind::Timeout, words).await
    });
    for end in futures_util::future::join_all(ends).await {
        end?;
    }
    lanes.stop(false).await;
    Ok(())
}

pub async fn work_that_advances_may_take_its_time() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let mut lane = acquire(&lanes).await?;
    let started = std::time::Instant::now();
    lane.identify(&target("slow.wav")).await?;
    ensure!(started.elapsed() > 2 * TIMEOUT);
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_failed_file_costs_no_lane() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let pid = acquire(&lanes).await?.pid();
    for (name, kind) in [("corrupt.wav", FailureKind::Corrupt), ("missing.wav", FailureKind::NotFound)] {
        expect(&mut acquire(&lanes).await?, name, kind, "").await?;
    }
    let mut lane = acquire(&lanes).await?;
    let identified = lane.identify(&target("roomy.wav")).await?;
    ensure!(identified.identity.to_string() == "0123456789abcdef0123456789abcdef");
    let refusal = lane.analyze(&target("ok.wav")).await;
    ensure!(
        matches!(&refusal, Err(RequestError::Failed(failure)) if failure.kind == FailureKind::Unsupported)
    );
    ensure!(lane.pid() == pid);
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_spent_lane_says_so() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let mut lane = acquire(&lanes).await?;
    expect(&mut lane, "abort.wav", FailureKind::Crash, "SIGABRT").await?;
    ensure!(lane.pid().is_none());
    expect(&mut lane, "ok.wav", FailureKind::Internal, "ended with an earlier request").await?;
    // Its place in the pool was filled while it was still in hand.
    acquire(&lanes).await?.identify(&target("ok.wav")).await?;
    lanes.stop(false).await;
    Ok(())
}
