//! One lane in a caller's hands.

use std::sync::Arc;
use std::time::Duration;

use analysis::Features;
use shared::outcome::FailureKind;

use super::limits::{Watch, soft_mark};
use super::pool::Pool;
use super::process::{Broken, Death, Process};
use super::protocol::{Request, Response};
use super::{Analysed, Identified, LaneFailure, ReadAhead, RequestError, RestartCause, Target};

/// A process that has closed its output is about to end; after this it is taken for one that never will.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A lane for one job: any number of requests, one after the other. Dropping it gives it back.
///
/// A request that is dropped before it has ended kills the process, because its answer may still come; so do a time-out, a
/// panic and a crash. The pool puts a fresh process in its place, and later requests of this `Lane` fail as `internal`.
#[derive(Debug)]
pub struct Lane {
    pool: Arc<Pool>,
    process: Option<Process>,
    /// Set while an answer is owed: a process may go back to the pool only without it.
    in_flight: bool,
}

impl Lane {
    pub(super) const fn new(pool: Arc<Pool>, process: Process) -> Self {
        Self { pool, process: Some(process), in_flight: false }
    }

    /// Process id, for logs. `None` once the process is gone.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// Finds out who the audio is and reads its tags, without decoding.
    ///
    /// # Errors
    /// The end of the job, or [`RequestError::Stopped`].
    pub async fn identify(&mut self, target: &Target) -> Result<Identified, RequestError> {
        match self.request(Request::Identify(target.clone())).await? {
            Response::Identified(identified) => Ok(*identified),
            other => Err(self.confused(&other)),
        }
    }

    /// Decodes and analyses.
    ///
    /// # Errors
    /// The end of the job, or [`RequestError::Stopped`].
    pub async fn analyze(&mut self, target: &Target) -> Result<Analysed, RequestError> {
        self.analysed(target, None).await
    }

    /// Says that nothing more is wanted of the file that was identified: its pages may go.
    pub async fn forget(&mut self) {
        self.tell(Request::Forget).await;
    }

    /// Has up to so many first bytes of a file read into memory, and does not wait for them.
    ///
    /// # Errors
    /// Why the file cannot be opened, or [`RequestError::Stopped`].
    pub async fn read_ahead(&mut self, target: &Target, at_most: u64) -> Result<ReadAhead, RequestError> {
        match self.request(Request::ReadAhead { target: target.clone(), at_most }).await? {
            Response::ReadAhead(read) => Ok(read),
            other => Err(self.confused(&other)),
        }
    }

    /// Says that nothing more is wanted of a file that was read ahead: its pages may go.
    pub async fn give_back(&mut self, target: Target) {
        self.tell(Request::GiveBack(target)).await;
    }

    /// Of a lane that has died meanwhile its next user hears.
    async fn tell(&mut self, request: Request) {
        let Some(process) = self.process.as_mut() else { return };
        self.in_flight = true;
        let told =
            process.tell(&request, &Watch::new(self.pool.settings.timeout, self.pool.clock.now())).await;
        self.in_flight = told.is_err();
    }

    /// Decodes, and computes these parts and no others.
    ///
    /// # Errors
    /// As [`Lane::analyze`].
    pub async fn analyze_parts(
        &mut self,
        target: &Target,
        features: Features,
    ) -> Result<Analysed, RequestError> {
        self.analysed(target, Some(features)).await
    }

    async fn analysed(
        &mut self,
        target: &Target,
        features: Option<Features>,
    ) -> Result<Analysed, RequestError> {
        match self.request(Request::Analyze { target: target.clone(), features }).await? {
            Response::Analysed(analysed) => Ok(*analysed),
            other => Err(self.confused(&other)),
        }
    }

    async fn request(&mut self, request: Request) -> Result<Response, RequestError> {
        let Some(process) = self.process.as_mut() else {
            return Err(failed(
                FailureKind::Internal,
                "this lane has ended with an earlier request".to_owned(),
            ));
        };
        let mut watch = Watch::new(self.pool.settings.timeout, self.pool.clock.now());
        self.in_flight = true;
        match process.converse(&request, &mut watch).await {
            Ok(Response::Failed(failure)) => {
                self.in_flight = false;
                Err(failure.into())
            }
            Ok(Response::Panicked { detail }) => {
                self.kill(RestartCause::Crash);
                Err(failed(FailureKind::Crash, detail))
            }
            // A passing reason: the job comes again, and meets a fresh lane.
            Ok(Response::Stale) => {
                self.kill(RestartCause::Remounted);
                Err(failed(FailureKind::RootUnavailable, "its media root has just been mounted".to_owned()))
            }
            Ok(response) => {
                self.in_flight = false;
                Ok(response)
            }
            Err(Broken::TimeUp) => {
                let stalled = watch.has_stalled(self.pool.clock.now()) && process.waits_for_storage();
                self.kill(RestartCause::Timeout);
                let complaint = watch.complaint();
                // The disk's fault and not the file's, so that it is tried again.
                Err(match stalled {
                    true => {
                        failed(FailureKind::Io, format!("the disk or network does not answer: {complaint}"))
                    }
                    false => failed(FailureKind::Timeout, complaint),
                })
            }
            Err(Broken::Unreadable(error)) => {
                self.kill(RestartCause::Crash);
                Err(failed(FailureKind::Crash, format!("its process gave no readable answer: {error}")))
            }
            Err(Broken::Gone) => Err(self.post_mortem().await),
        }
    }

    async fn post_mortem(&mut self) -> RequestError {
        let Some(process) = self.process.as_mut() else { return RequestError::Stopped };
        let ended = process.death.wait_for(Option::is_some);
        let death = match self.pool.clock.within(ENDS_WITHIN, ended).await {
            Some(Ok(death)) => death.clone(),
            // The supervisor went with the runtime.
            Some(Err(_)) => Some(Death::Killed),
            None => None,
        };
        self.kill(RestartCause::Crash);
        match death {
            Some(Death::OfItself(failure)) => failure.into(),
            Some(Death::Killed) => RequestError::Stopped,
            None => failed(FailureKind::Crash, "its process closed its output and went on".to_owned()),
        }
    }

    fn confused(&mut self, response: &Response) -> RequestError {
        self.kill(RestartCause::Crash);
        failed(FailureKind::Internal, format!("its process answered another question: {response:?}"))
    }

    fn kill(&mut self, cause: RestartCause) {
        if let Some(process) = self.process.take() {
            process.kill(cause);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.in_flight {
            return self.kill(RestartCause::Abandoned);
        }
        let Some(mut process) = self.process.take() else { return };
        let mark = soft_mark(self.pool.setup.memory_bytes);
        if process.weigh().is_some_and(|resident| resident > mark) {
            process.kill(RestartCause::Outgrown);
        } else {
            self.pool.offer(process);
        }
    }
}

fn failed(kind: FailureKind, detail: String) -> RequestError {
    LaneFailure { kind, detail }.into()
}
