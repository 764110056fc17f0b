//! A decoder that was taken over: what it can reach then. Engines here go past all the checks of the product, straight to the
//! system.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, prlimit};
use shared::outcome::FailureKind;
use shared::settings::MIN_LANE_BYTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use worker::lanes::{LaneFailure, LaneSettings, Lanes, RequestError, RestartCause};

use crate::support::{acquire, below, raw, settings};

/// Lanes that may read below these folders; `None` where this kernel cannot confine them, and there is nothing to test.
pub async fn confined(readable: &[&Path], program: Option<&str>) -> anyhow::Result<Option<Lanes>> {
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

pub async fn any_number_of_roots_is_let_through() -> anyhow::Result<()> {
    for number in [28, 100, 1000] {
        let folder = tempfile::tempdir()?;
        let roots: Vec<PathBuf> = (0..number).map(|name| folder.path().join(name.to_string())).collect();
        for root in &roots {
            fs::create_dir(root)?;
            fs::write(root.join("inside.wav"), "")?;
        }
        let readable: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
        let Some(lanes) = confined(&readable, None).await? else { return Ok(()) };
        let mut lane = acquire(&lanes).await?;
        let pid = lane.pid();
        for root in &roots {
            lane.identify(&below(root, "inside.wav")).await.with_context(|| root.display().to_string())?;
        }
        let end = failure(lane.identify(&below(&roots[0], "outside.wav")).await)?;
        ensure!(end.kind == FailureKind::Denied && lane.pid() == pid, "{number} roots: {end}");
        drop(lane);
        lanes.stop(false).await;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
pub async fn keeps_no_privilege_but_to_read() -> anyhow::Result<()> {
    use rustix::thread::{CapabilitySet, capabilities};
    let folder = tempfile::tempdir()?;
    let Some(lanes) = confined(&[folder.path()], None).await? else { return Ok(()) };
    let pid = acquire(&lanes).await?.pid().context("alive")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        line.map(str::to_owned).with_context(|| name.to_owned())
    };
    let set = |name: &str| anyhow::Ok(u64::from_str_radix(&field(name)?, 16)?);
    let own = capabilities(None)?;
    let reading = [CapabilitySet::DAC_READ_SEARCH, CapabilitySet::DAC_OVERRIDE];
    let kept = reading.into_iter().find(|it| own.effective.contains(*it)).map_or(0, |it| it.bits());
    ensure!(set("CapEff:")? == kept && set("CapPrm:")? == kept, "{status}");
    ensure!(set("CapInh:")? == 0 && set("CapAmb:")? == 0, "{status}");
    // Only who has SETPCAP may make it smaller.
    if own.effective.contains(CapabilitySet::SETPCAP) {
        ensure!(set("CapBnd:")? & !kept == 0, "{status}");
    }
    ensure!(field("NoNewPrivs:")? == "1" && field("Seccomp:")? == "2", "{status}");
    if own.effective.contains(CapabilitySet::SYS_ADMIN) {
        let objects = |process: &str| fs::read_link(format!("/proc/{process}/ns/ipc"));
        ensure!(
            objects(&pid.to_string())? != objects("self")?,
            "it shares System V's objects with its parent"
        );
    }
    lanes.stop(false).await;
    Ok(())
}

/// Too few descriptors for a ruleset, or for a root: the lane says so instead of running without.
#[cfg(target_os = "linux")]
pub async fn a_layer_that_fails_is_an_error_unless_the_setting_allows_it() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    // Where there is no Landlock nothing of it can fail.
    let Some(lanes) = confined(&[folder.path()], None).await? else { return Ok(()) };
    lanes.stop(false).await;
    // Three are its pipes. The next is the ruleset's, and the one after it the root's.
    for descriptors in [3, 4] {
        for setting in ["required", "available"] {
            let answer = first_answer(descriptors, setting, folder.path()).await?;
            let detail = answer["Refused"]["detail"].as_str().with_context(|| answer.to_string())?;
            for words in ["Landlock", "Too many open files", "LANE_CONFINEMENT=optional"] {
                ensure!(detail.contains(words), "{descriptors} descriptors, {setting}: {detail}");
            }
        }
        let answer = first_answer(descriptors, "optional", folder.path()).await?;
        let layers = &answer["Ready"]["confinement"];
        ensure!(layers["files"]["Failed"].is_object() && layers["calls"] == "Whole", "{answer}");
    }
    let answer = first_answer(5, "required", folder.path()).await?;
    ensure!(answer["Ready"]["confinement"]["files"] == "Whole", "{answer}");
    Ok(())
}

/// What a lane that may have so many descriptors says of its set-up.
#[cfg(target_os = "linux")]
async fn first_answer(descriptors: u64, setting: &str, root: &Path) -> anyhow::Result<serde_json::Value> {
    let mut lane = tokio::process::Command::new(std::env::current_exe()?)
        .arg("lane")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pid = lane.id().context("alive")?;
    // It has its libraries, and waits for its set-up.
    while fs::read_to_string(format!("/proc/{pid}/comm"))? != "worker-lane\n" {
        tokio::task::yield_now().await;
    }
    let limit = Rlimit { current: Some(descriptors), maximum: Some(descriptors) };
    prlimit(Some(raw(pid)?), Resource::Nofile, limit)?;
    let setup = serde_json::json!({"Setup": {
        "memory_bytes": MIN_LANE_BYTES, "nice": 0, "affinity": [], "progress_every": {"secs": 1, "nanos": 0},
        "engine": {"max_file_bytes": 1, "features": "all"}, "readable": [root], "confinement": setting,
    }});
    let body = rmp_serde::to_vec_named(&setup)?;
    let mut input = lane.stdin.take().context("piped")?;
    input.write_all(&u32::try_from(body.len())?.to_le_bytes()).await?;
    input.write_all(&body).await?;
    let mut output = lane.stdout.take().context("piped")?;
    let mut answer = vec![0; output.read_u32_le().await? as usize];
    output.read_exact(&mut answer).await?;
    drop(input);
    lane.wait().await?;
    Ok(rmp_serde::from_slice(&answer)?)
}
