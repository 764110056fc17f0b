//! One file on one lane: identify, ask the cache, analyse, and the record of it. It knows neither where the task came
//! from nor where the record goes.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use analysis::{Features, Verdict};
use shared::job::unix_nanos;
use shared::outcome::{End, FailureKind, NotApplicable};
use shared::record::Record;
use shared::store::{Known, Start, StoreError};
use tokio::sync::oneshot::error::RecvError;
use tracing::field::display;

use crate::asked::Asked;
use crate::cache::Cache;
use crate::lanes::{Analysed, Lane, LaneFailure, Lanes, RequestError};
use crate::metrics::{self, Stage};
use crate::read_ahead::{InHand, ReadAhead};
use crate::starts::{Count, Run, Starts};
use crate::task::{Ended, FileWork};

mod recall;

use recall::Recalled;

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
    /// What is read into memory before its turn.
    pub ahead: ReadAhead,
    /// What reports are to hold.
    pub asked: Asked,
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
        let file = work.target().map(|target| self.ahead.begin(target));
        let mut working = pin!(self.on_a_lane(work, file.as_ref()));
        let told = match (&self.starts, &work.job) {
            (Some(starts), Some(job)) => {
                let run = starts.enter(job);
                let doubtful = redelivered || starts.is_doubtful(job.batch_id);
                counted(working.as_mut(), work, &run, starts.count(job), doubtful).await?
            }
            _ => working.await?,
        };
        Ok(self.ended(work, told, begun))
    }

    /// The end of a file that needs no lane: what is wrong is known.
    #[must_use]
    pub fn refuse(&self, work: &FileWork, failure: LaneFailure) -> Ended {
        self.ended(work, failed(work, failure).into(), Instant::now())
    }

    fn ended(&self, work: &FileWork, told: Told, begun: Instant) -> Ended {
        let Told { mut record, stage } = told;
        record.profile = Some(self.asked.profile.clone());
        record.analyser = Some(self.asked.revision.clone());
        // A new record counts this try, one of a job that never started does not.
        record.attempts = work.attempt.saturating_add(record.attempts);
        record.elapsed_seconds = begun.elapsed().as_secs_f64();
        record.worker.clone_from(&self.worker);
        if let Some(job) = &work.job {
            record.job_id = Some(job.job_id);
            record.batch_id = Some(job.batch_id);
        }
        Ended { trace: work.trace, stage, ..Ended::new(record, work.job.clone()) }
    }

    /// Takes back a start that did not come to an end through no fault of the job.
    pub async fn forget_start(&self, work: &FileWork) {
        if let (Some(starts), Some(job)) = (&self.starts, &work.job) {
            starts.forget(job).await;
        }
    }

    async fn on_a_lane(&self, work: &FileWork, file: Option<&InHand<'_>>) -> Result<Told, Interrupted> {
        let Some(file) = file else {
            let name = work.job.as_ref().map(|job| job.file.root.as_str()).unwrap_or_default();
            let detail = format!("no media root '{name}' is configured on this worker (MEDIA_ROOTS)");
            return Ok(failed(work, LaneFailure { kind: FailureKind::RootUnavailable, detail }).into());
        };
        let mut lane = self.lane(work).await?;
        let mut stage = Stage::Identify;
        match self.answer(&mut lane, file, work, &mut stage).await {
            Ok(record) => Ok(record.into()),
            Err(RequestError::Failed(failure)) => {
                Ok(Told { record: failed(work, failure), stage: Some(stage) })
            }
            Err(RequestError::Stopped) => Err(Interrupted),
        }
    }

    /// A lane of its own for a file. A job of the queue goes back while there is none to be had, for a worker that has
    /// lanes; a file of the local mode waits, because nobody else could analyse it.
    async fn lane(&self, work: &FileWork) -> Result<Lane, Interrupted> {
        let mut outage = self.lanes.outage();
        tokio::select! {
            biased;
            lane = self.lanes.acquire() => lane.map_err(|_| Interrupted),
            _ = outage.wait_for(Option::is_some), if work.job.is_some() => Err(Interrupted),
        }
    }

    async fn answer(
        &self,
        lane: &mut Lane,
        file: &InHand<'_>,
        work: &FileWork,
        stage: &mut Stage,
    ) -> Result<Record, RequestError> {
        let mut known = None;
        if let Some(cache) = self.cache.as_ref().filter(|_| !work.force) {
            let begun = Instant::now();
            let identified = lane.identify(file.target()).await?;
            metrics::stage(Stage::Identify, begun.elapsed());
            file.was_read(identified.cached);
            known = recall::look_up(cache, self.asked.features, identified).await;
        }
        let record = match known {
            Some(Recalled::Current(recalled)) => {
                lane.forget().await;
                return Ok(recalled.record(&work.shown));
            }
            Some(Recalled::Stale(recalled, parts)) => {
                *stage = Stage::Analyze;
                self.refresh(lane, file, work, &recalled, parts).await?
            }
            None => {
                *stage = Stage::Analyze;
                self.whole(lane, file, work).await?
            }
        };
        if let (Some(cache), Some(known)) = (&self.cache, Known::of(&record))
            && let Some(Ok(identity)) = record.identity.as_deref().map(str::parse)
        {
            cache.keep(identity, &known);
        }
        Ok(record)
    }

    async fn whole(
        &self,
        lane: &mut Lane,
        file: &InHand<'_>,
        work: &FileWork,
    ) -> Result<Record, RequestError> {
        let analysed = lane.analyze(file.target()).await?;
        file.was_read(analysed.cached);
        metrics::stage(Stage::Analyze, analysed.elapsed);
        Ok(report(work, analysed))
    }

    /// Computes the parts that are old, and nothing else.
    async fn refresh(
        &self,
        lane: &mut Lane,
        file: &InHand<'_>,
        work: &FileWork,
        known: &recall::Known,
        parts: Features,
    ) -> Result<Record, RequestError> {
        let analysed = lane.analyze_parts(file.target(), parts).await?;
        file.was_read(analysed.cached);
        metrics::stage(Stage::Analyze, analysed.elapsed);
        let (identity, mut record) = (analysed.identity, report(work, analysed));
        match known.refreshed(identity, &mut record, parts) {
            true => Ok(record),
            // The file is another one by now, or what is known of it does not fit.
            false => self.whole(lane, file, work).await,
        }
    }
}

