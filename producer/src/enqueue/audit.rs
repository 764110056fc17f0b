//! Where the accepted jobs are: what is neither waiting, nor held by a worker, nor ended was lost at the broker after it had
//! confirmed it, by a policy or by somebody's hand. The batch would never be complete, and nothing else would say why.
//!
//! It claims no more than is certain. All messages of the fleet count as this batch's, and so does all that workers may hold,
//! which AMQP does not tell: the API does, where the settings name one.

use std::time::Duration;

use shared::broker::answered;
use shared::management::Management;
use shared::settings::ProducerSettings;
use shared::topology::QueueDepth;
use tokio::time::{Instant, sleep, timeout};

use super::session::Session;
use crate::topology::policies::{self, Hazard};

/// Messages move while they are counted, so that one count may miss some: only what is missing all this time is lost.
const CERTAIN_AFTER: Duration = Duration::from_secs(3);

/// The same where the API counts: its figures are up to five seconds old, and are refreshed twice in this time.
const CERTAIN_AFTER_BY_API: Duration = Duration::from_secs(12);

/// Between two counts.
const COUNT_EVERY: Duration = Duration::from_millis(500);

/// A count fails where a server is busy, or where a worker has just started and has not announced itself yet.
const FIRST_COUNTS: usize = 3;

/// A server that does not answer by then: no audit.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Dead letters that a worker holds at most.
const DEAD_LETTERS_HELD: u64 = 4;

/// Jobs that were accepted and are nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nowhere {
    pub(super) jobs: u64,
    /// There may be more: what workers hold is not known exactly.
    is_least: bool,
    causes: Vec<String>,
}

impl Nowhere {
    /// The finding, its likely causes, and what to do.
    pub(super) fn words(&self, accepted: u64, batch: &str) -> Vec<String> {
        let least = if self.is_least { "at least " } else { "" };
        let mut lines = vec![format!(
            "accepted {accepted}, of which {least}{} are nowhere: neither waiting in a queue, nor held by a worker, nor ended",
            self.jobs
        )];
        lines.extend(self.causes.iter().map(|cause| format!("  {cause}")));
        lines.push(format!(
            "  the batch cannot become complete: remove the cause, close it by `producer cancel {batch}`, and enqueue again"
        ));
        lines
    }
}

/// Finds accepted jobs that are nowhere. `None` where all may be somewhere, and where the servers do not tell.
pub(super) async fn audit(session: &Session, settings: &ProducerSettings, accepted: u64) -> Option<Nowhere> {
    let by_bound = first_count(session, accepted).await;
    let api = policies::api(settings).ok().flatten();
    let hazards = match &api {
        Some(api) => policies::hazards(api, &session.topology).await.ok(),
        None => None,
    };
    let hazards = hazards.map(|found| on_the_way(session, found));
    // An API that does not answer counts nothing.
    let is_asked = hazards.as_ref().is_some_and(|found| by_bound > 0 || !found.is_empty());
    let exact = api.as_ref().filter(|_| is_asked);
    let lost = match exact {
        Some(api) => certain(session, accepted, Some(api), CERTAIN_AFTER_BY_API).await,
        None if by_bound > 0 => certain(session, accepted, None, CERTAIN_AFTER).await,
        None => 0,
    };
    (lost > 0).then(|| Nowhere { jobs: lost, is_least: exact.is_none(), causes: causes(hazards.as_deref()) })
}

/// Those of the queues that the jobs pass.
fn on_the_way(session: &Session, hazards: Vec<Hazard>) -> Vec<Hazard> {
    let queues = [session.topology.level_queue(session.level), session.topology.dead()];
    hazards.into_iter().filter(|hazard| queues.contains(&hazard.queue)).collect()
}

/// What is missing in every count of a while. A count that fails says nothing.
async fn certain(session: &Session, accepted: u64, api: Option<&Management>, after: Duration) -> u64 {
    let end = Instant::now() + after;
    let mut least = None;
    while Instant::now() < end && least != Some(0) {
        if let Some(missing) = missing(session, accepted, api).await {
            least = Some(least.map_or(missing, |least: u64| least.min(missing)));
        }
        tokio::select! {
            () = sleep(COUNT_EVERY) => {}
            () = session.signal.cancelled() => return 0,
        }
    }
    least.unwrap_or(0)
}

