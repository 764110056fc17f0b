//! The end of a run: the fleet is given time to finish, then stopped, and nothing may be left.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::broker::Broker;
use shared::topology::Topology;
use tokio::time::{Instant, sleep};

use super::books::Books;
use super::faults::Field;
use super::submit::Submission;
use crate::rig::RigError;

/// Without an end of a job for so long, none is to be expected: a message that RabbitMQ could not dead-letter at once is
/// tried again by it after 180 s, and every other wait of the fleet is shorter.
const PATIENCE: Duration = Duration::from_secs(200);

/// A worker that has nothing to do answers at once; a busy machine may take a little longer.
const LIVES_WITHIN: Duration = Duration::from_secs(20);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(200);

/// Waits until everything accepted has ended, the queues are empty and nothing is held unacknowledged, or nothing moves any
/// more.
pub(crate) async fn finish(field: &Field, books: &Books, topology: &Topology) -> Result<(), RigError> {
    let submissions = field.producers.submissions();
    let broker = Broker::connect(&field.servers.amqp, "auditor").await?;
    let (mut last, mut since) = (field.progress.ended(), Instant::now());
    loop {
        let waiting: u32 = depths(&broker, topology).await?.values().sum();
        // The dearest question last: it starts an Erlang machine.
        if waiting == 0 && owed(&submissions, books).await? == 0 {
            match unsettled(field, topology).await {
                Ok(left) if left.values().all(|messages| *messages == 0) => return Ok(()),
                // A busy machine may be too slow for it once, and it is asked again.
                Err(error) if since.elapsed() > PATIENCE => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        let ended = field.progress.ended();
        if ended != last {
            (last, since) = (ended, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Ok(());
        }
        sleep(GLANCE).await;
    }
}

/// Ends that are still to come.
async fn owed(submissions: &[Submission], books: &Books) -> Result<u64, RigError> {
    let states = books.states().await?;
    let told = |label: &str| {
        let submission = submissions.iter().find(|submission| submission.label == label);
        submission.and_then(|submission| submission.numbers.as_ref()).map_or(0, |numbers| numbers.accepted)
    };
    Ok(states.iter().map(|state| told(&state.label).max(state.accepted).saturating_sub(state.done())).sum())
}

/// Messages in each queue, those that a worker holds included: a second delivery of a job that has ended is settled too.
async fn unsettled(field: &Field, topology: &Topology) -> Result<BTreeMap<String, u32>, RigError> {
    let text = field.servers.ask(&["ctl", "list_queues", "--no-table-headers", "name", "messages"]).await?;
    let queue = |line: &str| {
        let (name, messages) = line.split_once('\t')?;
        name.starts_with(&topology.prefix).then_some((name.to_owned(), messages.trim().parse().ok()?))
    };
    Ok(text.lines().filter_map(queue).collect())
}

/// Messages that wait in each queue.
pub(crate) async fn depths(broker: &Broker, topology: &Topology) -> Result<BTreeMap<String, u32>, RigError> {
    let channel = broker.channel().await?;
    let depths = topology.depths(&channel).await?;
    channel.close(200, "done".into()).await?;
    Ok(depths.into_iter().map(|depth| (depth.queue, depth.ready)).collect())
}

/// Stops every worker in order, and counts the messages that are left: those in a prefetch have come back by then.
pub(crate) async fn stop(field: &Field, topology: &Topology) -> Result<BTreeMap<String, u32>, RigError> {
    for slot in &field.slots {
        let mut worker = slot.worker.lock().await;
        slot.must_live(&worker, LIVES_WITHIN).await;
        slot.terminate(&mut worker).await;
    }
    let broker = Broker::connect(&field.servers.amqp, "auditor").await?;
    depths(&broker, topology).await
}
