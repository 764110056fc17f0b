//! Whether somebody takes the jobs: a level without a consumer and a media root that no worker has are said, because jobs
//! wait for either for ever, and nothing else looks wrong.
//!
//! Consumers are counted by the broker; what a worker can read, it announces in Redis. A worker that announces nothing (of an
//! earlier version) may have any root, so that nothing is said of roots while there is one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use shared::broker::{Broker, answered};
use shared::job::{BatchId, Priority};
use shared::settings::ProducerSettings;
use shared::store::{SeenWorker, Store};
use shared::topology::{QueueDepth, Topology};
use tokio::time::{sleep, timeout};

use crate::connect;
use crate::screen::Screen;

/// Between two looks: a user hears within seconds that nobody works.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A server that does not answer by then is asked at the next look. That it is away is said by others.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The jobs of a batch, and what was said of them.
#[derive(Debug)]
pub(crate) struct Audience {
    topology: Topology,
    batch: BatchId,
    /// To whose queue the jobs go; `None` where the producer has not said so: then any queue with messages counts.
    level: Option<Priority>,
    /// Media roots of the jobs; it grows while files are found.
    roots: RefCell<BTreeSet<String>>,
    /// How many of them Redis knows of, if any.
    noted: Cell<Option<usize>>,
    told: RefCell<BTreeSet<String>>,
    screen: Screen,
}

impl Audience {
    /// Of a batch whose jobs go to the queue of this level.
    pub(crate) fn new(topology: Topology, batch: BatchId, level: Priority, screen: Screen) -> Self {
        let (roots, noted, told) = (RefCell::default(), Cell::new(None), RefCell::default());
        Self { topology, batch, level: Some(level), roots, noted, told, screen }
    }

    /// Of a batch that was published before.
    pub(crate) async fn of_batch(store: &Store, topology: Topology, batch: BatchId, screen: &Screen) -> Self {
        // That Redis is away is said by whoever needs it more.
        let needs = store.batch_needs(batch).await.unwrap_or_default();
        let level = needs.level.and_then(|name| topology.levels.parse(&name).ok());
        let (noted, roots) = (Cell::new(Some(needs.roots.len())), RefCell::new(needs.roots));
        Self { topology, batch, level, roots, noted, told: RefCell::default(), screen: screen.clone() }
    }

    /// A file of this root is among the jobs.
    pub(crate) fn needs_root(&self, root: &str) {
        if !self.roots.borrow().contains(root) {
            self.roots.borrow_mut().insert(root.to_owned());
        }
    }

    /// Looks and speaks as long as it is polled; each thing is said once.
    pub(crate) async fn watch(&self, broker: Option<&Broker>, store: &Store) -> Infallible {
        loop {
            sleep(LOOK_EVERY).await;
            for line in Box::pin(self.look(broker, store)).await {
                self.screen.line(&line);
            }
        }
    }

    /// Does the work, and looks and speaks meanwhile, over a connection of its own.
    pub(crate) async fn beside<T>(
        &self,
        work: impl Future<Output = T>,
        settings: &ProducerSettings,
        store: &Store,
    ) -> T {
        let looking = Box::pin(async {
            let tls = connect::tls(settings).ok();
            let to = tls.map(|tls| tls.at(settings.queue.amqp_url.expose()));
            let broker = match to {
                Some(to) => Broker::connect(to, "producer watch").await.ok(),
                None => None,
            };
            self.watch(broker.as_ref(), store).await
        });
        tokio::select! {
            done = work => done,
            never = looking => match never {},
        }
    }

    /// One look: what nobody serves and was not said yet. What cannot be asked is not spoken of.
    pub(crate) async fn look(&self, broker: Option<&Broker>, store: &Store) -> Vec<String> {
        let workers = async {
            self.note(store).await;
            store.workers().await.ok()
        };
        let (depths, workers) =
            tokio::join!(timeout(ANSWER_WITHIN, self.depths(broker)), timeout(ANSWER_WITHIN, workers));
        let (depths, workers) = (depths.ok().flatten(), workers.ok().flatten());
        let lines = match (self.level, depths) {
            (Some(level), depths) => {
                let depth = depths.and_then(|depths| depths.into_iter().next());
                let name = self.topology.levels.name(level);
                missing(name, &self.roots.borrow(), depth.as_ref(), workers.as_deref())
            }
            (None, depths) => self.unserved_queues(&depths.unwrap_or_default()),
        };
        lines.into_iter().filter(|line| self.told.borrow_mut().insert(line.clone())).collect()
    }

    /// Of the queue of the level, or of all of them.
    async fn depths(&self, broker: Option<&Broker>) -> Option<Vec<QueueDepth>> {
        let channel = broker?.channel().await.ok()?;
        let depths = match self.level {
            Some(level) => vec![self.topology.level_depth(&channel, level).await.ok()?],
            None => self.topology.depths(&channel).await.ok()?,
        };
        let _closed_anyway = answered(&channel, channel.close(200, "done".into())).await;
        depths.iter().all(|depth| depth.is_certain).then_some(depths)
    }

    fn unserved_queues(&self, depths: &[QueueDepth]) -> Vec<String> {
        let of_level = |level: Priority| {
            let (name, queue) = (self.topology.levels.name(level), self.topology.level_queue(level));
            let depth = depths.iter().find(|depth| depth.queue == queue && depth.ready > 0)?;
            (depth.consumers == 0).then(|| no_consumer(name, &queue))
        };
        self.topology.levels.iter().filter_map(of_level).collect()
    }

