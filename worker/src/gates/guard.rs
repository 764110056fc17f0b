//! A breaker that many tasks share: who may try, who must wait, and a log line at each change.

use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, sleep_until, timeout};

use crate::breaker::{Breaker, State, Tolerance};

/// Three in a row are no accident, and over within a second where a connection is refused. Where each takes its time-out
/// (5 s by default), the second one opens it. A pause of 15 s at most: so long does a worker stay idle after the cause is gone.
const TOLERANCE: Tolerance = Tolerance {
    failures: 3,
    failing_for: Duration::from_secs(5),
    pause: (Duration::from_secs(1), Duration::from_secs(15)),
};

/// Far above `HEALTH_CHECK_TIMEOUT`, which bounds a look.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// What says of itself that it is out of order is not asked three times.
pub(super) const AT_ONCE: Tolerance = Tolerance { failures: 1, ..TOLERANCE };

/// One breaker with its name. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Guard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    inner: Mutex<Inner>,
    /// Told of each change of any guard.
    changed: Arc<watch::Sender<()>>,
    /// Told of each failure: worth a look.
    suspicion: Notify,
    /// Tasks that wait for their turn with work of their own. It is a better probe than ours.
    waiting: AtomicUsize,
    /// How many looks of its watcher have ended.
    looks: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    breaker: Breaker,
    reason: String,
    since: Option<Instant>,
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Guard {
    pub(super) fn new(name: String, changed: Arc<watch::Sender<()>>) -> Self {
        Self::tolerating(TOLERANCE, name, changed)
    }

    /// With a tolerance of its own.
    pub(super) fn tolerating(tolerance: Tolerance, name: String, changed: Arc<watch::Sender<()>>) -> Self {
        let inner = Inner { breaker: Breaker::new(tolerance), reason: String::new(), since: None };
        let (suspicion, waiting, looks) = (Notify::new(), AtomicUsize::new(0), watch::Sender::new(0));
        Self(Arc::new(Shared { name, inner: Mutex::new(inner), changed, suspicion, waiting, looks }))
    }

    /// What it says now.
    #[must_use]
    pub fn state(&self) -> State {
        self.inner().breaker.state()
    }

    /// Why it is not closed; `None` when it is.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let inner = self.inner();
        let since = inner.since.filter(|_| inner.breaker.state() != State::Closed)?;
        Some(format!("{} (for {} s)", inner.reason, since.elapsed().as_secs()))
    }

    /// It failed.
    pub fn failed(&self, reason: &dyn Display) {
        self.record_failure(reason);
        self.0.suspicion.notify_one();
    }

    /// As [`Guard::failed`], by its own watcher.
    pub(super) fn record_failure(&self, reason: &dyn Display) {
        self.change(|inner| {
            inner.reason = reason.to_string();
            inner.breaker.failed(Instant::now());
        });
    }

    /// It failed before there was any work: so there is no need to wait for more failures.
    pub(super) fn failed_at_the_start(&self, reason: &dyn Display) {
        self.change(|inner| {
            inner.reason = reason.to_string();
            inner.breaker.trip(Instant::now());
        });
    }

    /// It worked.
    pub fn succeeded(&self) {
        self.change(|inner| inner.breaker.succeeded());
    }

    /// It works again, as whoever keeps it says for certain.
    pub(super) fn mended(&self) {
        self.change(|inner| inner.breaker.mended());
    }

    /// Its watcher has looked, and reported what it saw.
    pub(super) fn looked(&self) {
        self.0.looks.send_modify(|looks| *looks += 1);
    }

    /// Why it does not work now, by a fresh look of its watcher; `None` when it works. Returns as soon as the look is over,
    /// which takes `HEALTH_CHECK_TIMEOUT` at most.
    pub async fn ask(&self) -> Option<String> {
        let mut looks = self.0.looks.subscribe();
        if self.state() == State::Closed {
            self.0.suspicion.notify_one();
            // Without an answer (the watcher is gone, or has not been started) what is known counts.
            let _ = timeout(ANSWERS_WITHIN, looks.changed()).await;
        }
        let inner = self.inner();
        (inner.breaker.is_failing()).then(|| inner.reason.clone())
    }

    /// What was tried says nothing of it, one way or the other.
    pub fn abandoned(&self) {
        self.change(|inner| inner.breaker.abandoned(Instant::now()));
    }

    /// Waits before work is tried once more: `pause` while the breaker is closed, else until this call has the probe.
    pub async fn turn(&self, pause: Duration) {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.0.waiting);
        let mut changes = self.0.changed.subscribe();
        if self.state() == State::Closed {
            tokio::select! {
                () = sleep(pause) => if self.state() == State::Closed { return },
                () = self.until(&mut changes, |state| state != State::Closed) => {}
            }
        }
        while !self.probe().await {
            if self.state() == State::Closed {
                return;
            }
            // Somebody else has the probe.
            self.until(&mut changes, |state| state != State::HalfOpen).await;
        }
    }

    /// Waits for the pause to be over and takes the probe; false when it was not to be had.
    pub(super) async fn probe(&self) -> bool {
        let Some(at) = self.inner().breaker.retry_at() else { return false };
        sleep_until(at.into()).await;
        let mut granted = false;
        self.change(|inner| granted = inner.breaker.probe(Instant::now()));
        granted
    }

    /// Whether somebody waits with work of its own.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits until somebody has reported a failure.
    pub(super) async fn suspected(&self) {
        self.0.suspicion.notified().await;
    }

    async fn until(&self, changes: &mut watch::Receiver<()>, wanted: impl Fn(State) -> bool) {
        while !wanted(self.state()) {
            // The sender is ours.
            let _ = changes.changed().await;
        }
    }

    fn change(&self, step: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner();
        let before = inner.breaker.state();
        step(&mut inner);
        let after = inner.breaker.state();
        if before == after {
            return;
        }
        if before == State::Closed {
            inner.since = Some(Instant::now());
        }
        self.log(&inner, before, after);
        drop(inner);
        self.0.changed.send_replace(());
    }

    fn log(&self, inner: &Inner, before: State, after: State) {
        let (name, reason) = (self.0.name.as_str(), inner.reason.as_str());
        let seconds = inner.since.map_or(0, |since| since.elapsed().as_secs());
        match (before, after) {
            (State::Closed, _) => tracing::warn!(dependency = name, reason, "breaker opened"),
            (_, State::Closed) => tracing::info!(dependency = name, open_seconds = seconds, "breaker closed"),
            (_, State::HalfOpen) => tracing::info!(dependency = name, "breaker half-open: one probe"),
            (_, State::Open) => {
                tracing::warn!(
                    dependency = name,
                    reason,
                    open_seconds = seconds,
                    "breaker open again: the probe failed"
                );
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("test".to_owned(), Arc::new(watch::Sender::new(())))
    }

    #[tokio::test]
    async fn a_turn_while_closed_is_the_pause_alone() {
        guard().turn(Duration::from_millis(1)).await;
    }

    #[tokio::test]
    async fn of_two_who_wait_one_has_the_probe() {
        let guard = guard();
        (0..3).for_each(|_| guard.failed(&"gone"));
        let wait = || {
            let guard = guard.clone();
            tokio::spawn(async move { guard.turn(Duration::ZERO).await })
        };
        let (mut one, mut other) = (wait(), wait());
        let second = tokio::select! {
            _ = &mut one => other,
            _ = &mut other => one,
        };
        assert_eq!(guard.state(), State::HalfOpen);
        assert!(!second.is_finished());
        guard.succeeded();
        second.await.unwrap();
        assert_eq!((guard.state(), guard.reason()), (State::Closed, None));
    }
}
