//! `producer watch`: a batch from where it stands to its end. It reads one hash of Redis and changes nothing, so any
//! number of watchers may come and go. When nothing has happened to the batch for a while, it asks RabbitMQ whether anything
//! still waits: a batch whose messages are lost has no end. Jobs that wait for a retry are told of with the cause.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::job::BatchId;
use shared::settings::ProducerSettings;
use shared::store::{BatchState, Cursor, Store, StoreError, WaitingRetries};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audience::Audience;
use crate::cli::WatchArgs;
use crate::failure::{End, Failure};
use crate::screen::Screen;
use crate::verdict::{self, Verdict};
use crate::{connect, resolve, stop};

mod pace;
mod words;

use pace::Pace;

/// As often as the eye follows; each poll is one command.
const POLL: Duration = Duration::from_millis(250);

/// Between two lines where there is no terminal, when something changed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A line when nothing changed: the watcher lives, the batch stands still.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Everything accepted is done, and still the batch is not closed: by now its producer may be dead.
const ORPHAN_AFTER: Duration = Duration::from_secs(30);

/// Ends taken back by a retry, and nothing happens: by now it may have been killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(30);

/// Between two looks at whether the batch will ever end.
const WEIGH_EVERY: Duration = Duration::from_secs(5);

/// The same while messages wait: each look is a connection to RabbitMQ then.
const WEIGH_WAITING_EVERY: Duration = Duration::from_secs(30);

/// Failures named at the end.
const NAMED: usize = 20;

pub(crate) async fn run(
    settings: &ProducerSettings,
    args: &WatchArgs,
    screen: &Screen,
) -> Result<End, Failure> {
    let store = connect::store(settings, screen).await?;
    let batch = resolve::batch(&store, &args.batch).await?;
    let topology = connect::topology(&settings.queue);
    let audience = Audience::of_batch(&store, topology, batch, screen).await;
    let signal = stop::on_signal()?;
    Box::pin(audience.beside(follow(settings, &store, batch, &signal, screen), settings, &store)).await
}

/// Follows the batch to its end, or until it is clear that it has none.
pub(crate) async fn follow(
    settings: &ProducerSettings,
    store: &Store,
    batch: BatchId,
    signal: &CancellationToken,
    screen: &Screen,
) -> Result<End, Failure> {
    let mut watcher = Watcher::new(screen.clone());
    let (state, over) = loop {
        let look = async {
            let state = store.batch(batch).await;
            let verdict = match &state {
                Ok(Some(state)) if watcher.is_to_weigh(state) => {
                    Some(verdict::of(state, store, settings).await)
                }
                _ => None,
            };
            // That Redis is away is told of by the next look at the batch.
            let waiting = match &state {
                Ok(Some(state)) if watcher.is_to_ask_for_retries(state) => {
                    store.waiting_retries(batch).await.ok()
                }
                _ => None,
            };
            tokio::time::sleep(POLL).await;
            (state, verdict, waiting)
        };
        let (state, verdict, waiting) = tokio::select! {
            seen = look => seen,
            () = signal.cancelled() => {
                screen.clear();
                screen.line(&format!("no longer watching; the work goes on. Go on watching: producer watch {batch}"));
                return Ok(End::Interrupted);
            }
        };
        watcher.waiting(waiting);
        match watcher.answered(state)? {
            None => {}
            Some(None) => return Err(gone(batch)),
            Some(Some(state)) if state.is_complete() => break (state, false),
            Some(Some(state)) if watcher.is_over(verdict) => break (state, true),
            Some(Some(state)) => watcher.look(&state),
        }
    };
    screen.clear();
    if over {
        words::never_ends(&state).iter().for_each(|line| screen.line(line));
    } else {
        watcher.over(&state);
    }
    if state.failed() > 0 {
        name_failures(store, &state, screen).await?;
    }
    let is_whole = !over || !state.counted;
    Ok(if is_whole && state.failed() + state.unwanted() == 0 { End::Done } else { End::Incomplete })
}

fn gone(batch: BatchId) -> Failure {
    Failure::NotFound(format!(
        "batch {batch} is no longer in Redis: it has expired (RESULT_TTL), or Redis has lost its data"
    ))
}

async fn name_failures(store: &Store, state: &BatchState, screen: &Screen) -> Result<(), Failure> {
    let page = store.failures(state.batch_id, &Cursor::start(), NAMED).await?;
    for record in &page.records {
        screen.line(&words::failure(record));
    }
    let more = state.failed().saturating_sub(page.records.len() as u64);
    let rest = if more > 0 { format!("… and {more} more; all of them") } else { "to list them".to_owned() };
    let batch = state.batch_id;
    screen.line(&format!("{rest}: producer failures {batch}; to try them again: producer retry {batch}"));
    Ok(())
}

