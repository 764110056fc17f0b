//! Stopping in order: first drain, then, after a deadline or a second signal, at once.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two degrees of stopping. Clones are the same stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    drain: CancellationToken,
    now: CancellationToken,
}

impl Stop {
    /// Take nothing new and finish what runs.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Give back what runs, too.
    pub fn now(&self) {
        self.drain.cancel();
        self.now.cancel();
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

    /// Listens for SIGTERM and SIGINT from here on: the first one drains for at most `deadline`, the second one stops.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals(&self, deadline: Duration) -> io::Result<()> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = self.clone();
        tokio::spawn(async move {
            let mut next =
                async || tokio::select! { _ = term.recv() => "SIGTERM", _ = int.recv() => "SIGINT" };
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
