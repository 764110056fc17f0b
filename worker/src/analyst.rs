//! One file on one lane: identify, ask the cache, analyse, and the record of it. It knows neither where the task came
//! from nor where the record goes.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use analysis::Verdict;
use shared::outcome::{End, FailureKind, NotApplicable};
use shared::record::Record;
use shared::report::Report;
use shared::store::{Known, Start, StoreError};
use tokio::sync::oneshot::error::RecvError;

use crate::cache::{Cache, Found};
use crate::lanes::{Analysed, Identified, Lane, LaneFailure, Lanes, RequestError, Target};
use crate::metrics;
use crate::starts::{Count, Run, Starts};
use crate::task::{Ended, FileWork};

/// A job that was started so often without an end takes its worker down each time.
const CRASH_LOOP_STARTS: u64 = 3;

/// A job may be over before Redis has answered whether it was to start. An answer takes a millisecond; a Redis that is away
/// must not hold up a lane.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);

/// Works on files. What a front end lacks (a cache, a count of starts) it leaves out.
#[derive(Debug)]
pub struct Analyst {
    /// Where files are analysed.
    pub lanes: Lanes,
    /// What is known already.
    pub cache: Option<Cache>,
    /// Where starts are counted.
    pub starts: Option<Starts>,
    /// The analyser's version and features.
    pub profile: String,
    /// `WORKER_NAME`, for the record.
    pub worker: Option<String>,
}

/// The pipeline is stopping: no end of the job, and no fault of its.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

impl Analyst {
    /// Brings one file to its end.
    ///
    /// # Errors
    /// [`Interrupted`] when the lanes were stopped under it.
    pub async fn work(&self, work: &FileWork, redelivered: bool) -> Result<Ended, Interrupted> {
        let begun = Instant::now();
        let record = match (&self.starts, &work.job) {
            (Some(starts), Some(job)) => {
                let run = starts.enter(job);
                self.counted(work, &run, starts.count(job), redelivered || starts.is_doubtful(job.batch_id))
                    .await?
            }
            _ => self.on_a_lane(work).await?,
        };
        Ok(self.ended(work, record, begun))
    }

    /// The end of a file that needs no lane: what is wrong is known.
    #[must_use]
    pub fn refuse(&self, work: &FileWork, failure: LaneFailure) -> Ended {
        self.ended(work, failed(work, failure), Instant::now())
    }

    fn ended(&self, work: &FileWork, mut record: Record, begun: Instant) -> Ended {
        record.profile = Some(self.profile.clone());
        // A new record counts this try, one of a job that never started does not.
        record.attempts = work.attempt.saturating_add(record.attempts);
        record.elapsed_seconds = begun.elapsed().as_secs_f64();
        record.worker.clone_from(&self.worker);
        if let Some(job) = &work.job {
            record.job_id = Some(job.job_id);
            record.batch_id = Some(job.batch_id);
        }
        Ended { record, job: work.job.clone(), message: None }
    }

    /// Takes back a start that did not come to an end through no fault of the job.
    pub async fn forget_start(&self, work: &FileWork) {
        if let (Some(starts), Some(job)) = (&self.starts, &work.job) {
            starts.forget(job).await;
        }
    }

    /// Works unless Redis says that nobody wants it. It is asked first where there is a doubt; otherwise, so that the answer
    /// costs no time, while the lane works already.
    async fn counted(
        &self,
        work: &FileWork,
        run: &Run,
        mut count: Count,
        doubtful: bool,
    ) -> Result<Record, Interrupted> {
        let mut asked = doubtful;
        if doubtful && let Some(record) = refusal(work, &(&mut count).await) {
            return Ok(record);
        }
        let mut working = std::pin::pin!(self.on_a_lane(work));
        let record = loop {
            tokio::select! {
                biased;
                // Dropping the work kills the lane.
                () = run.recalled() => return Ok(cancelled(work, true)),
                answer = &mut count, if !asked => match answer {
                    Ok(Ok(Start::Cancelled)) => return Ok(cancelled(work, false)),
                    _ => asked = true,
                },
                record = &mut working => break record?,
            }
        };
        let late = async { if asked { None } else { tokio::time::timeout(ANSWER_WITHIN, count).await.ok() } };
        Ok(match late.await {
            Some(Ok(Ok(Start::Cancelled))) => cancelled(work, false),
            _ => record,
        })
    }

    async fn on_a_lane(&self, work: &FileWork) -> Result<Record, Interrupted> {
        let Some(root) = &work.root else {
            let name = work.job.as_ref().map(|job| job.file.root.as_str()).unwrap_or_default();
            let detail = format!("no media root '{name}' is configured on this worker (MEDIA_ROOTS)");
            return Ok(failed(work, LaneFailure { kind: FailureKind::RootUnavailable, detail }));
        };
        let target = Target { root: root.clone(), path: work.path.clone() };
        let mut lane = self.lanes.acquire().await.map_err(|_| Interrupted)?;
        match self.answer(&mut lane, &target, work).await {
            Ok(record) => Ok(record),
            Err(RequestError::Failed(failure)) => Ok(failed(work, failure)),
            Err(RequestError::Stopped) => Err(Interrupted),
        }
    }

