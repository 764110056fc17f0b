//! Seconds of audio, counted without losing their fractions: a counter holds whole numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;
use shared::telemetry::metrics as names;

/// Audio so far, by where its reports came from. One per process, as the recorder is.
#[derive(Debug)]
pub(super) struct Audio {
    pub(super) analysed: Milliseconds,
    pub(super) cached: Milliseconds,
}

pub(super) static AUDIO: Audio =
    Audio { analysed: Milliseconds(AtomicU64::new(0)), cached: Milliseconds(AtomicU64::new(0)) };

impl Audio {
    pub(super) fn show(&self) {
        for (origin, audio) in [("analysed", &self.analysed), ("cached", &self.cached)] {
            counter!(names::AUDIO_SECONDS, "origin" => origin).absolute(audio.whole_seconds());
        }
    }
}

/// The batch in Redis counts in the same unit, so that both agree.
#[derive(Debug)]
pub(super) struct Milliseconds(AtomicU64);

impl Milliseconds {
    pub(super) fn add(&self, seconds: f64) {
        // A length that is no number converts to nothing.
        self.0.fetch_add((seconds * 1000.0).round() as u64, Ordering::Relaxed);
    }

    fn whole_seconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_add_up() {
        let audio = Milliseconds(AtomicU64::new(0));
        (0..10).for_each(|_| audio.add(0.35));
        audio.add(f64::NAN);
        audio.add(-1.0);
        assert_eq!(audio.whole_seconds(), 3);
    }
}