struct Watcher {
    screen: Screen,
    pace: Pace,
    /// The line last written, without what changes by itself.
    last: Option<(BatchState, Instant)>,
    /// Since when nothing is left to the workers, and yet the batch has no end.
    idle: Option<Instant>,
    hinted: bool,
    away: bool,
    begun: Option<u64>,
    /// When it is to be asked next whether the batch will ever end.
    weigh_at: Instant,
    /// Whether it was said already that RabbitMQ does not tell.
    broker_away: bool,
    /// When it is to be asked next what waits for a retry, and what the last answer was.
    ask_for_retries_at: Instant,
    waiting: WaitingRetries,
    /// Why jobs wait for a retry, as far as it was said.
    causes_told: BTreeSet<String>,
}

impl Watcher {
    fn new(screen: Screen) -> Self {
        Self {
            screen,
            pace: Pace::default(),
            last: None,
            idle: None,
            hinted: false,
            away: false,
            begun: None,
            weigh_at: Instant::now(),
            broker_away: false,
            ask_for_retries_at: Instant::now(),
            waiting: WaitingRetries::default(),
            causes_told: BTreeSet::new(),
        }
    }

    fn is_to_ask_for_retries(&mut self, state: &BatchState) -> bool {
        let due = Instant::now() >= self.ask_for_retries_at && !state.is_complete();
        if due {
            self.ask_for_retries_at = Instant::now() + WEIGH_EVERY;
        }
        due
    }

    /// Says why jobs wait for a retry, each cause once.
    fn waiting(&mut self, answer: Option<WaitingRetries>) {
        let Some(waiting) = answer else { return };
        for line in words::retry_causes(&waiting) {
            if self.causes_told.insert(line.clone()) {
                self.screen.line(&line);
            }
        }
        self.waiting = waiting;
    }

    fn is_to_weigh(&mut self, state: &BatchState) -> bool {
        let due = Instant::now() >= self.weigh_at && !state.is_complete();
        if due {
            self.weigh_at = Instant::now() + WEIGH_EVERY;
        }
        due
    }

    /// Whether the verdict is that the batch will never end.
    fn is_over(&mut self, verdict: Option<Result<Verdict, Failure>>) -> bool {
        match verdict {
            Some(Ok(Verdict::Over)) => true,
            Some(Ok(Verdict::Waiting(_))) => {
                self.weigh_at = Instant::now() + WEIGH_WAITING_EVERY;
                false
            }
            // A Redis that is away is told of by the next look at the batch.
            Some(Err(error)) if !matches!(error, Failure::Store(_)) && !self.broker_away => {
                self.broker_away = true;
                self.screen.line(&format!(
                    "{error}; watching goes on, but it would not be noticed that messages of this batch are lost"
                ));
                false
            }
            _ => false,
        }
    }

    /// `None` while Redis is away: its restart is no reason to give up.
    fn answered(
        &mut self,
        answer: Result<Option<BatchState>, StoreError>,
    ) -> Result<Option<Option<BatchState>>, Failure> {
        match answer {
            Ok(state) => {
                if std::mem::take(&mut self.away) {
                    self.screen.line("Redis is back");
                    // Workers and producer could not give a sign of life either.
                    self.weigh_at = Instant::now() + WEIGH_WAITING_EVERY;
                }
                Ok(Some(state))
            }
            Err(error @ (StoreError::Unreachable { .. } | StoreError::Refused { .. })) => {
                if !self.away {
                    self.screen.line(&format!("{error}; waiting for it"));
                }
                self.away = true;
                Ok(None)
            }
            Err(other) => Err(other.into()),
        }
    }

    fn look(&mut self, state: &BatchState) {
        self.begun.get_or_insert(state.done());
        self.pace.add(Instant::now(), state.done(), state.audio_ms);
        let text = words::progress(state, self.pace.speed(), &self.waiting);
        // A batch that still grows has no end that a bar could show.
        let total = (state.counted && state.sealed).then_some(state.accepted);
        self.screen.progress(state.done(), total, &text);
        if !self.screen.is_terminal() && self.is_news(state) {
            self.screen.line(&text);
            self.last = Some((state.clone(), Instant::now()));
        }
        self.hint(state);
    }

    fn is_news(&self, state: &BatchState) -> bool {
        self.last.as_ref().is_none_or(|(last, at)| {
            let unchanged = *last == BatchState { last_sign_ms: last.last_sign_ms, ..state.clone() };
            let least = if unchanged { HEARTBEAT } else { LINE_EVERY };
            at.elapsed() >= least
        })
    }

    fn hint(&mut self, state: &BatchState) {
        let orphaned = state.counted && !state.sealed && state.done() >= state.accepted;
        let abandoned = state.retrying > 0 && state.done() + state.retrying >= state.accepted;
        if !orphaned && !abandoned {
            self.idle = None;
            return;
        }
        let since = *self.idle.get_or_insert_with(Instant::now);
        let patience = if abandoned { ABANDONED_AFTER } else { ORPHAN_AFTER };
        if !self.hinted && since.elapsed() >= patience {
            self.hinted = true;
            self.screen.line(&match abandoned {
                true => words::abandoned(state),
                false => words::orphaned(state),
            });
        }
    }

    /// The time is told only by one who has seen the work.
    fn over(&self, state: &BatchState) {
        let seen = self.begun.is_some_and(|begun| begun < state.done());
        for line in words::summary(state, seen) {
            self.screen.line(&line);
        }
    }
}
