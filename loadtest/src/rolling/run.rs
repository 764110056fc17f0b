//! The run: forward and back under load, then the audit.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde::Serialize;
use shared::job::JobId;
use shared::store::Store;
use tokio::time::{Instant, sleep};

use super::arguments::Rolling;
use super::audit::{Batch, Verdict, audit};
use super::fleet::{Enqueued, Fleet, Version};
use crate::chaos::{Media, ROOT};
use crate::rig::{self, Programs, Repository, RigError, Servers, Worker, environment, io};

/// Places for workers.
const PLACES: usize = 2;

/// Which version is in which place, stage by stage: all old, forward one by one, all new, and back.
const STAGES: [[Version; PLACES]; 5] = [
    [Version::Old, Version::Old],
    [Version::New, Version::Old],
    [Version::New, Version::New],
    [Version::Old, Version::New],
    [Version::Old, Version::Old],
];

/// Results outlive the longest run.
const RESULT_TTL: Duration = Duration::from_secs(2 * 3600);

/// A stage is given so long to end what it was given; a busy machine takes minutes.
const PATIENCE: Duration = Duration::from_secs(400);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(200);

/// More batches than any run makes.
const BATCHES: usize = 1000;

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Record {
    old: String,
    new: String,
    /// Versions, as the servers themselves say.
    servers: Vec<String>,
    stages: [[Version; PLACES]; 5],
    files: u16,
    seconds: f64,
    verdict: Verdict,
}

/// A batch that was submitted.
struct Submitted {
    label: String,
    by: Version,
    enqueued: Enqueued,
}

/// Runs the command; the text to print, and whether the audit passed.
pub(crate) fn run(arguments: &Rolling) -> Result<(String, bool), RigError> {
    let old = Programs::find(Some(&arguments.old_worker), Some(&arguments.old_producer))?;
    let new = Programs::find(arguments.worker.as_deref(), arguments.producer.as_deref())?;
    rig::hold(hold(arguments, old, new))
}

async fn hold(arguments: &Rolling, old: Programs, new: Programs) -> Result<(String, bool), RigError> {
    let begun = Instant::now();
    let repository = Repository::find()?;
    let folder = tempfile::Builder::new().prefix("rolling-").tempdir().map_err(io("a temporary folder"))?;
    let media = Media::make(&repository.samples, folder.path(), arguments.files.into())?;
    let servers = Servers::up(&repository.services, &folder.path().join("services")).await?;
    let prefix = format!("rolling-{}", JobId::new());
    let store = Store::open(&servers.redis, &prefix, RESULT_TTL)?;
    let fleet = fleet(&servers, &prefix, &media, folder.path(), old, new);
    let (submitted, faults) = roll(&fleet, &store).await?;
    let mut batches = Vec::new();
    for Submitted { label, by, enqueued } in submitted {
        let read_by_old = fleet.results(Version::Old, &enqueued.batch_id).await?;
        let read_by_new = fleet.results(Version::New, &enqueued.batch_id).await?;
        batches.push(Batch { label, by, accepted: enqueued.accepted, read_by_old, read_by_new });
    }
    let files = media.files.iter().map(|(path, ends)| (Media::shown(path), ends.clone())).collect();
    let mut verdict = audit(&batches, &files, analysis::VERSION);
    faults.into_iter().for_each(|fault| verdict.find(fault));
    let record = Record {
        old: arguments.old_name.clone(),
        new: arguments.new_name.clone(),
        servers: servers.rabbitmq_version().into_iter().collect(),
        stages: STAGES,
        files: arguments.files,
        seconds: begun.elapsed().as_secs_f64(),
        verdict,
    };
    // The servers are stopped by what they wrote in the folder, which goes next.
    drop(servers);
    if let Some(out) = &arguments.out {
        let mut text = serde_json::to_vec_pretty(&record).map_err(|error| io("the record")(error.into()))?;
        text.push(b'\n');
        std::fs::write(out, text).map_err(io(out.display().to_string()))?;
    }
    Ok((text(&record), record.verdict.passes()))
}

