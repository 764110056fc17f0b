//! Walls around other people's parsers.
//!
//! The decoder library answers damage with errors, but not always: in 1,200 damaged files one made an addition overflow. A
//! panic there says as much about the file as an error does, so it is taken for one. What it leaves behind is thrown away or
//! made afresh by the caller, never used again.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` if it panics.
pub(crate) fn contain<T>(what: &'static str, work: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(work));
    if result.is_err() {
        tracing::warn!(what, "a panic was contained");
    }
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::contain;

    #[test]
    fn a_panic_is_contained() {
        assert_eq!(contain("nothing", || 7), Some(7));
        assert_eq!(contain("a test", || panic!("on purpose")), None::<()>);
    }
}
