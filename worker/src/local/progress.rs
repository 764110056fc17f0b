//! The progress bar.

use std::fmt::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::tally::Tally;
use crate::source::folder::Scanned;

const TEMPLATE: &str = "{bar:24} {pos}/{found} files  {rate}  {left}  {failed}";
const REDRAW: Duration = Duration::from_millis(200);

/// A bar that follows the run until it is finished.
pub(super) fn bar(is_hidden: bool, scanned: &Arc<Scanned>, tally: &Arc<Mutex<Tally>>) -> ProgressBar {
    let bar = super::hidden_unless_terminal(is_hidden);
    if bar.is_hidden() {
        return bar;
    }
    let (found, failures) = (Arc::clone(scanned), Arc::clone(tally));
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(
        style
            .with_key("found", move |_: &ProgressState, text: &mut dyn Write| {
                let more = if found.complete.load(Ordering::Acquire) { "" } else { "+" };
                // Writing to a buffer in memory does not fail.
                let _ = write!(text, "{}{more}", found.found.load(Ordering::Relaxed));
            })
            .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
                let _ = write!(text, "{:.1}/s", state.per_sec());
            })
            .with_key("left", |state: &ProgressState, text: &mut dyn Write| {
                // Before the first file has ended nobody knows.
                if state.pos() > 0 {
                    let _ = write!(text, "ETA {:#}", HumanDuration(state.eta()));
                }
            })
            .with_key("failed", move |_: &ProgressState, text: &mut dyn Write| {
                let failed = failures.lock().unwrap_or_else(PoisonError::into_inner).failed();
                if failed > 0 {
                    let _ = write!(text, "{failed} failed");
                }
            }),
    );
    bar.enable_steady_tick(REDRAW);
    bar
}
