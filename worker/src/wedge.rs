//! Whether a consumer is wedged: its queue has messages, it has room for them, and none comes. A state machine and nothing
//! else; whoever looks at the queues says what is there and what time it is.
//!
//! It has been seen with every broker and client: a consumer that the broker believes to serve and the client believes to
//! have. Nothing fails then, and nothing happens either. The remedy is to consume anew, and where that does not help, to
//! end the process: its supervisor starts one with connections of its own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One consumed queue as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its name.
    pub queue: String,
    /// Messages wait in it.
    pub waiting: bool,
    /// What its consumer was given since the start.
    pub delivered: u64,
    /// Its consumer may be given more.
    pub room: bool,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Consume anew; the queue that is stuck.
    Renew(String),
    /// End the process: that did not help.
    GiveUp(String),
}

/// The state of all queues.
#[derive(Debug)]
pub struct Wedge {
    limit: Duration,
    stuck: BTreeMap<String, Stuck>,
    /// Consumers were started anew, and the queues that were stuck then have delivered nothing since.
    renewed: bool,
}

#[derive(Debug)]
struct Stuck {
    since: Instant,
    delivered: u64,
}

impl Wedge {
    /// A queue may be stuck for `limit` before something is done.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit, stuck: BTreeMap::new(), renewed: false }
    }

    /// Nothing is known now, or nothing is to be delivered: all begins anew.
    pub fn forget(&mut self) {
        self.stuck.clear();
    }

    /// A look at the queues.
    pub fn look(&mut self, sights: &[Sight], now: Instant) -> Option<Remedy> {
        let known = std::mem::take(&mut self.stuck);
        for sight in sights.iter().filter(|sight| sight.waiting && sight.room) {
            let before = known.get(&sight.queue).filter(|stuck| stuck.delivered == sight.delivered);
            let since = before.map_or(now, |stuck| stuck.since);
            self.stuck.insert(sight.queue.clone(), Stuck { since, delivered: sight.delivered });
        }
        if self.stuck.is_empty() {
            self.renewed = false;
            return None;
        }
        let overdue = |stuck: &Stuck| now.saturating_duration_since(stuck.since) >= self.limit;
        let queue = self.stuck.iter().find(|(_, stuck)| overdue(stuck)).map(|(queue, _)| queue.clone())?;
        if self.renewed {
            return Some(Remedy::GiveUp(queue));
        }
        self.renewed = true;
        // The new consumers have the same time again.
        self.stuck.clear();
        Some(Remedy::Renew(queue))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds, whether messages wait, what was delivered so far, whether there is room, and what is to be done.
    type Look = (u64, bool, u64, bool, &'static str);

    fn story(looks: &[Look]) {
        let (begun, mut wedge) = (Instant::now(), Wedge::new(Duration::from_secs(30)));
        for (place, (at, waiting, delivered, room, expected)) in looks.iter().enumerate() {
            let sight =
                Sight { queue: "q".to_owned(), waiting: *waiting, delivered: *delivered, room: *room };
            let found = match wedge.look(&[sight], begun + Duration::from_secs(*at)) {
                None => "nothing",
                Some(Remedy::Renew(_)) => "renew",
                Some(Remedy::GiveUp(_)) => "give up",
            };
            assert_eq!(found, *expected, "look {place}");
        }
    }

    #[test]
    fn what_waits_and_does_not_come_is_asked_for_anew_and_then_given_up() {
        story(&[
            (0, true, 7, true, "nothing"),
            (29, true, 7, true, "nothing"),
            (30, true, 7, true, "renew"),
            (35, true, 7, true, "nothing"),
            (64, true, 7, true, "nothing"),
            (65, true, 7, true, "give up"),
        ]);
    }

    #[test]
    fn a_delivery_ends_the_suspicion() {
        story(&[
            (0, true, 7, true, "nothing"),
            (29, true, 8, true, "nothing"),
            (58, true, 8, true, "nothing"),
        ]);
        // Also after new consumers: the next time they are tried first again.
        story(&[
            (0, true, 7, true, "nothing"),
            (30, true, 7, true, "renew"),
            (35, false, 9, true, "nothing"),
            (40, true, 9, true, "nothing"),
            (70, true, 9, true, "renew"),
        ]);
    }

    #[test]
    fn an_empty_queue_and_a_full_window_are_no_wedge() {
        story(&[(0, false, 7, true, "nothing"), (100, false, 7, true, "nothing")]);
        story(&[(0, true, 7, false, "nothing"), (100, true, 7, false, "nothing")]);
        story(&[
            (0, true, 7, true, "nothing"),
            (29, true, 7, false, "nothing"),
            (31, true, 7, true, "nothing"),
        ]);
    }

    #[test]
    fn one_queue_that_flows_does_not_hide_one_that_does_not() {
        let (begun, mut wedge) = (Instant::now(), Wedge::new(Duration::from_secs(30)));
        let sight =
            |queue: &str, delivered| Sight { queue: queue.to_owned(), waiting: true, delivered, room: true };
        assert_eq!(wedge.look(&[sight("a", 1), sight("b", 1)], begun), None);
        let later = begun + Duration::from_secs(30);
        assert_eq!(wedge.look(&[sight("a", 2), sight("b", 1)], later), Some(Remedy::Renew("b".to_owned())));
    }
}
