//! The end of a run in words, in numbers and as an exit status.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use shared::job::BatchId;
use shared::printable::write_json;

use super::Aftermath;
use super::session::{Ending, Session};
use super::tally::Tally;
use crate::cli::{EnqueueArgs, OnFull};
use crate::failure::{End, Failure};
use crate::text::{self, count};

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
pub(super) struct Numbers {
    /// Null when there was nothing to enqueue, and in a dry run.
    pub(super) batch_id: Option<BatchId>,
    pub(super) label: Option<String>,
    pub(super) priority: Option<String>,
    pub(super) dry_run: bool,
    /// Files found inside the roots.
    pub(super) files: u64,
    /// Jobs that the broker has confirmed.
    pub(super) accepted: u64,
    /// Bytes of the accepted files; in a dry run of those found.
    pub(super) bytes: u64,
    /// Files left out because the queue was full.
    pub(super) skipped: u64,
    /// Files left out because they are as they were when they last ended (`--changed`).
    pub(super) unchanged: u64,
    /// Paths that could not be read, or lie outside the roots.
    pub(super) failed: u64,
    /// Jobs sent and never confirmed: they may be in the queue.
    pub(super) unconfirmed: u64,
    /// Accepted jobs that are known to be in no queue, with no worker and without an end; there may be more.
    pub(super) nowhere: u64,
    /// Files in folders without an extension of audio.
    pub(super) ignored: u64,
    /// Links in folders that were not followed, by `--no-follow` or because they lead to what was found anyway.
    pub(super) links: u64,
    /// Wall time.
    pub(super) seconds: f64,
    /// Part of it that a full queue or a broker that was away cost.
    pub(super) waited_seconds: f64,
    pub(super) interrupted: bool,
}

impl Numbers {
    pub(super) fn of(tally: &Tally, elapsed: Duration) -> Self {
        Self {
            files: tally.files,
            accepted: tally.accepted,
            bytes: tally.bytes,
            skipped: tally.skipped,
            unchanged: tally.unchanged,
            failed: tally.problems,
            unconfirmed: tally.unconfirmed,
            ignored: tally.ignored(),
            links: tally.links + tally.repeated_links,
            seconds: elapsed.as_secs_f64(),
            ..Self::default()
        }
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write_json(&mut *out, self)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// What was named on the command line, for messages.
pub(super) fn places(args: &EnqueueArgs) -> String {
    let named = args.paths.iter().chain(&args.files_from).map(|path| path.display().to_string());
    shared::record::printable(&named.collect::<Vec<_>>().join(", "))
}

/// Tells how it went.
pub(super) fn print(
    session: &Session,
    ending: &Ending,
    aftermath: &Aftermath,
    args: &EnqueueArgs,
) -> io::Result<()> {
    let tally = &ending.tally;
    if args.json {
        let numbers = Numbers {
            batch_id: ending.created.then_some(session.batch),
            label: Some(session.label.clone()),
            priority: Some(level_name(session).to_owned()),
            waited_seconds: ending.waited.as_secs_f64(),
            interrupted: ending.interrupted,
            nowhere: aftermath.nowhere.as_ref().map_or(0, |nowhere| nowhere.jobs),
            ..Numbers::of(tally, ending.elapsed)
        };
        numbers.write(&mut io::stdout().lock())?;
    }
    if ending.created {
        let is_watched = args.watch && is_worth_watching(ending, aftermath);
        let lines = words(session, ending, aftermath, is_watched);
        lines.iter().for_each(|line| session.screen.line(line));
    } else if !ending.interrupted {
        session.screen.line(&tally.why_nothing(&places(args)));
    }
    Ok(())
}

/// A batch with lost jobs has no end that could be watched for.
pub(super) fn is_worth_watching(ending: &Ending, aftermath: &Aftermath) -> bool {
    ending.tally.accepted > 0 && aftermath.nowhere.is_none() && !ending.interrupted
}

fn level_name(session: &Session) -> &'static str {
    session.topology.levels.name(session.level)
}

fn words(session: &Session, ending: &Ending, aftermath: &Aftermath, is_watched: bool) -> Vec<String> {
    let (tally, batch) = (&ending.tally, session.batch);
    let rate = text::rate(tally.accepted as f64 / ending.elapsed.as_secs_f64().max(0.001));
    let mut lines = vec![format!(
        "batch {batch}: {} ({}) accepted at level {} in {}, {rate}/s",
        count(tally.accepted, "file"),
        text::bytes(tally.bytes),
        level_name(session),
        text::duration(ending.elapsed),
    )];
    if ending.waited >= Duration::from_secs(1) {
        lines.push(format!("{} of it spent waiting", text::duration(ending.waited)));
    }
    if ending.interrupted {
        lines.push("interrupted: the rest was not enqueued; what was accepted will be worked on".to_owned());
    }
    if tally.cancelled {
        lines.push(
            "cancelled by somebody else: the rest was not enqueued; what was accepted ends as cancelled"
                .to_owned(),
        );
    }
    if tally.skipped > 0 {
        let (queue, limit) = (session.topology.level_queue(session.level), session.topology.max_size);
        let skipped = count(tally.skipped, "file");
        let rest = if session.delivery.on_full == OnFull::Fail { ", nor was the rest" } else { "" };
        lines.push(format!("{skipped} not enqueued{rest}: queue {queue} is full (QUEUE_MAX_SIZE={limit})"));
    }
    if tally.unchanged > 0 {
        lines.push(format!("{} unchanged since the last run, not enqueued", count(tally.unchanged, "file")));
    }
    if tally.problems > 0 {
        lines.push(format!("{} could not be enqueued, see above", count(tally.problems, "path")));
    }
    lines.extend(tally.left_out());
    if tally.unconfirmed > 0 {
        lines.push(format!(
            "{} sent but not confirmed: they may be worked on too",
            count(tally.unconfirmed, "job")
        ));
    }
    if ending.data_lost {
        lines.push(
            "Redis has lost its data meanwhile (FLUSHALL, or a restart without persistence): what had ended before has no result \
             any more"
                .to_owned(),
        );
    }
    lines.extend_from_slice(&aftermath.unserved);
    if let Some(nowhere) = &aftermath.nowhere {
        lines.extend(nowhere.words(tally.accepted, &batch.to_string()));
    }
    // With --watch it is followed right now.
    if tally.accepted > 0 && !is_watched {
        lines.push(format!("follow it: producer watch {batch}"));
    }
    lines
}

/// The exit status, the gravest cause first.
pub(super) fn end(session: &Session, ending: Ending, aftermath: &Aftermath) -> Result<End, Failure> {
    let tally = ending.tally;
    if let Some(error) = tally.broken {
        return Err(error.into());
    }
    Ok(if ending.interrupted {
        End::Interrupted
    } else if tally.skipped > 0 && session.delivery.on_full == OnFull::Fail {
        End::QueueFull
    } else if tally.skipped + tally.problems + tally.unconfirmed > 0
        || tally.cancelled
        || ending.data_lost
        || aftermath.nowhere.is_some()
        || tally.accepted + tally.unchanged == 0
    {
        End::Incomplete
    } else {
        End::Done
    })
}
