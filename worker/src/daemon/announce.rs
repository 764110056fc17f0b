//! The worker announces itself in Redis: `producer status` lists who is there, and a producer can tell when nobody serves the
//! level or the media root of its jobs. Nothing waits for it, and nothing depends on it.

use std::time::Duration;

use shared::settings::WorkerSettings;
use shared::store::{Store, WorkerAnnouncement};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use crate::gates::Gates;
use crate::stop::Stop;

/// Three of them fit into the time for which an announcement counts.
const EVERY: Duration = Duration::from_secs(20);

/// Gates open and close together when a server comes back: one announcement for all of it.
const SETTLES_WITHIN: Duration = Duration::from_millis(200);

/// Announces the worker until it takes no more jobs.
pub(super) fn start(settings: &WorkerSettings, lanes: usize, store: Store, stop: Stop, gates: Gates) {
    let (levels, analysis) = (settings.queue.levels, &settings.analysis);
    let worker = WorkerAnnouncement {
        name: settings.service.name.clone(),
        version: shared::VERSION.to_owned(),
        lanes,
        holds_at_most: lanes + analysis.batch_size.max(analysis.batch_max),
        levels: settings.schedule.levels.iter().map(|level| levels.name(*level).to_owned()).collect(),
        ..WorkerAnnouncement::default()
    };
    tokio::spawn(Announcer { store, gates, worker, said: None, is_heard: true }.run(stop));
}

struct Announcer {
    store: Store,
    gates: Gates,
    worker: WorkerAnnouncement,
    /// What Redis has heard last.
    said: Option<WorkerAnnouncement>,
    is_heard: bool,
}

impl Announcer {
    async fn run(mut self, stop: Stop) {
        loop {
            tokio::select! {
                () = self.announce() => {}
                () = stop.draining() => break,
            }
            let next = Instant::now() + EVERY;
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.gates.changed() => tokio::time::sleep(SETTLES_WITHIN).await,
                () = stop.draining() => break,
            }
        }
        if let Some(said) = &self.said
            && let Err(error) = self.store.withdraw_worker(said).await
        {
            debug!(%error, "the announcement of this worker is not withdrawn: it expires");
        }
    }

    async fn announce(&mut self) {
        let (away, there): (Vec<_>, Vec<_>) = self
            .gates
            .roots()
            .map(|(name, _)| name.to_owned())
            .partition(|name| self.gates.away(name).is_some());
        let worker = WorkerAnnouncement { roots: there, roots_away: away, ..self.worker.clone() };
        match self.store.announce_worker(&worker, self.said.as_ref()).await {
            Ok(()) => {
                self.said = Some(worker);
                self.is_heard = true;
            }
            // Once: that Redis is away is said by others, but a key of another kind is said by nobody else.
            Err(error) if std::mem::take(&mut self.is_heard) => {
                warn!(%error, "this worker is not announced: `producer status` does not list it");
            }
            Err(_) => {}
        }
    }
}
