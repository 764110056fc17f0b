//! A decoder that was taken over: what it can reach then. Engines here go past all the checks of the product, straight to the
//! system.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use shared::outcome::FailureKind;
use worker::lanes::{LaneFailure, LaneSettings, Lanes, RequestError, RestartCause};

use crate::support::{acquire, below, settings};

/// Lanes that may read below these folders; `None` where this kernel cannot confine them, and there is nothing to test.
async fn confined(readable: &[&Path], program: Option<&str>) -> anyhow::Result<Option<Lanes>> {
    let base = settings(1)?;
    let readable = Some(readable.iter().map(PathBuf::from).collect());
    let program = program.map_or(base.program, PathBuf::from);
    let lanes = Lanes::start(LaneSettings { readable, program, ..settings(1)? }).await?;
    let confinement = lanes.confinement().context("it has started")?;
    if confinement.files.is_in_force() && confinement.calls.is_in_force() {
        return Ok(Some(lanes));
    }
    writeln!(std::io::stdout().lock(), "not tested: {confinement:?}")?;
    lanes.stop(true).await;
    Ok(None)
}

fn failure<T: std::fmt::Debug>(end: Result<T, RequestError>) -> anyhow::Result<LaneFailure> {
    match end {
        Err(RequestError::Failed(failure)) => Ok(failure),
        other => anyhow::bail!("no failure: {other:?}"),
    }
}

pub async fn reads_below_its_roots_and_nothing_else() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("inside.wav"), "")?;
    let Some(lanes) = confined(&[folder.path()], None).await? else { return Ok(()) };
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid();
    for name in ["inside.wav", "thread.wav", "roomy.wav"] {
        lane.identify(&below(folder.path(), name)).await.context(name)?;
    }
    for name in ["outside.wav", "environ.wav", "write.wav"] {
        let end = failure(lane.identify(&below(folder.path(), name)).await)?;
        ensure!(end.kind == FailureKind::Denied && end.detail.contains("ermission denied"), "{name}: {end}");
    }
    ensure!(!folder.path().join("write.wav").exists() && lane.pid() == pid);
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid.context("alive")?))?;
    for (name, value) in [("Max core file size", "0"), ("Max file size", "0"), ("Max open files", "32")] {
        let line = limits.lines().find(|line| line.starts_with(name)).context(name)?;
        ensure!(line[name.len()..].split_whitespace().take(2).all(|limit| limit == value), "{line}");
    }
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_call_that_no_decoder_makes_is_the_end_of_it() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(lanes) = confined(&[folder.path()], None).await? else { return Ok(()) };
    for name in ["socket.wav", "exec.wav", "spawn.wav", "shoot.wav"] {
        let end = failure(acquire(&lanes).await?.identify(&below(folder.path(), name)).await)?;
        ensure!(end.kind == FailureKind::Crash && end.detail.contains("SIGSYS"), "{name}: {end}");
    }
    // Its own end it may still bring about, and that is told apart.
    let end = failure(acquire(&lanes).await?.identify(&below(folder.path(), "abort.wav")).await)?;
    ensure!(end.detail.contains("SIGABRT"), "{end}");
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_root_that_was_mounted_later_takes_a_fresh_lane() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("mount");
    let Some(lanes) = confined(&[&root], None).await? else { return Ok(()) };
    let stale = |lanes: &Lanes| lanes.stats().restarts[&RestartCause::Remounted];
    for mounts in 1..=2 {
        // Another folder of the same name, as after a mount.
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        fs::create_dir(&root)?;
        fs::write(root.join("inside.wav"), "")?;
        let end = failure(acquire(&lanes).await?.identify(&below(&root, "inside.wav")).await)?;
        ensure!(end.kind == FailureKind::RootUnavailable, "{end}");
        acquire(&lanes).await?.identify(&below(&root, "inside.wav")).await?;
        ensure!(stale(&lanes) == mounts, "{:?}", lanes.stats());
    }
    lanes.stop(false).await;
    Ok(())
}

pub async fn the_worker_itself_is_confined() -> anyhow::Result<()> {
    let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    for root in [&folder, &other] {
        fs::write(root.path().join("text.mp3"), "this is no music")?;
    }
    let program = env!("CARGO_BIN_EXE_worker");
    let Some(lanes) = confined(&[folder.path()], Some(program)).await? else { return Ok(()) };
    let mut lane = acquire(&lanes).await?;
    let end = failure(lane.analyze(&below(folder.path(), "text.mp3")).await)?;
    ensure!(matches!(end.kind, FailureKind::Corrupt | FailureKind::Unsupported), "{end}");
    // A root that the worker was not started with: its message would be refused long before.
    let end = failure(lane.analyze(&below(other.path(), "text.mp3")).await)?;
    ensure!(end.kind == FailureKind::Denied, "{end}");
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}
