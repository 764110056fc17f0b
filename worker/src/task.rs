//! What flows through the pipeline: a task from a source, an end to a sink, a settlement back to the source.

use std::path::PathBuf;

use shared::job::{BatchId, Job, JobId, Priority, RelPath, TraceContext, TraceId};
use shared::outcome::FailureKind;
use shared::record::Record;
use tokio::time::Instant;

use crate::lanes::Target;
use crate::metrics::Stage;

/// A task's name at its source. It is taken by value when the task is settled, so none is settled twice.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// Which of the source's streams it came from (RabbitMQ: the level).
    pub stream: usize,
    /// Which life of that stream: tags start anew after a reconnect.
    pub epoch: u64,
    /// Its number there (RabbitMQ: the delivery tag).
    pub tag: u64,
}

/// One unit of work as a source hands it over.
#[derive(Debug)]
pub struct Task {
    /// For settling it.
    pub ticket: Ticket,
    /// The level it was taken from; 0 is the highest.
    pub level: Priority,
    /// Whether it may have been started before, here or elsewhere.
    pub redelivered: bool,
    /// When it came in.
    pub received: Instant,
    /// What is to be done.
    pub work: Work,
}

/// What is to be done.
#[derive(Debug)]
pub enum Work {
    /// A file to analyse.
    File(Box<FileWork>),
    /// A message that is no job: it ends as what `kind` says.
    Unreadable(Box<Unreadable>),
    /// A job that the broker has given up on: its history says what becomes of it.
    Dead(Box<DeadLetter>),
}

impl Work {
    /// The job that it is about, where it is one's.
    #[must_use]
    pub fn job_id(&self) -> Option<JobId> {
        match self {
            Self::File(work) => work.job.as_ref().map(|job| job.job_id),
            Self::Dead(letter) => Some(letter.job.job_id),
            Self::Unreadable(_) => None,
        }
    }

    /// The batch of the job that it is about, where it is one's.
    #[must_use]
    pub fn batch_id(&self) -> Option<BatchId> {
        match self {
            Self::File(work) => work.job.as_ref().map(|job| job.batch_id),
            Self::Dead(letter) => Some(letter.job.batch_id),
            Self::Unreadable(_) => None,
        }
    }

    /// The trace that it belongs to, for logs.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        let trace = match self {
            Self::File(work) => work.trace,
            Self::Dead(letter) => letter.trace,
            Self::Unreadable(unreadable) => unreadable.trace,
        };
        trace.map(|trace| trace.trace_id())
    }
}

/// A job that the broker has given up on.
#[derive(Debug)]
pub struct DeadLetter {
    /// The job with its attempts so far.
    pub job: Job,
    /// Why, in the broker's words: `delivery_limit`, `rejected` …
    pub reason: String,
    /// How often it was published again before.
    pub revivals: u16,
    /// The trace that it came with, or its own.
    pub trace: Option<TraceContext>,
}

/// A file to analyse.
#[derive(Debug)]
pub struct FileWork {
    /// How records name it.
    pub shown: Vec<u8>,
    /// The media root on this host; `None` when none of that name is configured.
    pub root: Option<PathBuf>,
    /// Path below the root.
    pub path: RelPath,
    /// Retries already made.
    pub attempt: u16,
    /// Analyse even when the cache knows the audio.
    pub force: bool,
    /// How often the broker has handed the job out before, as far as it says so: a job that comes back too often is
    /// dead-lettered.
    pub deliveries: u32,
    /// Size and time of last change (nanoseconds since the Unix epoch), where the source has seen the file.
    pub seen: Option<(u64, i64)>,
    /// The job as it was submitted, where there is one.
    pub job: Option<Job>,
    /// The trace that it came with, or its own.
    pub trace: Option<TraceContext>,
}

impl FileWork {
    /// The file as a lane is told of it; `None` where its root is not configured.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        self.root.clone().map(|root| Target { root, path: self.path.clone() })
    }
}

/// A message that is no job.
#[derive(Debug)]
pub struct Unreadable {
    /// From its properties, or made of its bytes.
    pub job_id: JobId,
    /// From its properties, or [`BatchId::STRAY`].
    pub batch_id: BatchId,
    /// `unreadable_message` or `unsupported_version`.
    pub kind: FailureKind,
    /// What is wrong with it.
    pub detail: String,
    /// The message.
    pub body: Vec<u8>,
    /// The trace that it came with.
    pub trace: Option<TraceContext>,
}

/// A task that has come to its end, to be stored.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What became of it.
    pub record: Record,
    /// The job with its attempts so far, where there is one.
    pub job: Option<Job>,
    /// The message, where it was no job.
    pub message: Option<Vec<u8>>,
    /// What it was part of, for the log and for a retry.
    pub trace: Option<TraceContext>,
    /// The stage that it failed in, where it reached one.
    pub stage: Option<Stage>,
}

impl Ended {
    /// An end outside every stage and trace.
    #[must_use]
    pub const fn new(record: Record, job: Option<Job>) -> Self {
        Self { record, job, message: None, trace: None, stage: None }
    }

    /// The trace, for logs.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.trace.map(|trace| trace.trace_id())
    }
}

/// What the source is to do with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It is done; never again.
    Ack,
    /// Again later: this job, by this retry tier.
    Retry {
        /// Index of the tier.
        tier: usize,
        /// The job with its attempt counted.
        job: Box<Job>,
        /// The trace that it stays in.
        trace: Option<TraceContext>,
    },
    /// Again now, as a fresh message: this dead letter.
    Revive {
        /// The job as it is.
        job: Box<Job>,
        /// How often that has been done, this time included.
        revivals: u16,
        /// The trace that it stays in.
        trace: Option<TraceContext>,
    },
    /// As if it had never been taken; somebody else may have it now.
    GiveBack,
}

/// What the pipeline made of a task.
#[derive(Debug)]
pub enum Completion {
    /// Store this, then acknowledge.
    Store(Box<Ended>),
    /// Nothing to store: settle like this.
    Settle(Settlement),
}
