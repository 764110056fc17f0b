//! Ctrl-C, SIGTERM and SIGHUP (the terminal was closed): the first asks for an orderly end, the second ends at once.

use std::future::pending;
use std::io;

use shared::signals;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The status of a program ended by Ctrl-C, as shells report it.
const EXIT_INTERRUPTED: i32 = 130;

/// The token is cancelled by the first signal.
pub(crate) fn on_signal() -> io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Under nohup a closed terminal is no reason to end.
    let heeds_hangup = !signals::is_ignored(SignalKind::hangup().as_raw_value());
    let mut hangup = heeds_hangup.then(|| signal(SignalKind::hangup())).transpose()?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = received(hangup.as_mut()) => {}
            }
            if !first {
                std::process::exit(EXIT_INTERRUPTED);
            }
            shared::telemetry::hurry();
            cancel.cancel();
        }
    });
    Ok(token)
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}
