//! What Redis is told and asked of a job that starts here: how often it has started, and whether it is wanted still.
//!
//! A job that is cancelled before its start meets the mark with the count of the start, in the same round trip. One that
//! runs already is recalled: as long as anything runs, the list of recalled batches is read every moment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::job::{BatchId, Job, JobId};
use shared::store::{History, RecallPlace, Start, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A user who cancels sees the lanes free within about a second; two commands a second are no load for Redis.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Batches known to be cancelled; beyond these all are forgotten and learnt anew, at the cost of a lane busied in vain for
/// each.
const MOST_KNOWN: usize = 10_000;

/// Starts counted in one round trip: more than lanes ever wait.
const MOST_COUNTED: usize = 256;

/// The starts of one worker.
#[derive(Debug)]
pub struct Starts {
    store: Store,
    runs: Arc<Mutex<Runs>>,
    known: Arc<Mutex<HashSet<BatchId>>>,
    counts: mpsc::UnboundedSender<Counting>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// What Redis says of a start, once it has answered. Nobody need wait for it.
pub type Count = oneshot::Receiver<Result<Start, Arc<StoreError>>>;

/// A start that is to be counted, and who wants to know.
type Counting = (BatchId, JobId, oneshot::Sender<Result<Start, Arc<StoreError>>>);

#[derive(Debug, Default)]
struct Runs {
    last: u64,
    running: HashMap<u64, (BatchId, JobId, CancellationToken)>,
}

/// One job at work. Dropped when it has ended.
#[derive(Debug)]
pub struct Run {
    number: u64,
    runs: Arc<Mutex<Runs>>,
    recall: CancellationToken,
}

impl Starts {
    /// Counts in this store and watches its list of recalled batches. Needs a tokio runtime.
    #[must_use]
    pub fn watching(store: Store) -> Self {
        let (runs, known) = (Arc::<Mutex<Runs>>::default(), Arc::default());
        let (counts, wanted) = mpsc::unbounded_channel();
        let watch = tokio::spawn(watch(store.clone(), Arc::clone(&runs)));
        let count = tokio::spawn(count(store.clone(), wanted, Arc::clone(&known)));
        let tasks = [watch, count].map(AbortOnDropHandle::new);
        Self { store, runs, known, counts, _tasks: tasks }
    }

    /// A job goes to work here.
    #[must_use]
    pub fn enter(&self, job: &Job) -> Run {
        let recall = CancellationToken::new();
        let mut runs = lock(&self.runs);
        runs.last += 1;
        let number = runs.last;
        runs.running.insert(number, (job.batch_id, job.job_id, recall.clone()));
        Run { number, runs: Arc::clone(&self.runs), recall }
    }

    /// Counts a start.
    #[must_use]
    pub fn count(&self, job: &Job) -> Count {
        let (answer, count) = oneshot::channel();
        // The receiver lives as long as we do.
        let _ = self.counts.send((job.batch_id, job.job_id, answer));
        count
    }

    /// Whether jobs of this batch were found cancelled: ask before a lane is busied with another one.
    #[must_use]
    pub fn is_doubtful(&self, batch: BatchId) -> bool {
        lock(&self.known).contains(&batch)
    }

    /// What is known of a job that the broker has given up on.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn history(&self, job: &Job) -> Result<History, StoreError> {
        self.store.history(job.batch_id, job.job_id).await
    }

    /// Takes back a start that did not come to an end through no fault of the job.
    pub async fn forget(&self, job: &Job) {
        if let Err(error) = self.store.unstarted(job.batch_id, job.job_id).await {
            tracing::warn!(job_id = %job.job_id, %error, "cannot take back the count of a start");
        }
    }
}

impl Run {
    /// Waits until the job is not wanted any more.
    pub async fn recalled(&self) {
        self.recall.cancelled().await;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        lock(&self.runs).running.remove(&self.number);
    }
}

/// Counts what has come together while Redis answered the last time: one round trip for many short jobs, none to wait for
/// when they are long.
async fn count(
    store: Store,
    mut wanted: mpsc::UnboundedReceiver<Counting>,
    known: Arc<Mutex<HashSet<BatchId>>>,
) {
    let mut starts = Vec::new();
    while wanted.recv_many(&mut starts, MOST_COUNTED).await > 0 {
        // Lanes that came free in the same moment start their next job in this turn of the runtime.
        tokio::task::yield_now().await;
        while starts.len() < MOST_COUNTED
            && let Ok(start) = wanted.try_recv()
        {
            starts.push(start);
        }
        let jobs: Vec<(BatchId, JobId)> = starts.iter().map(|(batch, job, _)| (*batch, *job)).collect();
        let answers = match store.started(&jobs).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(Arc::new(error)); starts.len()],
        };
        for ((batch, _, caller), answer) in starts.drain(..).zip(answers) {
            if matches!(answer, Ok(Start::Cancelled)) {
                remember(&known, batch);
            }
            // Whoever asked may have ended meanwhile.
            let _ = caller.send(answer);
        }
    }
}

fn remember(known: &Mutex<HashSet<BatchId>>, batch: BatchId) {
    let mut known = lock(known);
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(batch);
}

async fn watch(store: Store, runs: Arc<Mutex<Runs>>) {
    let mut place = RecallPlace::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // What starts later is told by the count of its start.
        if lock(&runs).running.is_empty() {
            continue;
        }
        match look(&store, &runs, place).await {
            Ok(next) => place = next,
            Err(error) => tracing::debug!(%error, "cannot ask whether something was cancelled"),
        }
    }
}

async fn look(store: &Store, runs: &Mutex<Runs>, place: RecallPlace) -> Result<RecallPlace, StoreError> {
    let (batches, next) = store.recalls(place).await?;
    for batch in batches {
        let running: Vec<(JobId, CancellationToken)> = {
            let runs = lock(runs);
            let of_batch = runs.running.values().filter(|(of, ..)| *of == batch);
            of_batch.map(|(_, job, recall)| (*job, recall.clone())).collect()
        };
        if running.is_empty() {
            continue;
        }
        let jobs: Vec<JobId> = running.iter().map(|(job, _)| *job).collect();
        let flags = store.are_cancelled(batch, &jobs).await?;
        running
            .iter()
            .zip(flags)
            .filter(|(_, cancelled)| *cancelled)
            .for_each(|((_, recall), _)| recall.cancel());
    }
    Ok(next)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
