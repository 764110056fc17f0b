//! The next files are read into memory while the lanes work on others, so that a lane does not wait for a disk or a network.
//!
//! One more process does it, confined as a lane is, because to open a file may hang and its name comes from a message. It
//! is started with the first file that may have to be fetched: where files are in memory already there is none.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::lanes::{Cached, Lane, LaneSettings, Lanes, ReadAhead as Read, RequestError, Target};
use crate::metrics;

mod plan;

use plan::{Plan, Step};

/// What the pipeline tells of the files that come, begin and end. Cheap to clone; without a [`Reader`] it heeds nothing.
#[derive(Debug, Clone, Default)]
pub struct ReadAhead(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    changed: Notify,
    /// Once there is one.
    reader: OnceLock<Lanes>,
}

/// The task that has files read ahead, and its process. Both end when it is dropped.
#[derive(Debug)]
pub struct Reader(JoinHandle<()>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads so many first bytes of each of the next files ahead, of as many as there are lanes. `None` of a reader when that is 0.
#[must_use]
pub fn start(lanes: &LaneSettings, bytes_each: u64) -> (ReadAhead, Option<Reader>) {
    // A rehearsal opens no file, and only Linux is asked to read ahead.
    if !cfg!(target_os = "linux") || bytes_each == 0 || lanes.engine.rehearsal.is_some() {
        return (ReadAhead::default(), None);
    }
    let plan = Mutex::new(Plan::new(lanes.lanes));
    let shared = Arc::new(Shared { plan, changed: Notify::new(), reader: OnceLock::new() });
    let reading = tokio::spawn(read(Arc::clone(&shared), reader_of(lanes), bytes_each));
    (ReadAhead(Some(shared)), Some(Reader(reading)))
}

/// One process, with a lane's share of memory.
fn reader_of(lanes: &LaneSettings) -> LaneSettings {
    let others = lanes.max_memory_bytes.saturating_sub(lanes.parent_memory_bytes) / lanes.lanes.max(1) as u64;
    LaneSettings {
        lanes: 1,
        max_memory_bytes: lanes.parent_memory_bytes.saturating_add(others),
        ..lanes.clone()
    }
}

impl ReadAhead {
    /// How many of the files that come next it wants to hear of.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.0.as_ref().map_or(0, |shared| shared.plan().horizon())
    }

    /// These files come next, in this order.
    pub fn upcoming(&self, next: impl Iterator<Item = Target>) {
        self.tell(|plan| plan.upcoming(next));
    }

    /// The job of a file begins. It is over when the answer is dropped.
    #[must_use]
    pub fn begin(&self, target: Target) -> InHand<'_> {
        self.tell(|plan| plan.begin(&target));
        InHand { ahead: self, target }
    }

    /// The job of a file will not begin here.
    pub fn give_up(&self, target: &Target) {
        self.tell(|plan| plan.end(target));
    }

    /// Resident memory of the reader, bytes; 0 as long as there is none.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let reader = self.0.as_ref().and_then(|shared| shared.reader.get());
        reader.map_or(0, |reader| reader.stats().lanes.iter().filter_map(|lane| lane.resident_bytes).sum())
    }

    fn tell(&self, news: impl FnOnce(&mut Plan)) {
        if let Some(shared) = &self.0 {
            let mut plan = shared.plan();
            news(&mut plan);
            // Most often, and always where nothing is read ahead, there is nothing to wake the reader for.
            if plan.has_step() {
                shared.changed.notify_one();
            }
        }
    }
}

/// A file that is worked on.
#[derive(Debug)]
pub struct InHand<'a> {
    ahead: &'a ReadAhead,
    target: Target,
}

impl InHand<'_> {
    /// Which.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// A lane has read it; what of it was in memory when the lane came to it.
    pub fn was_read(&self, cached: Cached) {
        self.ahead.tell(|plan| plan.was_read(&self.target, cached));
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.ahead.tell(|plan| plan.end(&self.target));
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        // A plan is whole between any two of its statements.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> Step {
        loop {
            let step = self.plan().next();
            match step {
                Some(step) => return step,
                None => self.changed.notified().await,
            }
        }
    }
}

async fn read(shared: Arc<Shared>, settings: LaneSettings, bytes_each: u64) {
    let mut step = shared.next().await;
    let reader = match Lanes::start(settings).await {
        Ok(reader) => shared.reader.get_or_init(|| reader).clone(),
        Err(error) => {
            tracing::warn!(%error, "files are not read ahead");
            return;
        }
    };
    while let Ok(mut lane) = reader.acquire().await {
        match step {
            Step::Read(target) => {
                let Ok(answer) = read_one(&mut lane, &target, bytes_each).await else { return };
                shared.plan().answered(target, answer);
            }
            Step::GiveBack(target) => lane.give_back(target).await,
        }
        drop(lane);
        step = shared.next().await;
    }
}

/// `Err`: the reader was stopped.
async fn read_one(lane: &mut Lane, target: &Target, bytes_each: u64) -> Result<Option<Read>, ()> {
    match lane.read_ahead(target, bytes_each).await {
        Ok(read) => {
            metrics::read_ahead(read.bytes);
            Ok(Some(read))
        }
        Err(RequestError::Stopped) => Err(()),
        // Its job will tell the same, and to those who asked for it.
        Err(RequestError::Failed(failure)) => {
            tracing::debug!(path = %target.path, %failure, "not read ahead");
            Ok(None)
        }
    }
}
