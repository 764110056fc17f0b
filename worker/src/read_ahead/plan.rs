//! Which file is read ahead next, and which is given back. Pure: it opens nothing and waits for nothing.

use std::collections::{HashMap, VecDeque};

use crate::lanes::{Cached, ReadAhead, Target};

/// What the reader is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Read(Target),
    GiveBack(Target),
}

/// From a file's turn to be read ahead to the end of its job.
#[derive(Debug, Default)]
struct Ahead {
    /// What of it was in memory before; `None` while the reader is at it.
    cached: Option<Cached>,
    /// Whether its job has begun.
    begun: bool,
    /// Whether its job is over while the reader is still at it.
    over: bool,
}

#[derive(Debug)]
pub(super) struct Plan {
    /// So many files at most are ahead of their jobs.
    most: usize,
    /// Whether files have to be fetched, as far as is known: the last one had to be.
    fetching: bool,
    /// What comes next and is not known yet.
    wanted: VecDeque<Target>,
    ahead: HashMap<Target, Ahead>,
    /// What is over and was nobody else's.
    back: VecDeque<Target>,
}

impl Plan {
    pub(super) fn new(most: usize) -> Self {
        Self { most, fetching: false, wanted: VecDeque::new(), ahead: HashMap::new(), back: VecDeque::new() }
    }

    /// How many of the files that come next it wants to hear of.
    pub(super) const fn horizon(&self) -> usize {
        if self.fetching { self.most } else { 0 }
    }

    /// These files come next, in this order.
    pub(super) fn upcoming(&mut self, next: impl Iterator<Item = Target>) {
        let room = self.most.saturating_sub(self.ahead.values().filter(|ahead| !ahead.begun).count());
        self.wanted.clear();
        self.wanted.extend(next.filter(|target| !self.ahead.contains_key(target)).take(room));
    }

    /// Whether the reader has something to do.
    pub(super) fn has_step(&self) -> bool {
        !(self.back.is_empty() && self.wanted.is_empty())
    }

    /// The reader asks.
    pub(super) fn next(&mut self) -> Option<Step> {
        if let Some(target) = self.back.pop_front() {
            return Some(Step::GiveBack(target));
        }
        let target = self.wanted.pop_front()?;
        self.ahead.insert(target.clone(), Ahead::default());
        Some(Step::Read(target))
    }

    /// The reader has begun to read a file, or could not open it.
    pub(super) fn answered(&mut self, target: Target, read: Option<ReadAhead>) {
        // Of one that cannot be opened nothing comes into memory.
        let cached = read.map_or(Cached::Something, |read| read.cached);
        match self.ahead.get_mut(&target) {
            Some(Ahead { over: true, .. }) => self.close(&target, cached),
            Some(ahead) => ahead.cached = Some(cached),
            None => {}
        }
    }

    /// A job begins.
    pub(super) fn begin(&mut self, target: &Target) {
        self.wanted.retain(|other| other != target);
        if let Some(ahead) = self.ahead.get_mut(target) {
            ahead.begun = true;
        }
    }

    /// A job is over, whether it ever began or not.
    pub(super) fn end(&mut self, target: &Target) {
        self.wanted.retain(|other| other != target);
        match self.ahead.get_mut(target) {
            Some(&mut Ahead { cached: Some(cached), .. }) => self.close(target, cached),
            Some(ahead) => ahead.over = true,
            None => {}
        }
    }

    /// A lane has read a file, and says what of it was in memory by then. Of one that was read ahead the reader knows
    /// better; what the reader is still at had to be fetched.
    pub(super) fn was_read(&mut self, target: &Target, cached: Cached) {
        let before = self.ahead.get(target).map_or(Some(cached), |ahead| ahead.cached);
        self.fetching = before.is_none_or(Cached::is_fetched);
    }

