//! How commands end: one line for the user, and a code that scripts can rely on.

use std::fmt::Display;
use std::process::ExitCode;

use shared::printable::printable_lines;
use shared::telemetry;

/// Some files failed, or there was nothing to do.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// A service is not available (`EX_UNAVAILABLE` of sysexits).
pub const UNAVAILABLE: u8 = 69;
/// It cannot go on although nothing failed: its consumers are wedged (`EX_SOFTWARE`). The supervisor starts another.
pub const SOFTWARE: u8 = 70;
/// A fault of ours or of the system (`EX_OSERR`).
pub const SYSTEM: u8 = 71;
/// Interrupted by the user, as shells say it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Says what went wrong and returns the code.
pub fn say(error: &dyn Display, code: u8) -> ExitCode {
    telemetry::say(&format!("worker: {}\n", printable_lines(&error.to_string())));
    ExitCode::from(code)
}

/// Runs a command on a runtime of its own, in one thread: whatever takes long is done by lanes, and to hand short work from
/// thread to thread costs more than the work (a third of the worker's processor time, with files of no length).
pub fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(async {
                let code = Box::pin(command).await;
                // Not in this thread, which still has to hear signals: the reader of our log may take its time.
                let _ = tokio::task::spawn_blocking(telemetry::flush).await;
                code
            });
            // Not dropped: the thread of a connection that is being restored would find its timers gone and panic. The process
            // ends now, and everything that needed an orderly end has had it.
            std::mem::forget(runtime);
            code
        }
        Err(error) => say(&format_args!("cannot start the runtime: {error}"), SYSTEM),
    }
}
