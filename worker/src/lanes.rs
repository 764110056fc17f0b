//! Analysis in child processes: a pool of lanes, each of which works on one file at a time and can be killed.
//!
//! A time-out, a memory limit, an abort, a stack overflow or an endless loop in a decoder ends that job with the right
//! outcome and costs the others nothing; a fresh lane takes the place of the dead one. The children are this same
//! binary (`worker lane`), fed over pipes.
//!
//! Lanes know no job, no queue and no store: a file goes in, an answer or a failure comes out. They open no file in the
//! parent, so that a dead mount hangs a lane and not the worker.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use shared::job::RelPath;
use shared::outcome::FailureKind;
use shared::settings::LaneConfinement;
use tokio::sync::{oneshot, watch};
use tokio_util::task::TaskTracker;

mod cgroup;
pub mod child;
mod clock;
mod confinement;
mod engine;
mod exit;
mod lane;
mod limits;
mod pages;
mod pool;
mod process;
mod protocol;
mod rehearsal;
mod slots;
mod spawner;
mod stats;
mod stderr;
mod supervisor;
mod usage;
mod wire;

pub use confinement::{Confinement, Layer};
pub use engine::{Engine, EngineOptions};
pub use lane::Lane;
pub use limits::lane_share;
pub use stats::{LaneStats, LaneUsage, RestartCause};
pub(crate) use usage::resident_bytes;

use pool::Pool;
use protocol::{Folder, Setup};
use spawner::Spawner;

/// Progress frames come at least this often, so that the stall limit has something to judge by.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
const PROGRESS_PER_TIMEOUT: u32 = 8;

/// What a pool of lanes is made of.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// How many processes, at least 1.
    pub lanes: usize,
    /// Wall time of a job of up to 10 minutes of audio, proportionally more beyond; and the longest time without progress.
    pub timeout: Duration,
    /// What the parent and all lanes may allocate together, bytes.
    pub max_memory_bytes: u64,
    /// The parent's part of it, bytes: its caches, its connections, itself.
    pub parent_memory_bytes: u64,
    /// Scheduling priority of the lanes, −20 to 19; below 0 needs a privilege.
    pub nice: i32,
    /// Processors that lanes may use; empty: all (`WORKER_CPU_AFFINITY`).
    pub affinity: Vec<usize>,
    /// Folders below which alone a lane may read; `None` leaves lanes unconfined, for engines of tests that write.
    pub readable: Option<Vec<PathBuf>>,
    /// What a lane may run without of its confinement (`LANE_CONFINEMENT`).
    pub confinement: LaneConfinement,
    /// What every lane's engine is told.
    pub engine: EngineOptions,
    /// The program to start: [`this_program`], but for tests.
    pub program: PathBuf,
    /// Its arguments: the name of the subcommand that calls [`child::main`].
    pub args: Vec<OsString>,
}

/// The running program, as a lane is to start it.
///
/// On Linux not by its name: a package update that replaces the binary under a running worker would have its lanes
/// start as another version, or not at all.
///
/// # Errors
/// Where the system cannot say.
pub fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// A file as a lane is told of it. The lane resolves and opens it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The media root on this host.
    #[serde(with = "wire::path")]
    pub root: PathBuf,
    /// Path below it.
    pub path: RelPath,
}

/// Who the audio of a file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identified {
    /// Identity of the audio payload.
    pub identity: analysis::Identity,
    /// Tags, where they were asked for and can be read.
    pub tags: Option<shared::report::Tags>,
    /// Size of the file, bytes.
    pub bytes: u64,
    /// When the file was last changed.
    #[serde(with = "wire::time")]
    pub modified: SystemTime,
    /// What of the file was in memory when the lane came to it.
    pub cached: Cached,
}

/// The report on a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysed {
    /// How far the analysis got.
    pub verdict: analysis::Verdict,
    /// Identity of the audio payload.
    pub identity: analysis::Identity,
    /// What was measured.
    pub report: Box<shared::report::Report>,
    /// Size of the file, bytes.
    pub bytes: u64,
    /// When the file was last changed.
    #[serde(with = "wire::time")]
    pub modified: SystemTime,
    /// Wall time in the lane, opening included.
    pub elapsed: Duration,
    /// What of the file was in memory when the lane came to it.
    pub cached: Cached,
}

/// What of a file was in the machine's memory before we read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cached {
    /// Nothing, as far as a few looks tell. What we then read is ours alone, and may go when we are done.
    Nothing,
    /// Something: others read it, too.
    Something,
    /// The file system does not say. Those of networks do not.
    Unknown,
    /// Whatever it was, it may be gone with the next opening, and so would be what is read ahead.
    Forgotten,
}

impl Cached {
    /// Whether the file has, as far as is known, to be fetched, and reading it ahead helps.
    #[must_use]
    pub const fn is_fetched(self) -> bool {
        matches!(self, Self::Nothing | Self::Unknown)
    }
}

/// What became of a file that was to be read ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAhead {
    /// So many bytes of it are being read into memory; none where some were there already.
    pub bytes: u64,
    /// What was there before.
    pub cached: Cached,
}

/// The end of a job that has no report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct LaneFailure {
    /// Stable code.
    pub kind: FailureKind,
    /// For a person.
    pub detail: String,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The end of the job.
    #[error(transparent)]
    Failed(#[from] LaneFailure),
    /// The pool was stopped with `kill`: no end of the job, it was interrupted.
    #[error("interrupted: the lanes were stopped")]
    Stopped,
}