/// The first count that succeeds, of a few.
async fn first_count(session: &Session, accepted: u64) -> u64 {
    for _ in 0..FIRST_COUNTS {
        if let Some(missing) = missing(session, accepted, None).await {
            return missing;
        }
        tracing::debug!("the accepted jobs could not be counted");
        sleep(COUNT_EVERY).await;
    }
    0
}

/// Jobs that one count does not find. The places are asked in the order in which a job passes them: one that moves on
/// meanwhile is counted twice rather than not at all.
async fn missing(session: &Session, accepted: u64, api: Option<&Management>) -> Option<u64> {
    let depths = timeout(ANSWER_WITHIN, depths(session)).await.ok()??;
    let waiting: u64 = depths.iter().map(|depth| u64::from(depth.ready)).sum();
    let retries = session.store.noted_retries().await.ok()?;
    let held = match api {
        Some(api) => held_by_api(session, api).await?,
        None => held_at_most(session, &depths).await?,
    };
    // A batch that Redis does not have any more: it has lost ends as well.
    let ended = session.store.batch(session.batch).await.ok()??.done();
    tracing::debug!(accepted, waiting, retries, held, ended, "where the accepted jobs are");
    Some(accepted.saturating_sub(waiting + retries + held + ended))
}

async fn depths(session: &Session) -> Option<Vec<QueueDepth>> {
    let channel = session.broker.channel().await.ok()?;
    let depths = session.topology.depths(&channel).await.ok()?;
    let _closed_anyway = answered(&channel, channel.close(200, "done".into())).await;
    depths.iter().all(|depth| depth.is_certain).then_some(depths)
}

async fn held_by_api(session: &Session, api: &Management) -> Option<u64> {
    let mut held = 0;
    for queue in session.topology.queues() {
        held += api.queue(&queue).await.ok()?.map_or(0, |rules| rules.messages_held());
    }
    Some(held)
}

/// What the workers of the level may hold. `None` where one of them has not announced how much that is.
async fn held_at_most(session: &Session, depths: &[QueueDepth]) -> Option<u64> {
    let level = session.topology.levels.name(session.level);
    let queue = session.topology.level_queue(session.level);
    let consumers = depths.iter().find(|depth| depth.queue == queue)?.consumers as usize;
    let workers = session.store.workers().await.ok()?;
    let serving: Vec<_> =
        workers.iter().filter(|seen| seen.worker.levels.iter().any(|name| name == level)).collect();
    let held = serving.iter().map(|seen| seen.worker.holds_at_most as u64 + DEAD_LETTERS_HELD).sum();
    (consumers <= serving.len()).then_some(held)
}

fn causes(hazards: Option<&[Hazard]>) -> Vec<String> {
    let by_hand = "or somebody has emptied or deleted a queue (rabbitmqctl purge_queue, delete_queue)";
    match hazards {
        Some([]) => vec![
            "no policy is in force that drops or expires jobs: one was, or somebody has emptied or deleted a queue (rabbitmqctl \
             purge_queue, delete_queue)"
                .to_owned(),
        ],
        Some(hazards) => hazards.iter().map(Hazard::detail).collect(),
        None => vec![format!(
            "probably a policy drops or expires jobs (set RABBITMQ_API_URL and run `producer topology check`, or look at \
             rabbitmqctl list_policies and list_operator_policies), {by_hand}"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_has_its_numbers_causes_and_a_remedy() {
        let nowhere = |is_least, hazards| Nowhere { jobs: 1946, is_least, causes: causes(hazards) };
        let lines = nowhere(false, Some(&[][..])).words(2000, "B");
        assert!(
            lines[0].starts_with("accepted 2000, of which 1946 are nowhere: neither waiting"),
            "{lines:?}"
        );
        assert!(
            lines[1].contains("no policy is in force") && lines[2].contains("producer cancel B"),
            "{lines:?}"
        );
        let lines = nowhere(true, None).words(2000, "B");
        assert!(lines[0].contains("of which at least 1946 are nowhere"), "{lines:?}");
        assert!(lines[1].contains("set RABBITMQ_API_URL"), "{lines:?}");
    }
}
