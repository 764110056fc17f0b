//! `producer retry`: what failed, or has lost its message, is published again, as it was submitted. The old end goes first and comes back if the
//! broker does not want the job, so a job has one end or none, and the counters of its batch are true at every moment.

use std::time::Duration;

use shared::outcome::Outcome;
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cursor, EndPlace, Store, StoreError, StoredEnd};

use crate::cli::RetryArgs;
use crate::failure::{End, Failure};
use crate::failures::is_of;
use crate::publish::{self, Delivery};
use crate::screen::Screen;
use crate::{connect, pick, stop, watch};

mod lost;
mod round;
mod tally;

use round::Round;
use tally::Tally;

/// Ends looked at in one round trip.
const PAGE: usize = 500;

/// What a retry has taken back and not published after this is taken for one that was killed. One that lives and waits for
/// room in a queue as long has its jobs published twice; they end once all the same.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &RetryArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batches = pick::batches(&store, args.batch.as_deref()).await?;
    let broker = connect::broker(settings, screen).await?;
    let topology = connect::topology(&settings.queue);
    let publisher = shared::broker::Publisher::open(&broker, topology.clone()).await?;
    let signal = stop::on_signal()?;
    let delivery = Delivery::new(publisher, args.on_full, signal.child_token());
    let round = Round::new(&broker, &store, &delivery, screen, topology);
    let window = settings.queue.publish_window;
    let mut retry = Retry { store: &store, settings, args, window, round, wanted: args.job.clone() };
    let result = retry.all(&batches).await;
    let tally = retry.finish();
    publish::say_goodbye(&broker).await;
    tally.words(args.on_full, signal.is_cancelled()).iter().for_each(|line| screen.line(line));
    result.map_err(interrupted_by)?;
    let worth_watching = args.watch && tally.published > 0;
    let end = tally.end(args.on_full, signal.is_cancelled())?;
    match batches.first() {
        Some(state) if worth_watching && !matches!(end, End::Interrupted | End::QueueFull) => {
            let watched = watch::follow(settings, &store, state.batch_id, &signal, screen).await?;
            Ok(if watched == End::Done { end } else { watched })
        }
        _ => Ok(end),
    }
}

fn interrupted_by(error: Failure) -> Failure {
    let Failure::Store(error) = error else { return error };
    Failure::Unavailable(format!(
        "{error}\n  jobs whose ends were taken back and which were not published are published by the next `producer retry`"
    ))
}

struct Retry<'a> {
    store: &'a Store,
    settings: &'a ProducerSettings,
    args: &'a RetryArgs,
    window: usize,
    round: Round<'a>,
    /// Named jobs that were not found yet.
    wanted: Vec<shared::job::JobId>,
}

impl Retry<'_> {
    async fn all(&mut self, batches: &[BatchState]) -> Result<(), Failure> {
        for state in batches {
            if self.is_over() {
                break;
            }
            if state.retrying > 0 {
                self.left_over(state).await?;
            }
            if !self.args.job.is_empty() {
                self.named(state).await?;
                self.lost_by_name(state).await?;
                continue;
            }
            // Before the failures: what they put into the queues would look like a message that waits.
            if self.args.batch.is_some() && (self.args.lost || self.args.kind.is_empty()) {
                self.lost(state).await?;
            }
            if state.failed() > 0 {
                self.outcome(state, Outcome::Failed).await?;
            }
            if self.args.cancelled && state.unwanted() > 0 {
                self.outcome(state, Outcome::Cancelled).await?;
            }
        }
        Ok(())
    }

    /// What an earlier retry took back before it was killed.
    async fn left_over(&mut self, state: &BatchState) -> Result<(), StoreError> {
        let batch = state.batch_id;
        while !self.is_over() {
            let ends = self.store.take_over(batch, self.round.id, GIVEN_UP_AFTER, self.window).await?;
            if ends.is_empty() {
                let left = self.store.batch(batch).await?.map_or(0, |state| state.retrying);
                self.round.tally.elsewhere += left;
                break;
            }
            self.round.tally.taken_over += ends.len() as u64;
            self.round.publish(batch, ends).await?;
        }
        Ok(())
    }

    /// The ends of an outcome that were there at the beginning: a job that fails again meanwhile is not tried for ever.
    async fn outcome(&mut self, state: &BatchState, outcome: Outcome) -> Result<(), StoreError> {
        let batch = state.batch_id;
        let Some(last) = self.store.last_end(batch).await? else { return Ok(()) };
        let mut cursor = Cursor::start();
        while !self.is_over() {
            let (mut ends, next) = self.store.ends(batch, outcome, &cursor, PAGE).await?;
            let past = ends.iter().any(|(place, _)| place.is_after(&last));
            ends.retain(|(place, end)| !place.is_after(&last) && self.is_meant(end));
            self.withdraw(state, ends).await?;
            match next {
                Some(next) if !past => cursor = next,
                _ => break,
            }
        }
        Ok(())
    }

    async fn named(&mut self, state: &BatchState) -> Result<(), StoreError> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let mut ends = self.store.ends_of(state.batch_id, &self.wanted).await?;
        self.wanted.retain(|job| !ends.iter().any(|(_, end)| end.record.job_id == Some(*job)));
        let found = ends.len();
        ends.retain(|(_, end)| self.is_meant(end));
        self.round.tally.not_meant += (found - ends.len()) as u64;
        self.withdraw(state, ends).await
    }

    fn is_meant(&self, end: &StoredEnd) -> bool {
        match end.record.outcome {
            Outcome::Failed => is_of(&self.args.kind, end),
            Outcome::Cancelled => self.args.cancelled || !self.args.job.is_empty(),
            _ => false,
        }
    }

    /// Takes the ends back a window at a time, so that a crash leaves no more than that for the next retry.
    async fn withdraw(
        &mut self,
        state: &BatchState,
        mut ends: Vec<(EndPlace, StoredEnd)>,
    ) -> Result<(), StoreError> {
        let found = ends.len();
        ends.retain(|(_, end)| end.job.is_some());
        self.round.tally.no_jobs += (found - ends.len()) as u64;
        for window in ends.chunks(self.window) {
            if self.is_over() {
                break;
            }
            let taken = self.store.withdraw(state.batch_id, self.round.id, window).await?;
            self.round.tally.elsewhere += taken.iter().filter(|taken| !**taken).count() as u64;
            let ours = window.iter().zip(taken).filter(|(_, taken)| *taken);
            let ours = ours.map(|((_, end), _)| end.clone()).collect();
            self.round.publish(state.batch_id, ours).await?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.round.is_over()
    }

    fn finish(mut self) -> Tally {
        self.round.tally.missing = self.wanted.len() as u64;
        self.round.finish()
    }
}