    async fn answer(
        &self,
        lane: &mut Lane,
        target: &Target,
        work: &FileWork,
    ) -> Result<Record, RequestError> {
        if let Some(cache) = self.cache.as_ref().filter(|_| !work.force) {
            let begun = Instant::now();
            let identified = lane.identify(target).await?;
            metrics::stage(metrics::Stage::Identify, begun.elapsed());
            if let Some(known) = look_up(cache, &identified).await {
                return Ok(recall(work, identified, &known));
            }
        }
        let analysed = lane.analyze(target).await?;
        metrics::stage(metrics::Stage::Analyze, analysed.elapsed);
        let record = report(work, analysed);
        if let (Some(cache), Some(identity), Some(known)) =
            (&self.cache, &record.identity, Known::of(&record))
        {
            cache.keep(identity, &Arc::new(known));
        }
        Ok(record)
    }
}

/// The end of a job that is not to start: its batch is cancelled, or it has taken its worker down again and again.
fn refusal(work: &FileWork, answer: &Result<Result<Start, Arc<StoreError>>, RecvError>) -> Option<Record> {
    let job_id = work.job.as_ref().map(|job| tracing::field::display(job.job_id));
    match answer {
        Ok(Ok(Start::Cancelled)) => Some(cancelled(work, false)),
        Ok(Ok(Start::Counted(starts))) if *starts > CRASH_LOOP_STARTS => {
            let died = starts - 1;
            let detail = format!("its worker died {died} times while it ran; it was not started again");
            Some(failed(work, LaneFailure { kind: FailureKind::CrashLoop, detail }))
        }
        Ok(Ok(Start::Counted(_))) => None,
        // The broker's delivery limit is behind this one; refusing work would not help while Redis is away.
        Ok(Err(error)) => {
            tracing::warn!(job_id, %error, "starting a redelivered job without knowing its earlier starts");
            None
        }
        Err(error) => {
            tracing::error!(job_id, %error, "the count of a start was lost in this worker");
            None
        }
    }
}

/// The record of a job that nobody wants any more.
fn cancelled(work: &FileWork, ran: bool) -> Record {
    let mut record = Record::new(&work.shown, End::Cancelled);
    record.attempts = u16::from(ran);
    let when = if ran { "while it ran" } else { "before it started" };
    record.detail = Some(format!("its batch was cancelled {when}"));
    record
}

/// The record of a file whose audio is known: the stored report with the file's own tags.
fn recall(work: &FileWork, identified: Identified, known: &Known) -> Record {
    let mut record = Record::new(&work.shown, known.end());
    fill(&mut record, &identified.identity, identified.bytes, identified.modified);
    record.cached = true;
    record.detail.clone_from(&known.detail);
    record.report = Some(Report { tags: identified.tags, ..known.report.clone() });
    record
}

fn report(work: &FileWork, analysed: Analysed) -> Record {
    let (end, detail) = end_of(analysed.verdict);
    let mut record = Record::new(&work.shown, end);
    fill(&mut record, &analysed.identity, analysed.bytes, analysed.modified);
    record.detail = detail;
    record.report = Some(analysed.report);
    record
}

fn fill(record: &mut Record, identity: &analysis::Identity, bytes: u64, modified: SystemTime) {
    record.identity = Some(identity.to_string());
    record.bytes = Some(bytes);
    record.modified_ns = Some(unix_nanos(modified));
}

async fn look_up(cache: &Cache, identified: &Identified) -> Option<Arc<Known>> {
    match cache.get(&identified.identity.to_string()).await {
        Ok(Some((known, found))) => {
            metrics::cache_hit(found == Found::Memory);
            Some(known)
        }
        Ok(None) => {
            metrics::cache_miss();
            None
        }
        Err(error) => {
            // Analysing it once more costs less than waiting for Redis; storing it will wait anyway.
            tracing::debug!(%error, "the cache was not asked");
            metrics::cache_miss();
            None
        }
    }
}

fn failed(work: &FileWork, failure: LaneFailure) -> Record {
    let mut record = Record::new(&work.shown, End::Failed(failure.kind));
    record.detail = Some(failure.detail);
    (record.bytes, record.modified_ns) = work.seen.unzip();
    record
}

fn end_of(verdict: Verdict) -> (End, Option<String>) {
    match verdict {
        Verdict::Complete => (End::Ok, None),
        Verdict::Partial { detail, .. } => (End::Partial, Some(detail)),
        Verdict::NotApplicable { reason } => (
            End::NotApplicable(match reason {
                analysis::NotApplicable::Silence => NotApplicable::Silence,
                analysis::NotApplicable::TooShort => NotApplicable::TooShort,
            }),
            None,
        ),
    }
}

/// Nanoseconds since the Unix epoch, negative before it; beyond the year 2262 the last one that fits.
#[must_use]
pub fn unix_nanos(time: SystemTime) -> i64 {
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}
