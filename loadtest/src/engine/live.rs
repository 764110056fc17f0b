//! What is going on, while it goes on: one line on a terminal, a line every few seconds elsewhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::say;

/// Between two lines of a log.
const EVERY: Duration = Duration::from_secs(5);

/// Cheap to clone; all clones are the same view.
#[derive(Debug, Clone)]
pub(crate) struct Live(Arc<View>);

#[derive(Debug)]
enum View {
    Quiet,
    Bar(ProgressBar),
    /// When a line was last written.
    Lines(Mutex<Option<Instant>>),
}

impl Live {
    pub(crate) fn new(quiet: bool) -> Self {
        Self(Arc::new(match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => View::Quiet,
            (false, false) => View::Lines(Mutex::default()),
            (false, true) => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("{bar:24} {wide_msg}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                View::Bar(bar)
            }
        }))
    }

    /// Something that is said once.
    pub(crate) fn tell(&self, text: &str) {
        match &*self.0 {
            View::Quiet => {}
            View::Bar(bar) => bar.println(text),
            View::Lines(_) => say(&mut std::io::stderr().lock(), text),
        }
    }

    /// How far it is.
    pub(crate) fn show(&self, done: u64, of: u64, text: &str) {
        match &*self.0 {
            View::Quiet => {}
            View::Bar(bar) => {
                bar.set_length(of);
                bar.set_position(done);
                bar.set_message(text.to_owned());
            }
            View::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.is_none_or(|last| last.elapsed() >= EVERY) {
                    *last = Some(Instant::now());
                    say(&mut std::io::stderr().lock(), text);
                }
            }
        }
    }

    pub(crate) fn clear(&self) {
        if let View::Bar(bar) = &*self.0 {
            bar.finish_and_clear();
        }
    }
}
