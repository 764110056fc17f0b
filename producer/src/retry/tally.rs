//! What a retry came to, in words and as an exit status.

use shared::broker::BrokerError;

use crate::cli::OnFull;
use crate::failure::{End, Failure};
use crate::text::count;

/// Counts of one run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Jobs that the broker has confirmed.
    pub(super) published: u64,
    /// Of these, or of the unconfirmed, jobs that an earlier retry had left.
    pub(super) taken_over: u64,
    /// Of the published ones, those that never had an end.
    pub(super) lost: u64,
    /// Jobs without an end of a batch that is alive, and what says so.
    pub(super) alive: Option<(u64, String)>,
    /// Jobs without an end that are not known by name.
    pub(super) nameless: u64,
    /// Jobs refused by a full queue.
    pub(super) refused: u64,
    /// Jobs that were not published and have their old end again.
    pub(super) restored: u64,
    /// Jobs sent and not confirmed: they have no end, and may be in the queue.
    pub(super) unconfirmed: u64,
    /// Ends of what never was a job.
    pub(super) no_jobs: u64,
    /// Jobs that another retry is busy with, or has been.
    pub(super) elsewhere: u64,
    /// Named jobs that have not failed, or not of the kinds asked for.
    pub(super) not_meant: u64,
    /// Named jobs without an end anywhere.
    pub(super) missing: u64,
    /// Why the broker takes no more.
    pub(super) broken: Option<BrokerError>,
}

impl Tally {
    pub(super) fn words(&self, on_full: OnFull, interrupted: bool) -> Vec<String> {
        let jobs = |number| count(number, "job");
        let mut lines = Vec::new();
        if self.published > 0 || self.is_quiet() {
            lines.push(match self.published {
                0 => "nothing to retry".to_owned(),
                number => format!("{} published again", jobs(number)),
            });
        }
        if self.taken_over > 0 {
            lines.push(format!("{} of it left by an earlier retry that was killed", jobs(self.taken_over)));
        }
        if self.lost > 0 {
            lines.push(format!("{} of it without an end: the messages were lost", jobs(self.lost)));
        }
        if let Some((number, why)) = &self.alive {
            lines.push(format!("{} without an end left alone: {why}", jobs(*number)));
        }
        if self.nameless > 0 {
            lines.push(format!(
                "{} without an end cannot be published again: only their number is known (an older version or another program \
                 published them, or Redis has lost its data). `producer enqueue --changed` takes the files that have not ended",
                jobs(self.nameless)
            ));
        }
        if self.refused > 0 {
            let rest = if on_full == OnFull::Fail { "; nor was the rest" } else { "" };
            lines.push(format!("{} not published, the queue is full{rest}", jobs(self.refused)));
        }
        if interrupted {
            lines.push("interrupted: the rest was not retried".to_owned());
        }
        if self.restored > 0 {
            lines.push(format!("{} stay as they were", jobs(self.restored)));
        }
        if self.no_jobs > 0 {
            lines.push(format!(
                "{} skipped that never were jobs (unreadable_message, unsupported_version): there is nothing to publish",
                count(self.no_jobs, "failure")
            ));
        }
        if self.elsewhere > 0 {
            lines.push(format!(
                "{} left to another `producer retry`; if it was killed, the same command takes over what it left after {} s",
                jobs(self.elsewhere),
                super::GIVEN_UP_AFTER.as_secs()
            ));
        }
        if self.not_meant > 0 {
            lines.push(format!("{} left alone: not failed, or not of these kinds", jobs(self.not_meant)));
        }
        if self.missing > 0 {
            lines.push(format!("{} not found: no batch has an end of it", jobs(self.missing)));
        }
        if self.unconfirmed > 0 {
            lines.push(format!(
                "{} sent but not confirmed: the same command publishes them once more",
                jobs(self.unconfirmed)
            ));
        }
        lines
    }

    /// Whether nothing else is said.
    const fn is_quiet(&self) -> bool {
        self.refused + self.restored + self.unconfirmed + self.left_out() == 0
    }

    const fn left_out(&self) -> u64 {
        self.no_jobs + self.elsewhere + self.not_meant + self.missing + self.nameless
    }

    /// The exit status, the gravest cause first.
    pub(super) fn end(self, on_full: OnFull, interrupted: bool) -> Result<End, Failure> {
        let incomplete = self.published == 0 || self.refused + self.unconfirmed + self.left_out() > 0;
        if let Some(error) = self.broken {
            return Err(error.into());
        }
        Ok(if interrupted {
            End::Interrupted
        } else if self.refused > 0 && on_full == OnFull::Fail {
            End::QueueFull
        } else if incomplete {
            End::Incomplete
        } else {
            End::Done
        })
    }
}