    fn close(&mut self, target: &Target, cached: Cached) {
        self.ahead.remove(target);
        if cached == Cached::Nothing {
            self.back.push_back(target.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::job::RelPath;

    use super::*;

    const COLD: Option<ReadAhead> = Some(ReadAhead { bytes: 1, cached: Cached::Nothing });
    const THERE: Option<ReadAhead> = Some(ReadAhead { bytes: 0, cached: Cached::Something });
    const REMOTE: Option<ReadAhead> = Some(ReadAhead { bytes: 1, cached: Cached::Unknown });

    fn file(name: &str) -> Target {
        Target { root: "/music".into(), path: RelPath::new(name).unwrap() }
    }

    /// A plan for two lanes, on media that have to be fetched.
    fn plan() -> Plan {
        let mut plan = Plan::new(2);
        plan.was_read(&file("before"), Cached::Nothing);
        plan
    }

    fn read(plan: &mut Plan, name: &str, answer: Option<ReadAhead>) {
        assert_eq!(plan.next(), Some(Step::Read(file(name))));
        plan.answered(file(name), answer);
    }

    #[test]
    fn it_begins_with_a_file_that_had_to_be_fetched_and_ends_with_one_that_had_not() {
        let mut plan = Plan::new(2);
        assert_eq!(plan.horizon(), 0);
        for (cached, horizon) in
            [(Cached::Nothing, 2), (Cached::Something, 0), (Cached::Unknown, 2), (Cached::Forgotten, 0)]
        {
            plan.was_read(&file("a"), cached);
            assert_eq!(plan.horizon(), horizon, "{cached:?}");
        }
        assert_eq!(plan.horizon(), 0, "known files are not read at all");
    }

    #[test]
    fn a_file_that_was_read_ahead_counts_as_one_that_had_to_be_fetched() {
        for (answer, goes_on) in [(COLD, true), (REMOTE, true), (THERE, false), (None, false)] {
            let mut plan = plan();
            plan.upcoming([file("a")].into_iter());
            read(&mut plan, "a", answer);
            plan.begin(&file("a"));
            // By then it is in memory.
            plan.was_read(&file("a"), Cached::Something);
            assert_eq!(plan.horizon() > 0, goes_on, "{answer:?}");
        }
    }

    #[test]
    fn no_more_files_are_ahead_than_there_are_lanes() {
        let mut plan = plan();
        let next = || ["a", "b", "c", "d"].into_iter().map(file);
        plan.upcoming(next());
        read(&mut plan, "a", COLD);
        read(&mut plan, "b", COLD);
        plan.upcoming(next());
        assert_eq!(plan.next(), None);
        plan.begin(&file("a"));
        plan.upcoming(next().skip(1));
        read(&mut plan, "c", COLD);
        plan.upcoming(next().skip(1));
        assert_eq!(plan.next(), None);
    }

    #[test]
    fn what_nobody_else_had_in_memory_goes_when_its_job_is_over() {
        for (answer, goes) in [(COLD, true), (REMOTE, false), (THERE, false), (None, false)] {
            let mut plan = plan();
            plan.upcoming([file("a")].into_iter());
            read(&mut plan, "a", answer);
            plan.begin(&file("a"));
            assert_eq!(plan.next(), None, "not while it is worked on");
            plan.end(&file("a"));
            assert_eq!(plan.next().is_some(), goes, "{answer:?}");
            assert_eq!(plan.next(), None, "and only once");
        }
    }

    #[test]
    fn a_job_that_is_over_before_the_reader_is_goes_then() {
        let mut plan = plan();
        plan.upcoming([file("a")].into_iter());
        assert_eq!(plan.next(), Some(Step::Read(file("a"))));
        plan.begin(&file("a"));
        plan.was_read(&file("a"), Cached::Something);
        assert_eq!(plan.horizon(), 2, "the lane found what the reader had fetched by then");
        plan.end(&file("a"));
        assert_eq!(plan.next(), None);
        plan.answered(file("a"), COLD);
        assert_eq!(plan.next(), Some(Step::GiveBack(file("a"))));
        assert!(plan.ahead.is_empty());
    }

    #[test]
    fn what_has_begun_or_was_given_back_is_not_read_ahead_any_more() {
        let mut plan = plan();
        plan.upcoming([file("a"), file("b")].into_iter());
        plan.begin(&file("a"));
        plan.end(&file("b"));
        assert_eq!(plan.next(), None);
        plan.upcoming([file("c")].into_iter());
        read(&mut plan, "c", COLD);
        plan.end(&file("c"));
        assert_eq!(plan.next(), Some(Step::GiveBack(file("c"))), "read in vain");
    }
}
