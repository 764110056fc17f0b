//! What Redis is told and asked of a job that starts here: how often it has started, and whether it is wanted still.
//!
//! A job that is cancelled before its start meets the mark with the count of the start, in the same round trip. One that
//! runs already is recalled: as long as anything runs, the list of recalled batches is read every moment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
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
    requests: mpsc::UnboundedSender<Request>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// What Redis says of a start, once it has answered. Nobody need wait for it.
pub type Count = oneshot::Receiver<Result<Start, Arc<StoreError>>>;

/// What Redis is to be told of a start. One task tells it everything, in the order in which it was asked to: a start that
/// was taken back before it was counted would be counted for good.
#[derive(Debug)]
enum Request {
    /// It begins; who wants to know.
    Count(BatchId, JobId, oneshot::Sender<Result<Start, Arc<StoreError>>>),
    /// It was no start; who waits until that is told.
    Forget(BatchId, JobId, oneshot::Sender<()>),
}

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
        let (requests, wanted) = mpsc::unbounded_channel();
        let watch = tokio::spawn(watch(store.clone(), Arc::clone(&runs)));
        let tell = tokio::spawn(tell(store.clone(), wanted, Arc::clone(&known)));
        let tasks = [watch, tell].map(AbortOnDropHandle::new);
        Self { store, runs, known, requests, _tasks: tasks }
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
        let _ = self.requests.send(Request::Count(job.batch_id, job.job_id, answer));
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
        let (done, told) = oneshot::channel();
        let _ = self.requests.send(Request::Forget(job.batch_id, job.job_id, done));
        // Where nobody answers, the task has ended with the worker.
        let _ = told.await;
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

/// Tells what has come together while Redis answered the last time: one round trip for many short jobs, none to wait for when
/// they are long.
async fn tell(
    store: Store,
    mut wanted: mpsc::UnboundedReceiver<Request>,
    known: Arc<Mutex<HashSet<BatchId>>>,
) {
    let mut requests = Vec::new();
    while wanted.recv_many(&mut requests, MOST_COUNTED).await > 0 {
        // Lanes that came free in the same moment start their next job in this turn of the runtime.
        tokio::task::yield_now().await;
        while requests.len() < MOST_COUNTED
            && let Ok(request) = wanted.try_recv()
        {
            requests.push(request);
        }
        let (mut counts, mut forgets) = (Vec::new(), Vec::new());
        for request in requests.drain(..) {
            match request {
                // A job that has ended meanwhile has no start any more that could be counted.
                Request::Count(_, _, caller) if caller.is_closed() => {}
                Request::Count(batch, job, caller) => counts.push((batch, job, caller)),
                Request::Forget(batch, job, done) => forgets.push((batch, job, done)),
            }
        }
        let jobs: Vec<(BatchId, JobId)> = counts.iter().map(|(batch, job, _)| (*batch, *job)).collect();
        for ((batch, _, caller), answer) in counts.into_iter().zip(count(&store, &jobs).await) {
            if matches!(answer, Ok(Start::Cancelled)) {
                remember(&known, batch);
            }
            // Whoever asked may have ended meanwhile.
            let _ = caller.send(answer);
        }
        // After the counts: a job is started before that is taken back.
        let forget = async |(batch, job, done): (BatchId, JobId, oneshot::Sender<()>)| {
            if let Err(error) = store.unstarted(batch, job).await {
                tracing::warn!(job_id = %job, %error, "cannot take back the count of a start");
            }
            let _ = done.send(());
        };
        join_all(forgets.into_iter().map(forget)).await;
    }
}

/// Counts starts, batch by batch: one whose keys are broken fails alone. The answers are in the order of the jobs.
async fn count(store: &Store, jobs: &[(BatchId, JobId)]) -> Vec<Result<Start, Arc<StoreError>>> {
    let mut batches: BTreeMap<BatchId, Vec<usize>> = BTreeMap::new();
    for (place, (batch, _)) in jobs.iter().enumerate() {
        batches.entry(*batch).or_default().push(place);
    }
    let mut answers: Vec<Option<Result<Start, Arc<StoreError>>>> = jobs.iter().map(|_| None).collect();
    for places in batches.values() {
        let of_batch: Vec<(BatchId, JobId)> = places.iter().map(|place| jobs[*place]).collect();
        match store.started(&of_batch).await {
            Ok(starts) => {
                places.iter().zip(starts).for_each(|(place, start)| answers[*place] = Some(Ok(start)));
            }
            Err(error) => {
                let error = Arc::new(error);
                places.iter().for_each(|place| answers[*place] = Some(Err(Arc::clone(&error))));
            }
        }
    }
    answers.into_iter().flatten().collect()
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
        let flags = match store.are_cancelled(batch, &jobs).await {
            // This batch cannot be asked about; the others behind it are no less cancelled for that.
            Err(error) if error.is_permanent() => {
                tracing::warn!(batch_id = %batch, %error, "cannot ask which jobs of a batch were cancelled");
                continue;
            }
            flags => flags?,
        };
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