/// Works unless Redis says that nobody wants it. It is asked first where there is a doubt; otherwise, so that the answer
/// costs no time, while the lane works already.
async fn counted(
    mut working: Pin<&mut impl Future<Output = Result<Told, Interrupted>>>,
    work: &FileWork,
    run: &Run,
    mut count: Count,
    doubtful: bool,
) -> Result<Told, Interrupted> {
    let mut asked = doubtful;
    if doubtful && let Some(record) = refusal(work, &(&mut count).await) {
        return Ok(record.into());
    }
    let told = loop {
        tokio::select! {
            biased;
            // Dropping the work kills the lane.
            () = run.recalled() => return Ok(cancelled(work, true).into()),
            answer = &mut count, if !asked => match answer {
                Ok(Ok(Start::Cancelled)) => return Ok(cancelled(work, false).into()),
                _ => asked = true,
            },
            told = &mut working => break told?,
        }
    };
    let late = async { if asked { None } else { tokio::time::timeout(ANSWER_WITHIN, count).await.ok() } };
    Ok(match late.await {
        Some(Ok(Ok(Start::Cancelled))) => cancelled(work, false).into(),
        _ => told,
    })
}

/// How a file ended, and the stage in which it failed, where it reached one.
struct Told {
    record: Record,
    stage: Option<Stage>,
}

impl From<Record> for Told {
    fn from(record: Record) -> Self {
        Self { record, stage: None }
    }
}

/// The end of a job that is not to start: its batch is cancelled, or it has taken its worker down again and again.
fn refusal(work: &FileWork, answer: &Result<Result<Start, Arc<StoreError>>, RecvError>) -> Option<Record> {
    let (job_id, batch_id) =
        work.job.as_ref().map(|job| (display(job.job_id), display(job.batch_id))).unzip();
    let trace_id = work.trace.map(|trace| display(trace.trace_id()));
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
            tracing::warn!(
                job_id, batch_id, trace_id, %error,
                "starting a redelivered job without knowing its earlier starts"
            );
            None
        }
        Err(error) => {
            tracing::error!(job_id, batch_id, trace_id, %error, "the count of a start was lost in this worker");
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

fn report(work: &FileWork, analysed: Analysed) -> Record {
    let (end, detail) = end_of(analysed.verdict);
    let mut record = Record::new(&work.shown, end);
    fill(&mut record, &analysed.identity, analysed.bytes, analysed.modified);
    record.detail = detail;
    record.report = Some(analysed.report);
    record
}

pub(super) fn fill(record: &mut Record, identity: &analysis::Identity, bytes: u64, modified: SystemTime) {
    record.identity = Some(identity.to_string());
    record.bytes = Some(bytes);
    record.modified_ns = Some(unix_nanos(modified));
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
