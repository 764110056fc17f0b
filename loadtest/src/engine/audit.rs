//! Every accepted job against the stored ends. A pure function.

use std::collections::{BTreeMap, HashMap};

use shared::job::{JobId, Priority};

use crate::measure::Jobs;

/// A job as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) job: JobId,
    pub(crate) level: Priority,
    /// Place among the files.
    pub(crate) file: usize,
    /// Seconds since the plan began.
    pub(crate) intended: f64,
    pub(crate) fate: Fate,
}

/// What the broker said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// It has it, since then.
    Accepted(f64),
    Refused,
}

impl Sent {
    pub(crate) fn accepted(&self) -> Option<f64> {
        match self.fate {
            Fate::Accepted(at) => Some(at),
            Fate::Refused => None,
        }
    }
}

/// An end as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    pub(crate) job: JobId,
    /// Seconds since the plan began.
    pub(crate) at: f64,
    pub(crate) service: f64,
    pub(crate) outcome: &'static str,
    pub(crate) cached: bool,
}

/// The first end of each job.
pub(crate) fn first_ends(ends: &[Ended]) -> HashMap<JobId, &Ended> {
    let mut first = HashMap::with_capacity(ends.len());
    for end in ends {
        first.entry(end.job).or_insert(end);
    }
    first
}

/// The account of these jobs. `ends` may be those of others, too. What has no end is `unfinished` if the wait for it was
/// broken off, and else lost.
pub(crate) fn audit<'a>(
    sent: impl Iterator<Item = &'a Sent>,
    ends: &[Ended],
    broken_off: bool,
) -> (Jobs, u64) {
    let mut counts: HashMap<JobId, u64> = HashMap::with_capacity(ends.len());
    for end in ends {
        *counts.entry(end.job).or_default() += 1;
    }
    let first = first_ends(ends);
    let (mut jobs, mut without) = (Jobs::default(), 0);
    for sent in sent {
        jobs.offered += 1;
        let accepted = sent.accepted().is_some();
        jobs.accepted += u64::from(accepted);
        jobs.refused += u64::from(!accepted);
        match first.get(&sent.job) {
            None => without += u64::from(accepted),
            Some(end) => {
                jobs.ended += 1;
                jobs.cached += u64::from(end.cached);
                *jobs.outcomes.entry(end.outcome.to_owned()).or_default() += 1;
                jobs.doubled += u64::from(counts.get(&sent.job).is_some_and(|count| *count > 1));
            }
        }
    }
    jobs.lost = if broken_off { 0 } else { without };
    (jobs, if broken_off { without } else { 0 })
}

/// Ends of jobs that nobody sent: none may be there.
pub(crate) fn strangers(sent: &[Sent], ends: &[Ended]) -> u64 {
    let known: BTreeMap<JobId, ()> = sent.iter().map(|sent| (sent.job, ())).collect();
    ends.iter().filter(|end| !known.contains_key(&end.job)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fate: Fate) -> Sent {
        Sent { job: JobId::new(), level: Priority(1), file: 0, intended: 0.0, fate }
    }

    fn end(job: JobId) -> Ended {
        Ended { job, at: 1.0, service: 0.5, outcome: "ok", cached: false }
    }

    #[test]
    fn what_is_accepted_and_has_no_end_is_lost() {
        let jobs = [sent(Fate::Accepted(0.1)), sent(Fate::Accepted(0.1)), sent(Fate::Refused)];
        let ends = [end(jobs[0].job)];
        let (account, unfinished) = audit(jobs.iter(), &ends, false);
        assert_eq!((account.offered, account.accepted, account.refused), (3, 2, 1));
        assert_eq!((account.ended, account.lost, account.doubled, unfinished), (1, 1, 0, 0));
        let (account, unfinished) = audit(jobs.iter(), &ends, true);
        assert_eq!((account.lost, unfinished), (0, 1));
    }

    #[test]
    fn two_ends_of_a_job_are_doubled_and_counted_once() {
        let jobs = [sent(Fate::Accepted(0.1))];
        let ends = [end(jobs[0].job), end(jobs[0].job), end(JobId::new())];
        let (account, _) = audit(jobs.iter(), &ends, false);
        assert_eq!((account.ended, account.doubled, account.lost), (1, 1, 0));
        assert_eq!(account.outcomes["ok"], 1);
        assert_eq!(strangers(&jobs, &ends), 1);
    }
}
