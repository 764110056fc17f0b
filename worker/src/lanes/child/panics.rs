//! The message of the last panic, kept instead of printed: it belongs in the job's record, not on a terminal.

use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Clone, Default)]
pub(super) struct LastPanic(Arc<Mutex<Option<String>>>);

impl LastPanic {
    /// Takes the place of the process's panic hook.
    pub(super) fn capture() -> Self {
        let last = Self::default();
        let kept = last.clone();
        std::panic::set_hook(Box::new(move |info| {
            *kept.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(describe(info));
        }));
        last
    }

    pub(super) fn take(&self) -> String {
        // A payload that is resumed (`resume_unwind`) passes the hook by.
        let message = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        message.unwrap_or_else(|| "panicked without a message".to_owned())
    }
}

fn describe(info: &PanicHookInfo) -> String {
    let payload = info.payload();
    let message = match payload.downcast_ref::<String>() {
        Some(formatted) => formatted,
        None => payload.downcast_ref::<&str>().copied().unwrap_or("no message"),
    };
    match info.location() {
        Some(at) => format!("panicked at {}:{}:{}: {message}", in_crate(at.file()), at.line(), at.column()),
        None => format!("panicked: {message}"),
    }
}

/// `symphonia-core-0.6.1/src/io.rs` of a path in somebody's registry: where the builder's home was is nobody's business.
fn in_crate(file: &str) -> &str {
    match file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, path)) => path,
        None => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_its_crate_on() {
        let home = "/home/a/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/lofty-0.25.0/src/ape.rs";
        assert_eq!(in_crate(home), "lofty-0.25.0/src/ape.rs");
        assert_eq!(in_crate("worker/src/lanes.rs"), "worker/src/lanes.rs");
    }
}
