//! The lane as the operating system sees it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, ensure};
use rustix::process::{Signal, kill_process};
use shared::settings::MIN_LANE_BYTES;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use worker::lanes::Lanes;

use crate::support::{UnderWay, Watched, acquire, below, raw, settings, start, target};

pub async fn has_nothing_but_its_pipes() -> anyhow::Result<()> {
    let lanes =
        Lanes::start(worker::lanes::LaneSettings { nice: 5, affinity: vec![0], ..settings(1)? }).await?;
    let mut lane = acquire(&lanes).await?;
    lane.identify(&target("ok.wav")).await?;
    let own = PathBuf::from(format!("/proc/{}", lane.pid().context("alive")?));
    ensure!(fs::read(own.join("environ"))?.is_empty());
    for entry in fs::read_dir(own.join("fd"))? {
        let entry = entry?;
        let to = fs::read_link(entry.path())?;
        let name = entry.file_name();
        // What was open without close-on-exec when this test started is its starter's.
        let inherited = fs::read_link(PathBuf::from("/proc/self/fd").join(&name)).is_ok_and(|own| own == to);
        let is_pipe = to.to_string_lossy().starts_with("pipe:");
        let is_standard = ["0", "1", "2"].iter().any(|standard| name == *standard);
        ensure!(is_standard && is_pipe || inherited, "{name:?} is {to:?}");
    }
    let stat = fs::read_to_string(own.join("stat"))?;
    let (name, fields) = stat.rsplit_once(") ").context("proc_pid_stat(5)")?;
    let fields: Vec<_> = fields.split(' ').collect();
    ensure!(name.ends_with("(worker-lane"), "{name}");
    // Its own process group, and the nice value that was asked for.
    ensure!(Some(fields[2]) == name.split(' ').next() && fields[16] == "5", "{stat}");
    let status = fs::read_to_string(own.join("status"))?;
    ensure!(status.lines().any(|line| line == "Cpus_allowed_list:\t0"), "{status}");
    let limits = fs::read_to_string(own.join("limits"))?;
    let data = limits.lines().find(|line| line.starts_with("Max data size")).context("a limit")?;
    let share = MIN_LANE_BYTES.to_string();
    ensure!(data.split_whitespace().filter(|word| *word == share).count() == 2, "{data}");
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn outlives_a_service_manager_s_signal() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid().context("alive")?;
    kill_process(raw(pid)?, Signal::TERM)?;
    lane.identify(&target("ok.wav")).await?;
    ensure!(lane.pid() == Some(pid));
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

/// The kernel's signal alone: the end of the parent closes neither lane's input, the test holds it open.
pub async fn dies_with_its_parent() -> anyhow::Result<()> {
    let hang = UnderWay::new()?;
    let mut parent = tokio::process::Command::new(std::env::current_exe()?)
        .arg("parent")
        .arg(hang.root())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(parent.stdout.take().context("piped")?).lines();
    let mut watched = Vec::new();
    for _ in 0..2 {
        let pid: u32 = lines.next_line().await?.context("the pid of a lane")?.parse()?;
        let input = fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/fd/0"))?;
        watched.push((Watched::new(pid)?, input));
    }
    hang.heard().await?;
    parent.kill().await?;
    for (process, _input) in watched {
        process.end().await?;
    }
    Ok(())
}

/// The end of its input alone: its parent lives on.
pub async fn dies_with_its_input_while_its_engine_hangs() -> anyhow::Result<()> {
    let hang = UnderWay::new()?;
    let mut lane = tokio::process::Command::new(std::env::current_exe()?)
        .arg("lane")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let setup = serde_json::json!({"Setup": {
        "memory_bytes": MIN_LANE_BYTES, "nice": 0, "affinity": [], "progress_every": {"secs": 1, "nanos": 0},
        "engine": {"max_file_bytes": 1, "features": "all"}, "confinement": "available",
    }});
    let request = serde_json::json!({"Identify": {"root": hang.root(), "path": "hang.wav"}});
    let mut input = lane.stdin.take().context("piped")?;
    for message in [setup, request] {
        let body = rmp_serde::to_vec_named(&message)?;
        input.write_all(&u32::try_from(body.len())?.to_le_bytes()).await?;
        input.write_all(&body).await?;
    }
    hang.heard().await?;
    drop(input);
    ensure!(lane.wait().await?.success());
    Ok(())
}

/// The parent in that test: prints the process ids of its two lanes and keeps one of them busy.
pub fn be_a_parent(mut arguments: std::env::Args) -> ExitCode {
    let hold = async {
        let root = arguments.next().context("a folder")?;
        let patient = std::time::Duration::from_secs(3600);
        let lanes = Lanes::start(worker::lanes::LaneSettings { timeout: patient, ..settings(2)? }).await?;
        let (mut busy, idle) = (acquire(&lanes).await?, acquire(&lanes).await?);
        let pids = [busy.pid(), idle.pid()].map(Option::unwrap_or_default);
        writeln!(std::io::stdout().lock(), "{}\n{}", pids[0], pids[1])?;
        busy.identify(&below(root.as_ref(), "hang.wav")).await?;
        anyhow::Ok(())
    };
    match tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(hold)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
