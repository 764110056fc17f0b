//! Stopping in order: first drain, then, after a deadline or a second signal, at once.
//!
//! SIGTERM, SIGINT and SIGHUP (whose terminal was closed) stop. SIGUSR1 and SIGUSR2, which would end the process at once
//! unless they are handled, mean nothing here: a line in the log says so. SIGPIPE is ignored by Rust's own start. All
//! others, SIGQUIT among them, end the process at once, as SIGKILL does: what ran is delivered again.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::signals;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two degrees of stopping. Clones are the same stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    drain: CancellationToken,
    now: CancellationToken,
    waiting_for: Arc<Mutex<&'static str>>,
}

impl Stop {
    /// Take nothing new and finish what runs.
    pub fn drain(&self) {
        shared::telemetry::hurry();
        self.drain.cancel();
    }

    /// Give back what runs, too.
    pub fn now(&self) {
        self.drain();
        self.now.cancel();
    }

    /// Notes what the end of the worker waits for now, so that a stop that takes too long can say so.
    pub fn waits_for(&self, what: &'static str) {
        *self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// What [`Stop::waits_for`] noted last; empty as long as it has noted nothing.
    #[must_use]
    pub fn waiting_for(&self) -> &'static str {
        *self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stop has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether everything is to stop at once.
    #[must_use]
    pub fn is_now(&self) -> bool {
        self.now.is_cancelled()
    }

    /// Waits for a stop to begin.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Waits for the order to stop at once.
    pub async fn stopped_now(&self) {
        self.now.cancelled().await;
    }

    /// Listens for SIGTERM, SIGINT and SIGHUP from here on: the first one drains for at most `deadline`, the second one stops.
    /// SIGHUP that was ignored at the start, as under nohup, stays ignored.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals(&self, deadline: Duration) -> io::Result<()> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let heeds_hangup = !signals::is_ignored(SignalKind::hangup().as_raw_value());
        let mut hangup = heeds_hangup.then(|| signal(SignalKind::hangup())).transpose()?;
        ignore("SIGUSR1", signal(SignalKind::user_defined1())?);
        ignore("SIGUSR2", signal(SignalKind::user_defined2())?);
        let stop = self.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = term.recv() => "SIGTERM",
                    _ = int.recv() => "SIGINT",
                    () = received(hangup.as_mut()) => "SIGHUP",
                }
            };
            let name = next().await;
            tracing::info!(
                signal = name,
                deadline_seconds = deadline.as_secs(),
                "stopping: finishing what runs"
            );
            stop.drain();
            tokio::select! {
                name = next() => tracing::warn!(signal = name, "second signal: stopping now"),
                () = tokio::time::sleep(deadline) => tracing::warn!("not done in time: stopping now"),
            }
            stop.now();
        });
        Ok(())
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

fn ignore(name: &'static str, mut signal: Signal) {
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            tracing::info!(signal = name, "ignored: it means nothing to the worker; SIGTERM stops it");
        }
    });
}
