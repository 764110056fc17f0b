//! The circuit breaker: whether something that fails is to be left alone. A state machine and nothing else: no clock, no
//! task, no idea of what it guards.

use std::time::{Duration, Instant};

/// What is known of the thing behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It works, or has not failed often enough.
    Closed,
    /// It failed; one probe is under way.
    HalfOpen,
    /// It failed; nobody asks it before the pause is over.
    Open,
}

impl State {
    /// As the metric shows it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// Consecutive failures.
    pub failures: u32,
    /// Or any failure after failing for so long: where each takes its whole time-out, counting would take minutes.
    pub failing_for: Duration,
    /// The first pause before a probe, and the longest; each failed probe doubles it.
    pub pause: (Duration, Duration),
}

/// One breaker. Every call says what time it is.
#[derive(Debug)]
pub struct Breaker {
    tolerance: Tolerance,
    state: State,
    failures: u32,
    failing_since: Option<Instant>,
    pause: Duration,
    retry_at: Option<Instant>,
}

impl Breaker {
    /// Closed.
    #[must_use]
    pub const fn new(tolerance: Tolerance) -> Self {
        Self {
            tolerance,
            state: State::Closed,
            failures: 0,
            failing_since: None,
            pause: tolerance.pause.0,
            retry_at: None,
        }
    }

    /// What it says now.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the last that was heard of it is a failure.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }

    /// When a probe may be made; `None` unless it is open.
    #[must_use]
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.state == State::Open)
    }

    /// Something failed. While it is open only stragglers can: they change nothing.
    pub fn failed(&mut self, now: Instant) {
        match self.state {
            State::Open => {}
            State::HalfOpen => {
                self.pause = (self.pause * 2).min(self.tolerance.pause.1);
                self.open(now);
            }
            State::Closed => {
                self.failures = self.failures.saturating_add(1);
                let since = *self.failing_since.get_or_insert(now);
                let too_long = now.saturating_duration_since(since) >= self.tolerance.failing_for;
                if self.failures >= self.tolerance.failures || too_long {
                    self.open(now);
                }
            }
        }
    }

    /// Opens at once, however often it has failed.
    pub fn trip(&mut self, now: Instant) {
        if self.state != State::Open {
            self.open(now);
        }
    }

    /// Something worked. While it is open only stragglers can, and one that began before says nothing of now.
    pub fn succeeded(&mut self) {
        if self.state != State::Open {
            *self = Self::new(self.tolerance);
        }
    }

    /// It works again, as whoever keeps it says for certain: no probe is needed.
    pub const fn mended(&mut self) {
        *self = Self::new(self.tolerance);
    }

    /// Takes the one probe, if it is time for it.
    pub fn probe(&mut self, now: Instant) -> bool {
        let due = self.retry_at().is_some_and(|at| at <= now);
        if due {
            self.state = State::HalfOpen;
        }
        due
    }

    /// The probe came to nothing that says anything. Somebody else is to make one.
    pub fn abandoned(&mut self, now: Instant) {
        if self.state == State::HalfOpen {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = State::Open;
        self.retry_at = Some(now + self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance {
        failures: 3,
        failing_for: Duration::from_secs(10),
        pause: (Duration::from_secs(1), Duration::from_secs(4)),
    };

    #[derive(Clone, Copy)]
    enum Event {
        Fails,
        Works,
        /// Whether a probe is granted.
        Probe(bool),
        LeavesOff,
        Mended,
    }

    use Event::{Fails, LeavesOff, Mended, Probe, Works};
    use State::{Closed, HalfOpen, Open};

    /// Runs a story: milliseconds from its beginning, what happens, the state after it.
    fn story(steps: &[(u64, Event, State)]) {
        let (begun, mut breaker) = (Instant::now(), Breaker::new(TOLERANCE));
        for (place, (at, event, state)) in steps.iter().enumerate() {
            let now = begun + Duration::from_millis(*at);
            match event {
                Fails => breaker.failed(now),
                Works => breaker.succeeded(),
                LeavesOff => breaker.abandoned(now),
                Mended => breaker.mended(),
                Probe(granted) => assert_eq!(breaker.probe(now), *granted, "step {place}"),
            }
            assert_eq!(breaker.state(), *state, "step {place}");
        }
    }

    #[test]
    fn the_third_failure_in_a_row_opens_it() {
        story(&[(0, Fails, Closed), (1, Fails, Closed), (2, Fails, Open)]);
        story(&[
            (0, Fails, Closed),
            (1, Fails, Closed),
            (2, Works, Closed),
            (3, Fails, Closed),
            (4, Fails, Closed),
        ]);
    }

    #[test]
    fn failing_for_long_opens_it_too() {
        story(&[(0, Fails, Closed), (10_000, Fails, Open)]);
        story(&[(0, Fails, Closed), (9_999, Works, Closed), (10_000, Fails, Closed)]);
    }

    #[test]
    fn one_probe_after_each_pause_and_the_pauses_grow_to_their_limit() {
        story(&[
            (0, Probe(false), Closed),
            (0, Fails, Closed),
            (0, Fails, Closed),
            (0, Fails, Open),
            (999, Probe(false), Open),
            (1000, Probe(true), HalfOpen),
            (1001, Probe(false), HalfOpen),
            (2000, Fails, Open),
            (3999, Probe(false), Open),
            (4000, Probe(true), HalfOpen),
            (5000, Fails, Open),
            (9000, Probe(true), HalfOpen),
            (10_000, Fails, Open),
            (13_999, Probe(false), Open),
            (14_000, Probe(true), HalfOpen),
            (14_001, Works, Closed),
            // All is forgotten: three more, and the first pause again.
            (15_000, Fails, Closed),
            (15_000, Fails, Closed),
            (15_000, Fails, Open),
            (16_000, Probe(true), HalfOpen),
        ]);
    }

    #[test]
    fn a_probe_that_says_nothing_is_made_again_after_the_same_pause() {
        story(&[
            (0, LeavesOff, Closed),
            (0, Fails, Closed),
            (0, Fails, Closed),
            (0, Fails, Open),
            (500, LeavesOff, Open),
            (1000, Probe(true), HalfOpen),
            (1500, LeavesOff, Open),
            (2499, Probe(false), Open),
            (2500, Probe(true), HalfOpen),
        ]);
    }

    #[test]
    fn what_is_mended_for_certain_needs_no_probe() {
        story(&[
            (0, Fails, Closed),
            (0, Fails, Closed),
            (0, Fails, Open),
            (1, Mended, Closed),
            (2, Fails, Closed),
        ]);
    }

    #[test]
    fn stragglers_change_nothing() {
        story(&[
            (0, Fails, Closed),
            (0, Fails, Closed),
            (0, Fails, Open),
            (900, Fails, Open),
            (950, Works, Open),
            (1000, Probe(true), HalfOpen),
        ]);
    }
}
