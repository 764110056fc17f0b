//! One slot of the pool: starts a process, watches it to its end, and puts a fresh one in its place.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use shared::outcome::FailureKind;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::clock::RunClock;
use super::limits::Watch;
use super::pool::Pool;
use super::process::{Broken, Death, Marks, Process};
use super::protocol::{Request, Response};
use super::slots::Slot;
use super::{LaneError, LaneFailure, RestartCause, exit, stderr};
use crate::sparing::Sparing;

/// A lane starts in milliseconds; on a machine that swaps it may take seconds.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A killed process is normally gone at once. One that is not hangs in the kernel, on a dead mount most likely.
const REAPED_WITHIN: Duration = Duration::from_secs(5);

/// The pipe closes with the process, unless something it started holds it open.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// Pauses before a start, when the one before was in vain: doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Hundreds of lanes may fail to start for the same reason, every ten seconds.
static FAILED_STARTS: Sparing = Sparing::new(5, Duration::from_secs(60));

/// What the supervisor keeps of a process while its other half is in the pool or in a caller's hands.
struct Running {
    child: Child,
    pid: u32,
    last_words: JoinHandle<String>,
    leash: oneshot::Receiver<RestartCause>,
    death: watch::Sender<Option<Death>>,
    marks: Arc<Marks>,
}

