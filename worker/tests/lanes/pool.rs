//! Taking, giving back, replacing, stopping.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use futures_util::poll;
use rustix::process::{Signal, kill_process};
use worker::lanes::{LaneError, Lanes, RequestError, RestartCause};

use crate::support::{UnderWay, Watched, acquire, has_children, raw, settings, start, target};

pub async fn waits_for_a_free_lane() -> anyhow::Result<()> {
    let lanes = start(2).await?;
    ensure!(lanes.free() == 2);
    let first = acquire(&lanes).await?;
    let second = lanes.try_acquire().context("the second is free")?;
    ensure!(lanes.free() == 0 && lanes.try_acquire().is_none());
    let mut waiting = Box::pin(lanes.acquire());
    ensure!(poll!(&mut waiting).is_pending());
    let freed = second.pid();
    drop(second);
    let third = waiting.await?;
    ensure!(third.pid() == freed);
    drop((first, third));
    ensure!(lanes.free() == 2 && lanes.stats().lanes.len() == 2);
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_request_that_is_dropped_takes_its_process_along() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let hang = UnderWay::new()?;
    let mut lane = acquire(&lanes).await?;
    let process = Watched::new(lane.pid().context("alive")?)?;
    let target_of_hang = hang.target();
    tokio::select! {
        end = lane.identify(&target_of_hang) => anyhow::bail!("{end:?}"),
        heard = hang.heard() => heard?,
    }
    drop(lane);
    process.end().await?;
    acquire(&lanes).await?.identify(&target("ok.wav")).await?;
    ensure!(lanes.stats().restarts[&RestartCause::Abandoned] == 1);
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_lane_killed_while_idle_is_not_the_next_file_s_fault() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    for _ in 0..3 {
        let mut lane = acquire(&lanes).await?;
        lane.identify(&target("ok.wav")).await?;
        let pid = lane.pid().context("alive")?;
        drop(lane);
        let process = Watched::new(pid)?;
        kill_process(raw(pid)?, Signal::KILL)?;
        process.end().await?;
    }
    acquire(&lanes).await?.identify(&target("ok.wav")).await?;
    ensure!(lanes.stats().restarts[&RestartCause::Crash] == 3, "{:?}", lanes.stats());
    lanes.stop(false).await;
    Ok(())
}

pub async fn a_lane_that_grew_is_replaced() -> anyhow::Result<()> {
    let lanes = start(1).await?;
    let mut lane = acquire(&lanes).await?;
    let pid = lane.pid();
    lane.identify(&target("leak.wav")).await?;
    drop(lane);
    let fresh = acquire(&lanes).await?;
    ensure!(fresh.pid() != pid && lanes.stats().restarts[&RestartCause::Outgrown] == 1);
    drop(fresh);
    lanes.stop(false).await;
    Ok(())
}

pub async fn stop_lets_what_runs_finish() -> anyhow::Result<()> {
    let lanes = start(2).await?;
    let mut lane = acquire(&lanes).await?;
    let slow = target("slow.wav");
    let mut request = Box::pin(lane.identify(&slow));
    ensure!(poll!(&mut request).is_pending());
    let clone = lanes.clone();
    let mut stop = Box::pin(lanes.stop(false));
    ensure!(poll!(&mut stop).is_pending());
    ensure!(clone.acquire().await.is_err() && clone.try_acquire().is_none() && clone.free() == 0);
    request.await?;
    drop(lane);
    stop.await;
    ensure!(clone.stats().lanes.is_empty());
    Ok(())
}

pub async fn stop_with_kill_interrupts() -> anyhow::Result<()> {
    let lanes = start(2).await?;
    let hang = UnderWay::new()?;
    let mut lane = acquire(&lanes).await?;
    let target = hang.target();
    let mut request = Box::pin(lane.identify(&target));
    tokio::select! {
        end = &mut request => anyhow::bail!("{end:?}"),
        heard = hang.heard() => heard?,
    }
    lanes.stop(true).await;
    ensure!(!has_children());
    ensure!(request.await == Err(RequestError::Stopped));
    Ok(())
}

pub async fn dropping_the_pool_kills_every_lane() -> anyhow::Result<()> {
    let lanes = start(2).await?;
    let lane = acquire(&lanes).await?;
    let processes: Vec<_> =
        lanes.stats().lanes.iter().map(|lane| Watched::new(lane.pid)).collect::<Result<_, _>>()?;
    ensure!(processes.len() == 2);
    drop(lanes);
    for process in processes {
        process.end().await?;
    }
    drop(lane);
    while has_children() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

pub async fn outlives_the_thread_that_started_it() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Handle::current();
    let settings = settings(1)?;
    let starter = std::thread::spawn(move || runtime.block_on(Lanes::start(settings)));
    let lanes = tokio::task::spawn_blocking(|| starter.join()).await?;
    let lanes = lanes.map_err(|_| anyhow::anyhow!("the starter panicked"))??;
    let mut lane = acquire(&lanes).await?;
    lane.identify(&target("ok.wav")).await?;
    // The kernel signals a lane when the thread that it is a child of ends: that has to be the one that stays.
    let pid = lane.pid().context("alive")?.to_string();
    let mut parents = Vec::new();
    for thread in std::fs::read_dir("/proc/self/task")? {
        let thread = thread?.path();
        if std::fs::read_to_string(thread.join("children"))?.split(' ').any(|child| child == pid) {
            parents.push(std::fs::read_to_string(thread.join("comm"))?);
        }
    }
    ensure!(parents == ["lane-spawner\n"], "{parents:?}");
    drop(lane);
    lanes.stop(false).await;
    Ok(())
}

pub async fn what_cannot_start_says_why() -> anyhow::Result<()> {
    let with = |program: &str| {
        anyhow::Ok(worker::lanes::LaneSettings { program: PathBuf::from(program), ..settings(2)? })
    };
    let missing = Lanes::start(with("/nonexistent/worker")?).await;
    ensure!(matches!(&missing, Err(LaneError::Spawn(error)) if error.kind() == std::io::ErrorKind::NotFound));
    let silent = Lanes::start(with("/bin/true")?).await;
    ensure!(matches!(&silent, Err(LaneError::NotReady { .. })), "{silent:?}");
    let mut poor = settings(2)?;
    poor.max_memory_bytes -= 1 << 20;
    ensure!(matches!(Lanes::start(poor).await, Err(LaneError::TooLittleMemory { lanes: 2, .. })));
    let mut odd = settings(1)?;
    odd.args.clear();
    odd.program = "/bin/cat".into();
    let echo = Lanes::start(odd).await;
    ensure!(matches!(&echo, Err(LaneError::NotReady { .. })), "{echo:?}");
    Ok(())
}