/// The pool was stopped: it has no lane for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lanes were stopped")]
pub struct Stopped;

/// Why lanes cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The operating system did not start the program.
    #[error("a lane cannot be started: {0}{remedy}", remedy = remedy(.0))]
    Spawn(#[source] io::Error),
    /// The program started, and did not become a lane.
    #[error("a lane did not become ready: {detail}")]
    NotReady {
        /// What it did instead.
        detail: String,
    },
    /// The lane could not apply its settings.
    #[error("a lane refused its settings: {detail}")]
    Refused {
        /// Which one, and why.
        detail: String,
    },
    /// The memory does not suffice for so many lanes.
    #[error("{} MiB of memory are too little for {lanes} lanes: {} MiB are needed", max_bytes >> 20, needed_bytes >> 20)]
    TooLittleMemory {
        /// What there is, bytes.
        max_bytes: u64,
        /// The parent's part and [`shared::settings::MIN_LANE_BYTES`] for each lane, bytes.
        needed_bytes: u64,
        /// How many were asked for.
        lanes: usize,
    },
}

/// What to do about a system that starts no process.
fn remedy(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN) => " (too many processes: raise the container's pids limit, or ulimit -u)",
        Some(Errno::MFILE | Errno::NFILE) => " (too many open files: raise ulimit -n)",
        Some(Errno::NOMEM) => " (too little memory: run fewer lanes, see ANALYSIS_MAX_WORKERS)",
        _ => "",
    }
}

/// The pool, cheap to clone. When the last clone goes, every lane is killed.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    pool: Arc<Pool>,
    supervisors: TaskTracker,
}

impl Lanes {
    /// Starts all lanes, and waits until each is ready. Needs a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// When one cannot start; the others are gone by then.
    pub async fn start(settings: LaneSettings) -> Result<Self, LaneError> {
        let lanes = settings.lanes.max(1);
        let settings = LaneSettings { lanes, ..settings };
        let setup = Setup {
            memory_bytes: lane_share(settings.max_memory_bytes, settings.parent_memory_bytes, lanes)?,
            nice: settings.nice,
            affinity: settings.affinity.clone(),
            progress_every: PROGRESS_EVERY.min(settings.timeout / PROGRESS_PER_TIMEOUT),
            engine: settings.engine.clone(),
            readable: settings.readable.clone().map(|roots| roots.into_iter().map(Folder).collect()),
            confinement: settings.confinement,
        };
        let spawner = Spawner::start(&settings).map_err(LaneError::Spawn)?;
        let pool = Arc::new(Pool::new(settings, setup, spawner));
        let handle = Self(Arc::new(Handle { pool, supervisors: TaskTracker::new() }));
        let first_starts: Vec<_> = (0..lanes).map(|slot| handle.supervise(slot)).collect();
        for start in first_starts {
            let gone = || LaneError::Spawn(io::Error::other("its supervisor has ended"));
            if let Err(error) = start.await.unwrap_or_else(|_| Err(gone())) {
                handle.stop(true).await;
                return Err(error);
            }
        }
        if let Some(confinement) = handle.confinement().filter(|_| handle.0.pool.settings.readable.is_some())
        {
            confinement.log();
        }
        Ok(handle)
    }

    /// How far the lanes are shut in; known once they have started.
    #[must_use]
    pub fn confinement(&self) -> Option<&Confinement> {
        self.0.pool.confinement.get()
    }

    fn supervise(&self, slot: usize) -> oneshot::Receiver<Result<(), LaneError>> {
        let (report, first_start) = oneshot::channel();
        self.0.supervisors.spawn(supervisor::keep(Arc::clone(&self.0.pool), slot, report));
        first_start
    }

    /// Waits for a free lane. Those who wait are served in turn.
    ///
    /// # Errors
    /// Once the pool is stopped.
    pub async fn acquire(&self) -> Result<Lane, Stopped> {
        self.0.pool.take().await.map(|process| self.lane(process)).ok_or(Stopped)
    }

    /// A free lane, if there is one now.
    #[must_use]
    pub fn try_acquire(&self) -> Option<Lane> {
        self.0.pool.try_take().map(|process| self.lane(process))
    }

    fn lane(&self, process: process::Process) -> Lane {
        Lane::new(Arc::clone(&self.0.pool), process)
    }

    /// How many lanes are free now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.pool.free()
    }

    /// Follows why there is no lane and none can be had: starting one fails again and again, or the processes hang in the
    /// kernel. `None` as long as one lives or is likely to. The pool goes on trying, and heals by itself.
    #[must_use]
    pub fn outage(&self) -> watch::Receiver<Option<String>> {
        self.0.pool.outage.subscribe()
    }

    /// Restarts, processor time and memory, read now.
    #[must_use]
    pub fn stats(&self) -> LaneStats {
        self.0.pool.stats()
    }

    /// Hands out no lane any more, in no clone, and waits until every process is reaped: at once with `kill`, where a
    /// request under way ends as [`RequestError::Stopped`]; otherwise when the lanes at work have been given back.
    pub async fn stop(self, kill: bool) {
        self.0.pool.close(kill);
        self.0.supervisors.close();
        self.0.supervisors.wait().await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.pool.close(true);
    }
}
