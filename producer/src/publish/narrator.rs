//! Telling the user how far it is and what is in the way: on a terminal in one line that changes, elsewhere a line when
//! something begins or ends.

use std::time::{Duration, Instant};

use shared::broker::Broker;
use shared::job::Priority;
use shared::topology::Topology;

use super::delivery::Door;
use crate::screen::Screen;
use crate::text;

/// A queue at its limit has room for a moment again and again; that is one wait, not hundreds.
const LINGER: Duration = Duration::from_secs(1);

/// Without a terminal a long run is seen to live.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A night of waiting is not thousands of lines.
const WAITING_HEARTBEAT: Duration = Duration::from_secs(60);

/// What keeps jobs from being accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// The queue of this level is at its limit.
    Full(Priority),
    /// No connection.
    Away,
    /// The broker's memory or disk alarm.
    Alarm,
}

#[derive(Debug)]
pub(crate) struct Narrator {
    screen: Screen,
    topology: Topology,
    begun: Instant,
    obstacle: Option<(Obstacle, Instant)>,
    waited: Duration,
    spoken: Instant,
}

impl Narrator {
    pub(crate) fn new(screen: Screen, topology: Topology) -> Self {
        let begun = Instant::now();
        Self { screen, topology, begun, obstacle: None, waited: Duration::ZERO, spoken: begun }
    }

    /// Looks and speaks.
    pub(crate) fn tick(&mut self, broker: &Broker, door: &Door, accepted: u64) {
        let obstacle = if !broker.is_up() {
            Some(Obstacle::Away)
        } else if broker.is_blocked() {
            Some(Obstacle::Alarm)
        } else {
            door.crowded(LINGER).map(Obstacle::Full)
        };
        self.meet(obstacle, accepted);
        let line = match self.obstacle {
            None => {
                let rate = text::rate(accepted as f64 / self.begun.elapsed().as_secs_f64());
                format!("{accepted} accepted, {rate}/s")
            }
            Some((obstacle, since)) => {
                let time = text::duration(since.elapsed());
                // Why a new connection is refused or not answered, as soon as that is known.
                let cause = broker.trouble().map(|cause| format!(" ({cause})")).unwrap_or_default();
                format!("{accepted} accepted, waiting {time}: {}{cause}", self.words(obstacle))
            }
        };
        self.screen.progress(accepted, None, &line);
        let silence = if self.obstacle.is_some() { WAITING_HEARTBEAT } else { HEARTBEAT };
        if !self.screen.is_terminal() && self.spoken.elapsed() >= silence {
            self.say(&line);
        }
    }

    /// The run is over; how long it was held up. When it was given up, what was in the way may still be, and nothing is said.
    pub(crate) fn finish(&mut self, accepted: u64, is_given_up: bool) -> Duration {
        match self.obstacle {
            Some((_, since)) if is_given_up => self.waited += since.elapsed(),
            _ => self.meet(None, accepted),
        }
        self.screen.clear();
        self.waited
    }

    fn meet(&mut self, now: Option<Obstacle>, accepted: u64) {
        let before = self.obstacle;
        if before.map(|(obstacle, _)| obstacle) == now {
            return;
        }
        if let Some((obstacle, since)) = before {
            let time = since.elapsed();
            self.waited += time;
            self.note(&format!(
                "{} after {}, {accepted} accepted so far",
                self.over(obstacle),
                text::duration(time)
            ));
        }
        if let Some(obstacle) = now {
            self.note(&format!("{}: waiting, {accepted} accepted so far", self.words(obstacle)));
        }
        self.obstacle = now.map(|obstacle| (obstacle, Instant::now()));
    }

    /// On a terminal the progress line says it already.
    fn note(&mut self, line: &str) {
        if !self.screen.is_terminal() {
            self.say(line);
        }
    }

    fn say(&mut self, line: &str) {
        self.screen.line(line);
        self.spoken = Instant::now();
    }

    fn words(&self, obstacle: Obstacle) -> String {
        match obstacle {
            Obstacle::Full(level) => {
                let Topology { max_size, .. } = self.topology;
                format!("queue {} is full (QUEUE_MAX_SIZE={max_size})", self.topology.level_queue(level))
            }
            Obstacle::Away => "the connection to RabbitMQ is lost".to_owned(),
            Obstacle::Alarm => "RabbitMQ takes no messages (its memory or disk alarm)".to_owned(),
        }
    }

    fn over(&self, obstacle: Obstacle) -> String {
        match obstacle {
            Obstacle::Full(level) => format!("queue {} takes jobs again", self.topology.level_queue(level)),
            Obstacle::Away => "RabbitMQ is back".to_owned(),
            Obstacle::Alarm => "RabbitMQ takes messages again".to_owned(),
        }
    }
}
