//! Standard error: lines that stay, and on a terminal one line below them that shows the progress. Log lines go through
//! it too, so that neither tears the other.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shared::printable::printable_lines;
use shared::telemetry::{self, UnlockedStderr};

/// The bar is redrawn no more often than the eye follows.
const REDRAWS_PER_SECOND: u8 = 10;

/// Standard error of this process. Clones write to the same one.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bar: ProgressBar,
    terminal: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        Self { bar: ProgressBar::hidden().with_style(style(false)), terminal }
    }

    /// Whether a person is looking: otherwise progress is written as lines.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes a line that stays. That standard error is closed, or that nobody reads it, stops no work.
    #[expect(
        clippy::unused_self,
        reason = "who has a screen may write to it, and the log is set up with this one"
    )]
    pub(crate) fn line(&self, text: &str) {
        telemetry::say(&format!("{}\n", printable_lines(text)));
    }

    /// Shows the progress on a terminal: a bar when the total is known, else a spinner.
    pub(crate) fn progress(&self, done: u64, total: Option<u64>, text: &str) {
        if !self.terminal {
            return;
        }
        // `clear` finishes the bar; indicatif neither draws nor ticks a finished one.
        let was_cleared = self.bar.is_finished();
        if was_cleared {
            self.bar.reset();
        }
        if self.bar.length() != total {
            self.bar.set_style(style(total.is_some()));
            match total {
                Some(total) => self.bar.set_length(total),
                None => self.bar.unset_length(),
            }
        }
        self.bar.set_position(done);
        self.bar.set_message(text.to_owned());
        let is_first = self.bar.is_hidden();
        if is_first {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
        }
        if is_first || was_cleared {
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    /// Takes the progress off the terminal; the next [`Screen::progress`] draws it again.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        self.bar.suspend(|| UnlockedStderr.write_all(bytes))
    }
}

fn style(bar: bool) -> ProgressStyle {
    let template = if bar { "{bar:16} {wide_msg}" } else { "{spinner} {wide_msg}" };
    // The templates are constants, and a test draws with both.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Lines of the log and of [`Screen::line`], from the thread that writes both.
impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_are_valid() {
        for template in ["{bar:16} {wide_msg}", "{spinner} {wide_msg}"] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
