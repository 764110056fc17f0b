//! The worker's own binary as a lane, over real files.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use shared::outcome::FailureKind;
use worker::lanes::{Cached, LaneFailure, LaneSettings, Lanes, RequestError};

use crate::support::{acquire, below, settings};

/// The default of `ANALYSIS_TIMEOUT`; an unoptimised build is slow, and these files are not hostile to time.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

async fn start(lanes: usize) -> anyhow::Result<Lanes> {
    let program = env!("CARGO_BIN_EXE_worker").into();
    // As the daemon starts them, but that the tests' folders are anywhere.
    let readable = Some(vec![PathBuf::from("/")]);
    Ok(Lanes::start(LaneSettings { program, timeout: TIMEOUT, readable, ..settings(lanes)? }).await?)
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../loadtest/samples")
}

fn failure<T: std::fmt::Debug>(end: Result<T, RequestError>) -> anyhow::Result<LaneFailure> {
    match end {
        Err(RequestError::Failed(failure)) => Ok(failure),
        other => anyhow::bail!("no failure: {other:?}"),
    }
}

pub async fn the_worker_serves_as_a_lane() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid();
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("text.mp3"), "this is no music")?;
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("out.mp3"))?;
    let table = [
        (folder.path(), "none.mp3", FailureKind::NotFound),
        (folder.path(), "out.mp3", FailureKind::Denied),
        (Path::new("/nonexistent/root"), "a.mp3", FailureKind::RootUnavailable),
    ];
    for (root, name, kind) in table {
        let end = failure(lane.analyze(&below(root, name)).await)?;
        ensure!(end.kind == kind, "{name}: {end}");
    }
    let text = failure(lane.analyze(&below(folder.path(), "text.mp3")).await)?;
    ensure!(matches!(text.kind, FailureKind::Unsupported | FailureKind::Corrupt), "{text}");
    ensure!(lane.pid() == pid);
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_file_is_read_ahead_and_given_back() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid();
    let missing = failure(lane.read_ahead(&below(&samples(), "none.mp3"), 4096).await)?;
    ensure!(missing.kind == FailureKind::NotFound, "{missing}");
    let house = below(&samples(), "house.wav");
    let read = lane.read_ahead(&house, 4096).await?;
    ensure!(read.bytes == if read.cached == Cached::Something { 0 } else { 4096 }, "{read:?}");
    // No answer: what comes next is still answered, by the same process.
    lane.give_back(house.clone()).await;
    lane.give_back(below(&samples(), "none.mp3")).await;
    lane.identify(&house).await?;
    ensure!(lane.pid() == pid);
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn every_sample_has_its_end() -> anyhow::Result<()> {
    let lanes = start(2).await?;
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid().context("alive")?;
    for name in music(&samples())? {
        let target = below(&samples(), &name);
        let identified = lane.identify(&target).await.with_context(|| name.clone())?;
        let analysed = lane.analyze(&target).await.with_context(|| name.clone())?;
        ensure!(analysed.identity == identified.identity, "{name}");
        ensure!(analysed.verdict == analysis::Verdict::Complete, "{name}: {:?}", analysed.verdict);
        ensure!(
            analysed.bytes == std::fs::metadata(samples().join(&name))?.len()
                && analysed.bytes == identified.bytes
        );
    }
    // Bad files have ends of many kinds, told apart by the analysis' own tests; none may cost the lane.
    for name in music(&samples().join("bad"))? {
        match lane.analyze(&below(&samples().join("bad"), &name)).await {
            Err(RequestError::Failed(end)) => {
                ensure!(matches!(end.kind, FailureKind::Unsupported | FailureKind::Corrupt), "{name}: {end}")
            }
            other => drop(other?),
        }
    }
    ensure!(lane.pid() == Some(pid));
    drop(lane);
    ensure!(lanes.stats().restarts.values().all(|count| *count == 0), "{:?}", lanes.stats());
    lanes.stop(false).await;
    Ok(())
}

/// What a lane may not call it does not miss: a report is the same without confinement.
pub async fn confinement_changes_no_report() -> anyhow::Result<()> {
    let confined = start(1).await?;
    let base = settings(1)?;
    let program = env!("CARGO_BIN_EXE_worker").into();
    let free = Lanes::start(LaneSettings { program, timeout: TIMEOUT, readable: None, ..base }).await?;
    let (mut one, mut other) = (acquire(&confined).await?, acquire(&free).await?);
    for folder in [samples(), samples().join("bad")] {
        for name in music(&folder)? {
            let target = below(&folder, &name);
            match (one.analyze(&target).await, other.analyze(&target).await) {
                (Ok(mut one), Ok(other)) => {
                    one.report.timings_seconds = other.report.timings_seconds.clone();
                    ensure!(one.report == other.report, "{name}");
                }
                (Err(one), Err(other)) => ensure!(one == other, "{name}: {one}, {other}"),
                (Err(error), Ok(_)) => anyhow::bail!("{name}: {error} for a lane that is confined alone"),
                (Ok(_), Err(error)) => anyhow::bail!("{name}: {error} for a lane that is not confined alone"),
            }
        }
    }
    drop((one, other));
    confined.stop(false).await;
    free.stop(false).await;
    Ok(())
}

fn music(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && !name.ends_with(".json") {
            names.push(name);
        }
    }
    ensure!(!names.is_empty(), "no samples in {}", folder.display());
    Ok(names)
}
