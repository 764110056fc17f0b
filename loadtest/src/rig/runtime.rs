//! The runtime of a test, and its early end.

use tokio::signal::unix::{SignalKind, signal};

use super::error::{RigError, io};

/// Runs a test to its end, or drops it, and with it all that it started, at Ctrl-C or SIGTERM.
pub(crate) fn hold<T>(test: impl Future<Output = Result<T, RigError>>) -> Result<T, RigError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(io("the runtime"))?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate()).map_err(io("signals"))?;
        tokio::select! {
            ended = test => ended,
            _ = tokio::signal::ctrl_c() => Err(RigError::Interrupted),
            _ = terminated.recv() => Err(RigError::Interrupted),
        }
    })
}
