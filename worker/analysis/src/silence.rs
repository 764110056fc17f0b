//! Silence at both ends.

use crate::stage::{Block, Format, Stage};
use report::{Report, Silence};

/// Version of what this part computes.
pub(crate) const VERSION: u16 = 1;
/// Samples up to this magnitude are silence: −60 dB relative to full scale, where players and silence detectors put it (Mixxx,
/// FFmpeg). Dither and the noise floor of tape transfers of music that is not playing stay below.
pub(crate) const THRESHOLD: f32 = 0.001;
const THRESHOLD_DBFS: f64 = -60.0;

/// The stage that finds the first and the last frame with sound.
pub(crate) struct Ends {
    rate: u32,
    frames: u64,
    first: Option<u64>,
    /// The frame after the last with sound.
    after_last: u64,
}

impl Ends {
    pub(crate) fn new(format: &Format) -> Self {
        Self { rate: format.rate, frames: 0, first: None, after_last: 0 }
    }
}

fn sounds(sample: &f32) -> bool {
    sample.abs() > THRESHOLD
}

impl Stage for Ends {
    fn name(&self) -> &'static str {
        "silence"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn block(&mut self, block: &Block<'_>) {
        if block.peak() > THRESHOLD {
            if self.first.is_none() {
                let first = block.iter().filter_map(|samples| samples.iter().position(sounds)).min();
                self.first = first.map(|at| self.frames + at as u64);
            }
            if let Some(last) = block.iter().filter_map(|samples| samples.iter().rposition(sounds)).max() {
                self.after_last = self.frames + last as u64 + 1;
            }
        }
        self.frames += block.frames() as u64;
    }

    fn finish(&mut self, report: &mut Report) {
        let seconds = |frames: u64| frames as f64 / f64::from(self.rate);
        report.silence = Some(Silence {
            leading_seconds: seconds(self.first.unwrap_or(self.frames)),
            trailing_seconds: seconds(self.frames - self.after_last),
            threshold_dbfs: THRESHOLD_DBFS,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::testing::run;
    use proptest::prelude::*;

    fn measured(signal: &[Vec<f32>], size: usize) -> Silence {
        let format = Format { rate: 1000, weights: vec![1.0; signal.len()], bit_depth: None };
        run(&mut Ends::new(&format), signal, &[size]).silence.unwrap()
    }

    proptest! {
        #[test]
        fn ends_are_found_to_the_frame(
            before in 0usize..5000, sound in 1usize..5000, after in 0usize..5000, size in 1usize..5000,
        ) {
            let part = |len, level| vec![level; len];
            // One channel begins, the other one ends the sound.
            let early = [part(before, 0.0), part(sound, 0.5), part(after + 10, THRESHOLD)].concat();
            let late = [part(before + 10, -THRESHOLD), part(sound, -0.5), part(after, 0.0)].concat();
            let silence = measured(&[early, late], size);
            prop_assert!((silence.leading_seconds - before as f64 / 1000.0).abs() < 1e-9);
            prop_assert!((silence.trailing_seconds - after as f64 / 1000.0).abs() < 1e-9);
        }
    }

    #[test]
    fn all_of_silence_is_at_both_ends() {
        let silence = measured(&[vec![0.0; 2500]], 1000);
        assert_eq!((silence.leading_seconds, silence.trailing_seconds), (2.5, 2.5));
    }
}