    /// For those who watch the batch.
    async fn note(&self, store: &Store) {
        let roots = self.roots.borrow().clone();
        let Some(level) = self.level.filter(|_| self.noted.get() != Some(roots.len())) else { return };
        if store.note_needs(self.batch, self.topology.levels.name(level), &roots).await.is_ok() {
            self.noted.set(Some(roots.len()));
        }
    }
}

fn no_consumer(level: &str, queue: &str) -> String {
    format!("no worker takes from level {level} (queue {queue} has no consumer): jobs wait")
}

/// What no worker serves, in words. `depth` of the level's queue and `workers` are `None` where their server did not say.
fn missing(
    level: &str,
    roots: &BTreeSet<String>,
    depth: Option<&QueueDepth>,
    workers: Option<&[SeenWorker]>,
) -> Vec<String> {
    let at_level = |seen: &&SeenWorker| seen.worker.levels.iter().any(|name| name == level);
    let serving: Option<Vec<&SeenWorker>> = workers.map(|all| all.iter().filter(at_level).collect());
    match (depth, &serving) {
        (Some(QueueDepth { queue, consumers: 0, .. }), _) => {
            return vec![no_consumer(level, queue)];
        }
        // The broker was not asked, but others have announced themselves.
        (None, Some(serving)) if serving.is_empty() && workers.is_some_and(|all| !all.is_empty()) => {
            return vec![format!(
                "no worker takes from level {level} (none of those that `producer status` lists does): jobs wait"
            )];
        }
        _ => {}
    }
    let Some(serving) = serving.filter(|serving| !serving.is_empty()) else { return Vec::new() };
    let unknown = depth.is_some_and(|depth| depth.consumers as usize > serving.len());
    if unknown {
        return Vec::new();
    }
    roots.iter().filter_map(|root| missing_root(level, root, &serving)).collect()
}

fn missing_root(level: &str, root: &str, serving: &[&SeenWorker]) -> Option<String> {
    let has = |names: &[String]| names.iter().any(|name| name == root);
    if serving.iter().any(|seen| has(&seen.worker.roots)) {
        return None;
    }
    if serving.iter().any(|seen| has(&seen.worker.roots_away)) {
        return Some(format!(
            "the media root '{root}' is away at every worker that has it and takes from level {level}: its files are retried"
        ));
    }
    let there = serving.iter().flat_map(|seen| seen.worker.roots.iter().chain(&seen.worker.roots_away));
    let there: Vec<&str> = there.map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
    Some(format!(
        "no worker that takes from level {level} has the media root '{root}' (they have: {}): set MEDIA_ROOTS there, or its \
         files fail as root_unavailable",
        there.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use shared::store::WorkerAnnouncement;

    use super::*;

    fn worker(name: &str, levels: &[&str], roots: &[&str], away: &[&str]) -> SeenWorker {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let worker = WorkerAnnouncement {
            name: name.to_owned(),
            levels: own(levels),
            roots: own(roots),
            roots_away: own(away),
            ..WorkerAnnouncement::default()
        };
        SeenWorker { worker, seen_seconds_ago: 1 }
    }

    fn said(roots: &[&str], consumers: Option<u32>, workers: Option<&[SeenWorker]>) -> Vec<String> {
        let depth = consumers.map(|consumers| QueueDepth {
            queue: "a.low".to_owned(),
            ready: 3,
            consumers,
            is_certain: true,
        });
        let roots = roots.iter().map(|root| (*root).to_owned()).collect();
        missing("low", &roots, depth.as_ref(), workers)
    }

    #[test]
    fn a_level_without_a_consumer_is_named_with_its_queue() {
        let expected = "no worker takes from level low (queue a.low has no consumer): jobs wait";
        assert_eq!(said(&["music"], Some(0), None), [expected]);
        // A worker that was killed is announced for a while.
        let dead = [worker("w", &["low"], &["music"], &[])];
        assert_eq!(said(&["music"], Some(0), Some(&dead)), [expected]);
    }

    #[test]
    fn without_the_broker_the_announcements_tell() {
        let others = [worker("w", &["high"], &["music"], &[])];
        let lines = said(&["music"], None, Some(&others));
        assert!(
            lines.len() == 1 && lines[0].starts_with("no worker takes from level low (none of"),
            "{lines:?}"
        );
        // Workers that announce nothing may be there.
        assert!(said(&["music"], None, Some(&[])).is_empty());
        assert!(said(&["music"], None, None).is_empty());
    }

    #[test]
    fn a_root_that_nobody_has_is_named_and_one_that_is_away_differs() {
        let workers =
            [worker("w1", &["low"], &["music"], &["tape"]), worker("w2", &["high"], &["other"], &[])];
        let lines = said(&["music", "other", "tape"], Some(1), Some(&workers));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with(
            "no worker that takes from level low has the media root 'other' (they have: music, tape)"
        ));
        assert!(lines[1].starts_with("the media root 'tape' is away at every worker"), "{lines:?}");
    }

    #[test]
    fn a_consumer_that_announces_nothing_may_have_any_root() {
        let workers = [worker("w1", &["low"], &["music"], &[])];
        assert!(said(&["other"], Some(2), Some(&workers)).is_empty());
        assert_eq!(said(&["other"], Some(1), Some(&workers)).len(), 1);
        assert!(said(&["other"], Some(1), None).is_empty());
    }
}