fn fleet(
    servers: &Servers,
    prefix: &str,
    media: &Media,
    folder: &Path,
    old: Programs,
    new: Programs,
) -> Fleet {
    let environment = environment([
        ("AMQP_URL", servers.amqp.clone()),
        ("REDIS_URL", servers.redis.clone()),
        ("QUEUE_PREFIX", prefix.to_owned()),
        ("MEDIA_ROOTS", format!("{ROOT}={}", media.library.display())),
        ("RESULT_TTL", format!("{}s", RESULT_TTL.as_secs())),
        ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ("ANALYSIS_MAX_WORKERS", "1".to_owned()),
        ("SHUTDOWN_TIMEOUT", "5s".to_owned()),
        ("CACHE_SIZE_MB", "8".to_owned()),
        ("LOG_FORMAT", "json".to_owned()),
    ]);
    Fleet { old, new, environment, library: media.library.clone(), folder: folder.to_owned() }
}

/// Goes through the stages. In each of them both producers submit, one of them with `--force`, and the next stage begins while
/// work is left. At the end each publishes the failures of a batch of the other's again.
async fn roll(fleet: &Fleet, store: &Store) -> Result<(Vec<Submitted>, Vec<String>), RigError> {
    let (mut workers, mut submitted, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for (place, version) in STAGES[0].into_iter().enumerate() {
        workers.push(fleet.worker(version, place).await?);
    }
    for (number, stage) in STAGES.iter().enumerate() {
        if let Some(before) = number.checked_sub(1).map(|before| &STAGES[before]) {
            let changed = (0..PLACES).filter(|place| before[*place] != stage[*place]);
            for place in changed {
                // In order and by force in turn.
                let signal = if number % 2 == 1 { Signal::TERM } else { Signal::KILL };
                let next = fleet.worker(stage[place], place).await?;
                let left: Worker = std::mem::replace(&mut workers[place], next);
                faults.extend(fleet.end(left, signal).await);
            }
        }
        for (by, level) in Version::BOTH.into_iter().zip(["high", "low"]) {
            let label = format!("stage-{number}-{}", by.name());
            // Each of them in turn, so that both analyse afresh what the other has analysed.
            let is_forced = (number % 2 == 0) == (by == Version::Old);
            let enqueued = fleet.enqueue(by, &label, level, is_forced).await?;
            if enqueued.unconfirmed + enqueued.skipped + enqueued.failed > 0 {
                faults.push(format!("{label}: not everything was accepted: {enqueued:?}"));
            }
            submitted.push(Submitted { label, by, enqueued });
        }
        let half = submitted.last().map_or(0, |last| last.enqueued.accepted);
        ended(store, &submitted, half).await?;
    }
    ended(store, &submitted, 0).await?;
    for submission in submitted.iter().take(2) {
        let other = if submission.by == Version::Old { Version::New } else { Version::Old };
        fleet.retry(other, &submission.enqueued.batch_id).await?;
    }
    ended(store, &submitted, 0).await?;
    for worker in workers {
        faults.extend(fleet.end(worker, Signal::TERM).await);
    }
    Ok((submitted, faults))
}

/// Waits until no more than so many of the jobs have no end.
async fn ended(store: &Store, submitted: &[Submitted], but_for: u64) -> Result<(), RigError> {
    let accepted: u64 = submitted.iter().map(|submission| submission.enqueued.accepted).sum();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let states = store.batches(BATCHES).await?;
        let done: u64 = states.iter().map(shared::store::BatchState::done).sum();
        if done + but_for >= accepted {
            return Ok(());
        }
        if Instant::now() >= deadline {
            // The audit will say which.
            return Ok(());
        }
        sleep(GLANCE).await;
    }
}

fn text(record: &Record) -> String {
    let Record { old, new, verdict, .. } = record;
    let mut text = format!("old: {old}, new: {new}, on {}\n", record.servers.join(", "));
    let ends: Vec<String> = verdict.ends.iter().map(|(who, count)| format!("{count} {who}")).collect();
    let analysers: Vec<String> =
        verdict.analysers.iter().map(|(version, count)| format!("{count} of {version}")).collect();
    let Verdict {
        batches, accepted, ended, lost, doubled, reports, misread, overwritten, unexplained, ..
    } = verdict;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "ends: {}", ends.join(", "));
    let _ = writeln!(text, "reports: {}", analysers.join(", "));
    let _ = writeln!(
        text,
        "{batches} batches, {accepted} jobs accepted, {ended} ended, {reports} reports read alike by both"
    );
    let _ = writeln!(
        text,
        "lost {lost}, doubled {doubled}, misread {misread}, overwritten {overwritten}, unexplained {unexplained}"
    );
    for finding in &verdict.findings {
        let _ = writeln!(text, "FOUND {finding}");
    }
    let end = if verdict.passes() { "passed" } else { "FAILED" };
    let _ = write!(text, "rolling {end} in {:.0} s", record.seconds);
    text
}