/// Keeps the slot filled until the pool closes. The first start is reported; a pool that cannot start is an error, one
/// that cannot *re*start goes on trying.
pub(super) async fn keep(pool: Arc<Pool>, slot: usize, first: oneshot::Sender<Result<(), LaneError>>) {
    let mut first = Some(first);
    let mut pause = FIRST_PAUSE;
    while !pool.closing.is_cancelled() {
        let useful = match (launch(&pool, slot).await, first.take()) {
            (Ok((running, process)), report) => {
                let marks = Arc::clone(&running.marks);
                pool.set_slot(slot, |_| Slot::Running(running.pid));
                pool.offer(process);
                // Nobody listens when the start of the pool was given up.
                let _ = report.map(|report| report.send(Ok(())));
                running.watch(&pool, slot).await;
                marks.used.load(Ordering::Relaxed)
            }
            (Err(error), Some(report)) => {
                let _ = report.send(Err(error));
                return;
            }
            // Stopped while it came up: no fault of the lane's, and nothing to warn of.
            (Err(_), None) if pool.closing.is_cancelled() => false,
            (Err(error), None) => {
                pool.set_slot(slot, |before| before.after_failed_start(&error));
                if let Some(left_out) = FAILED_STARTS.admit(Instant::now()) {
                    tracing::warn!(slot, %error, left_out, "a lane cannot be started, trying again");
                }
                false
            }
        };
        // A lane that a file brought down is replaced at once. One that dies without having been asked for anything
        // would do so again.
        if useful {
            pause = FIRST_PAUSE;
        } else {
            pool.closing.run_until_cancelled(tokio::time::sleep(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// A process that has done its set-up.
async fn launch(pool: &Pool, slot: usize) -> Result<(Running, Process), LaneError> {
    let mut child = pool.spawner.spawn().await.map_err(LaneError::Spawn)?;
    let (Some(stdin), Some(stdout), Some(words), Some(pid)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id())
    else {
        return Err(LaneError::NotReady { detail: "it has no pipes".to_owned() });
    };
    let mut last_words = tokio::spawn(stderr::drain(words, pid));
    let (leash, slack) = oneshot::channel();
    let (death, obituary) = watch::channel(None);
    let marks = Arc::new(Marks::default());
    let mut process = Process {
        pid,
        slot,
        stdin,
        stdout: BufReader::new(stdout),
        leash,
        death: obituary,
        marks: Arc::clone(&marks),
        weighed: None,
        clock: Arc::clone(&pool.clock),
    };
    let mut patience = Watch::new(READY_WITHIN, pool.clock.now());
    let setup = Request::Setup(pool.setup.clone());
    let answer = pool.killing.run_until_cancelled(process.converse(&setup, &mut patience)).await;
    marks.used.store(false, Ordering::Relaxed);
    if let Some(Ok(Response::Ready { confinement })) = answer {
        pool.confinement.get_or_init(|| confinement);
        return Ok((Running { child, pid, last_words, leash: slack, death, marks }, process));
    }
    let _ = child.start_kill();
    let status = reap(&mut child, pid, pool, slot).await;
    let words = collect(&mut last_words, &pool.clock).await;
    Err(unready(answer, status, &words))
}

fn unready(answer: Option<Result<Response, Broken>>, status: Option<ExitStatus>, words: &str) -> LaneError {
    let detail = match answer {
        Some(Ok(Response::Refused { detail })) => return LaneError::Refused { detail },
        Some(Ok(_)) => "its first answer is that of another program".to_owned(),
        Some(Err(Broken::TimeUp)) => format!("no answer within {} s", READY_WITHIN.as_secs()),
        Some(Err(Broken::Unreadable(error))) => error.to_string(),
        Some(Err(Broken::Gone)) => match status {
            Some(status) => exit::diagnose(status, words, || false).detail,
            None => "it closed its pipe".to_owned(),
        },
        None => "the pool was stopped".to_owned(),
    };
    LaneError::NotReady { detail }
}

impl Running {
    /// Until the process is dead and reaped, by itself or by our hand.
    async fn watch(mut self, pool: &Pool, slot: usize) {
        let ours = self.end(pool).await;
        if ours.is_some() {
            // Refused only when it has ended by itself meanwhile.
            let _ = self.child.start_kill();
        }
        let status = reap(&mut self.child, self.pid, pool, slot).await;
        pool.set_slot(slot, |_| Slot::Starting);
        let words = collect(&mut self.last_words, &pool.clock).await;
        let (cause, death) = match ours {
            Some(cause) => (cause, Death::Killed),
            None => self.by_itself(status, &words, pool),
        };
        if !pool.closing.is_cancelled() {
            pool.count_restart(cause);
        }
        self.death.send_replace(Some(death));
    }

    fn by_itself(&self, status: Option<ExitStatus>, words: &str, pool: &Pool) -> (RestartCause, Death) {
        let failure = match status {
            Some(status) => exit::diagnose(status, words, || pool.oom_kills.claim()),
            None => LaneFailure {
                kind: FailureKind::Crash,
                detail: "its exit status was taken by somebody else".to_owned(),
            },
        };
        // Of a lane at work this is the end of a job, and told there.
        if !self.marks.busy.load(Ordering::Relaxed) && !pool.closing.is_cancelled() {
            tracing::warn!(lane = self.pid, detail = failure.detail, "an idle lane died");
        }
        (exit::cause_of(&failure), Death::OfItself(failure))
    }

    /// Waits until it has ended by itself (`None`) or is to be killed.
    async fn end(&mut self, pool: &Pool) -> Option<RestartCause> {
        tokio::select! {
            // A killer first says so and then closes the pipes, on which a lane may end before our signal comes.
            biased;
            cause = &mut self.leash => match cause {
                Ok(cause) => Some(cause),
                // Let go without a word: because the pool closes, or because it was found dead.
                Err(_) if matches!(self.child.try_wait(), Ok(Some(_))) => None,
                Err(_) => Some(RestartCause::Abandoned),
            },
            _ = self.child.wait() => None,
            () = pool.killing.cancelled() => Some(RestartCause::Abandoned),
        }
    }
}

/// Waits for the end of a process. One that hangs in the kernel keeps its slot, so that a dead mount costs as many
/// processes as there are lanes and no more; a pool that closes leaves it behind (`None`).
async fn reap(child: &mut Child, pid: u32, pool: &Pool, slot: usize) -> Option<ExitStatus> {
    if let Some(status) = pool.clock.within(REAPED_WITHIN, child.wait()).await {
        return status.ok();
    }
    tracing::warn!(
        lane = pid,
        "a killed lane does not end: it hangs in the kernel, on a dead mount most likely"
    );
    pool.set_slot(slot, |_| Slot::Hanging(pid));
    pool.closing.run_until_cancelled(child.wait()).await?.ok()
}

async fn collect(last_words: &mut JoinHandle<String>, clock: &RunClock) -> String {
    match clock.within(LAST_WORDS_WITHIN, &mut *last_words).await {
        Some(words) => words.unwrap_or_default(),
        None => {
            last_words.abort();
            String::new()
        }
    }
}
