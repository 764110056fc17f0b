//! What should be in Redis and is not: reports and ends that were evicted, deleted, or expired before the rest of their batch.
//! Whoever reads a batch is told, and by the exit status, too.

use shared::job::BatchId;
use shared::record::{Record, printable};
use shared::store::{BatchState, Store};

use crate::failure::Failure;
use crate::screen::Screen;
use crate::text;

/// Files that are named; of a thousand nobody reads the names.
const NAMED: usize = 10;

/// What a reader of a batch has missed.
#[derive(Debug)]
pub(crate) struct Losses {
    batch: BatchId,
    /// As the batch was before the first record was read.
    before: Option<BatchState>,
    with_report: u64,
    lost_reports: u64,
    names: Vec<String>,
}

/// Which ends of a batch were read to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// All of them.
    All,
    /// All failures, so many.
    Failures(u64),
    /// Only a part.
    Part,
}

impl Losses {
    pub(crate) async fn begin(store: &Store, batch: BatchId) -> Result<Self, Failure> {
        let before = store.batch(batch).await?;
        Ok(Self { batch, before, with_report: 0, lost_reports: 0, names: Vec::new() })
    }

    /// Looks at a record that was read.
    pub(crate) fn note(&mut self, record: &Record) {
        let is_lost = record.lacks_its_report();
        self.with_report += u64::from(is_lost || record.report.is_some());
        if is_lost {
            self.lost_reports += 1;
            if self.names.len() < NAMED {
                self.names.push(printable(&record.path));
            }
        }
    }

    /// Says what is missing; whether anything is.
    pub(crate) async fn tell(self, store: &Store, read: Read, screen: &Screen) -> Result<bool, Failure> {
        let ends = self.lost_ends(store, read).await?;
        if let Some((lost, of)) = ends {
            let what = if matches!(read, Read::Failures(_)) { "failure" } else { "end" };
            screen.line(&format!(
                "error: {lost} of {} of this batch are gone from Redis (evicted or deleted), and nobody knows of which files; to make them \
                 anew: producer enqueue",
                text::count(of, what)
            ));
        }
        if self.lost_reports > 0 {
            screen.line(&self.reports());
        }
        if (self.lost_reports > 0 || ends.is_some())
            && let Ok(Some(eviction)) = store.eviction().await
        {
            screen.line(&format!("warning: {eviction}"));
        }
        Ok(self.lost_reports > 0 || ends.is_some())
    }

    fn reports(&self) -> String {
        let (lost, of) = (self.lost_reports, text::count(self.with_report, "report"));
        let names = self.names.join(", ");
        let more = match lost.saturating_sub(self.names.len() as u64) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "error: {lost} of {of} are gone from Redis (evicted, expired or deleted); of these files only the outcome is known: \
             {names}{more}; to make them anew: producer enqueue (without --changed)"
        )
    }

    /// How many ends are counted and not there, and how many were counted. Only where the batch was complete all the while:
    /// of one that works on, ends come and go while it is read.
    async fn lost_ends(&self, store: &Store, read: Read) -> Result<Option<(u64, u64)>, Failure> {
        let Some(before) = self.before.as_ref().filter(|state| state.is_complete() && state.retrying == 0)
        else {
            return Ok(None);
        };
        let (counted, there) = match read {
            Read::All => (before.done(), store.stored_ends(self.batch).await?),
            Read::Failures(seen) => (before.failed(), seen),
            Read::Part => return Ok(None),
        };
        let lost = counted.saturating_sub(there);
        let is_the_same = lost > 0 && store.batch(self.batch).await?.as_ref() == Some(before);
        Ok(is_the_same.then_some((lost, counted)))
    }
}
