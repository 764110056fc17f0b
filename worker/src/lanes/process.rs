//! One lane process as its user holds it: its pipes, and a leash that kills it when let go.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use analysis::Progress;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};

use super::clock::RunClock;
use super::limits::Watch;
use super::protocol::{self, FrameError, Request, Response};
use super::{LaneFailure, RestartCause, usage};

/// Between two looks at the memory of a lane. What it takes on in between its limit bounds.
const WEIGHED_EVERY: Duration = Duration::from_millis(100);

/// A lane may be in the middle of its answer when its time is up. So much longer does nobody wait for it to be whole: long for
/// a pipe, short against any limit.
const ANSWER_WHOLE_WITHIN: Duration = Duration::from_millis(500);

/// How a process ended, as its supervisor found.
#[derive(Debug, Clone)]
pub(super) enum Death {
    /// By itself, or by somebody outside.
    OfItself(LaneFailure),
    /// By our hand, for the reason that the killer knows, or because the pool was stopped.
    Killed,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Broken {
    TimeUp,
    /// The other end of the pipe is closed.
    Gone,
    /// It sent what is no answer.
    Unreadable(FrameError),
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) slot: usize,
    /// Dropping it kills: a request that was given up on can never leave its answer to the next one.
    pub(super) leash: oneshot::Sender<RestartCause>,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: BufReader<ChildStdout>,
    pub(super) death: watch::Receiver<Option<Death>>,
    pub(super) marks: Arc<Marks>,
    /// When its memory was last looked at.
    pub(super) weighed: Option<Instant>,
    /// By which its requests are timed.
    pub(super) clock: Arc<RunClock>,
}

/// What its supervisor wants to know of its use.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// It was asked to do something, once.
    pub(super) used: AtomicBool,
    /// It is somebody's, who will tell of its end.
    pub(super) busy: AtomicBool,
}

impl Process {
    /// Sends a request and waits for the answer, as long as the watch allows. Dropped half-way, or broken, it leaves the
    /// process unusable.
    pub(super) async fn converse(
        &mut self,
        request: &Request,
        watch: &mut Watch,
    ) -> Result<Response, Broken> {
        self.marks.used.store(true, Ordering::Relaxed);
        self.marks.busy.store(true, Ordering::Relaxed);
        self.tell(request, watch).await?;
        loop {
            match self.frame(watch).await? {
                Ok(Some(Response::Progress { decoded_seconds, total_seconds })) => {
                    watch.progress(Progress { decoded_seconds, total_seconds }, self.clock.now());
                    // There is always something to read of a lane that never stops talking.
                    self.check(watch)?;
                }
                Ok(Some(response)) => return Ok(response),
                Ok(None) | Err(FrameError::Io(_) | FrameError::Truncated) => return Err(Broken::Gone),
                Err(error) => return Err(Broken::Unreadable(error)),
            }
        }
    }

    /// The next frame, as long as the watch allows.
    async fn frame(&mut self, watch: &mut Watch) -> Result<Result<Option<Response>, FrameError>, Broken> {
        let (pid, clock) = (self.pid, Arc::clone(&self.clock));
        let mut frame = pin!(protocol::read_async(&mut self.stdout));
        loop {
            let last = watch.deadline() + ANSWER_WHOLE_WITHIN;
            if let Some(frame) = clock.until(last.min(watch.next_look()), &mut frame).await {
                return Ok(frame);
            }
            check(pid, clock.now(), watch)?;
        }
    }

    fn check(&self, watch: &mut Watch) -> Result<(), Broken> {
        check(self.pid, self.clock.now(), watch)
    }

    /// Sends a request.
    pub(super) async fn tell(&mut self, request: &Request, watch: &Watch) -> Result<(), Broken> {
        let frame = protocol::encode(request).map_err(Broken::Unreadable)?;
        let written = self.clock.until(watch.deadline(), self.stdin.write_all(&frame)).await;
        written.ok_or(Broken::TimeUp)?.map_err(|_| Broken::Gone)
    }

    /// Whether it can take a request. Asks the kernel: the supervisor of a lane that was killed while idle may not have
    /// had its turn yet, and the next file is not to blame.
    pub(super) fn is_alive(&self) -> bool {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return false };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // The death comes first: once it is reaped the number may belong to somebody else.
        self.death.borrow().is_none() && matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    }

    /// Whether it sleeps in the kernel and no signal wakes it: it waits for a disk or a network. Not known without procfs.
    pub(super) fn waits_for_storage(&self) -> bool {
        usage::state(self.pid) == Some('D')
    }

    /// Its resident memory, bytes, where it is time to look: a look costs more than a tiny file does.
    pub(super) fn weigh(&mut self) -> Option<u64> {
        if self.weighed.is_some_and(|last| last.elapsed() < WEIGHED_EVERY) {
            return None;
        }
        self.weighed = Some(Instant::now());
        usage::resident_bytes(self.pid)
    }

    /// Kills it, with the reason for the statistics.
    pub(super) fn kill(self, cause: RestartCause) {
        // Refused only when it is dead already.
        let _ = self.leash.send(cause);
    }
}

/// Whether time is up. What the lane has waited for a processor is left out first.
fn check(pid: u32, now: Instant, watch: &mut Watch) -> Result<(), Broken> {
    if now >= watch.next_look().min(watch.deadline() + ANSWER_WHOLE_WITHIN) {
        watch.leave_out(usage::waited(pid), now);
    }
    if now >= watch.deadline() + ANSWER_WHOLE_WITHIN { Err(Broken::TimeUp) } else { Ok(()) }
}
