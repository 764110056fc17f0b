//! Jobs that do nothing: what the road costs. Each side publishes with no worker there, and then works off what waits.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use shared::broker::Broker;
use shared::broker::lapin::options::QueueDeleteOptions;
use tokio::time::sleep;

use super::celery::{Celery, QUEUE};
use super::fleet::Fleet;
use crate::bench::{Round, Rounds, tree_cpu};
use crate::rig::{Process, RigError};

/// Of all jobs so many have ended before anything is measured: processes start, imports and connections are made.
const WARM_UP: u64 = 10;

/// Of Celery's jobs one in so many is published with a confirm, which is slow there.
const CONFIRMED: u32 = 4;

/// Between two counts of what has ended: a hundredth of the shortest round.
const GLANCE: Duration = Duration::from_millis(10);

/// Without an end for so long, no more will come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one side did in all rounds.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Publishing without confirms; ours always has them.
    pub(super) plain: Rounds,
    /// Publishing with confirms.
    pub(super) confirmed: Rounds,
    /// From a tenth of the jobs to the last end.
    pub(super) worked: Rounds,
}

/// A round of Celery.
pub(super) async fn celery(
    celery: &Celery,
    side: &mut Side,
    jobs: u32,
    (processes, prefetch): (u32, u16),
    folder: &Path,
) -> Result<(), RigError> {
    let mut results = redis::Client::open(celery.results())?.get_multiplexed_async_connection().await?;
    redis::cmd("FLUSHDB").query_async::<()>(&mut results).await?;
    forget(&celery.amqp).await?;
    let slow = jobs / CONFIRMED;
    side.confirmed.0.push(celery.publish(slow, true).await?);
    side.plain.0.push(celery.publish(jobs - slow, false).await?);
    let log = folder.join("celery.log");
    let mut worker = celery.worker(processes, prefetch, &log).await?;
    let process = Process::of(worker.process.id()).ok_or_else(gone)?;
    let count = || {
        let mut results = results.clone();
        let alive = !worker.ended();
        async move {
            if !alive {
                return Err(gone());
            }
            Ok(redis::cmd("DBSIZE").query_async::<u64>(&mut results).await?)
        }
    };
    let worked = drain(jobs.into(), count, &process).await.map_err(|error| {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        RigError::NotReady(format!("{error}: {}", crate::bench::tail(&said)))
    })?;
    side.worked.0.push(worked);
    worker.end().await;
    Ok(())
}

/// A round of ours.
pub(super) async fn ours(fleet: &Fleet, side: &mut Side, jobs: u32) -> Result<(), RigError> {
    side.confirmed.0.push(fleet.publish(jobs).await?);
    let worker = fleet.start().await?;
    let worked = drain(jobs.into(), || fleet.ended(), &worker.process).await?;
    side.worked.0.push(worked);
    fleet.close(worker).await
}

fn gone() -> RigError {
    RigError::NotReady("a worker of Celery ended unasked".to_owned())
}

/// The queue of the round before.
async fn forget(amqp: &str) -> Result<(), RigError> {
    let broker = Broker::connect(amqp, "loadtest").await?;
    broker.channel().await?.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
    broker.close().await;
    Ok(())
}

/// Waits for all ends. What is measured begins when a tenth of them is there.
async fn drain<F: Future<Output = Result<u64, RigError>>>(
    jobs: u64,
    mut ended: impl FnMut() -> F,
    process: &Process,
) -> Result<Round, RigError> {
    let (mut begun, mut last) = (None, (0, Instant::now()));
    loop {
        let count = ended().await?;
        let now = Instant::now();
        if count != last.0 {
            last = (count, now);
        }
        if begun.is_none() && count >= jobs / WARM_UP {
            begun = Some((count, now, tree_cpu(process)));
        }
        if let Some((from, since, cpu)) = begun.filter(|_| count >= jobs) {
            let cpu_seconds = tree_cpu(process) - cpu;
            let seconds = now.duration_since(since).as_secs_f64();
            return Ok(Round { operations: count.saturating_sub(from), seconds, cpu_seconds });
        }
        if last.1.elapsed() > PATIENCE {
            return Err(RigError::NotReady(format!("{count} of {jobs} jobs have ended, and no more do")));
        }
        sleep(GLANCE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn what_ends_before_a_tenth_is_warm_up() {
        let process = Process::of(std::process::id()).unwrap();
        let counts = Cell::new([0, 4, 12, 60, 100].into_iter());
        let next = || {
            let mut left = counts.take();
            let count = left.next().unwrap_or(100);
            counts.set(left);
            async move { Ok(count) }
        };
        let round = drain(100, next, &process).await.unwrap();
        assert_eq!(round.operations, 88);
        assert!(round.seconds >= 2.0 * GLANCE.as_secs_f64(), "{round:?}");
    }
}
