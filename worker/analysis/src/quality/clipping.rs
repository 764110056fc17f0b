//! Clipping and a constant offset.

use crate::stage::{Block, Format};
use report::Quality;

/// Neighbouring samples at full scale that make a clipped run. One or two are what a limiter set to full scale leaves.
const RUN: u64 = 3;

/// From here a sample is at full scale: just below the largest positive value of 16 bits, which many masters are clipped to
/// whatever the bits they are kept in.
const FULL_SCALE: f32 = 0.999_96;

/// The largest positive value of `bits` is one step below 1.0; for fewer than 16 bits that is below [`FULL_SCALE`].
fn full_scale(bits: Option<u16>) -> f32 {
    match bits {
        Some(bits @ 2..16) => 1.0 - 1.01 / f32::from(1u16 << (bits - 1)),
        _ => FULL_SCALE,
    }
}

/// Counts clipped samples and sums all of them.
#[derive(Debug)]
pub(super) struct Defects {
    full_scale: f32,
    channels: Vec<Channel>,
    clipped: Clipped,
}

#[derive(Debug, Clone, Default)]
struct Channel {
    sum: f64,
    frames: u64,
    /// Samples of the run at full scale that is going on, and whether it is positive.
    run: u64,
    positive: bool,
}

#[derive(Debug, Clone, Default)]
struct Clipped {
    samples: u64,
    runs: u64,
    longest: u64,
}

impl Clipped {
    fn end_of_run(&mut self, len: u64) {
        if len >= RUN {
            self.samples += len;
            self.runs += 1;
            self.longest = self.longest.max(len);
        }
    }
}

impl Defects {
    pub(super) fn new(format: &Format) -> Self {
        Self {
            full_scale: full_scale(format.bit_depth),
            channels: vec![Channel::default(); format.channels()],
            clipped: Clipped::default(),
        }
    }
}

impl Channel {
    fn clipping(&mut self, samples: &[f32], full_scale: f32, clipped: &mut Clipped) {
        for sample in samples {
            let (at_full_scale, positive) = (sample.abs() >= full_scale, *sample > 0.0);
            if !at_full_scale || positive != self.positive {
                clipped.end_of_run(std::mem::take(&mut self.run));
            }
            if at_full_scale {
                self.run += 1;
                self.positive = positive;
            }
        }
    }
}

/// Sum in eight lanes, which the compiler may keep in registers.
fn sum(samples: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    let (chunks, rest) = samples.as_chunks::<8>();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*sample);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|it| f64::from(*it)).sum::<f64>()
}

impl Defects {
    pub(super) fn block(&mut self, block: &Block<'_>) {
        for (channel, samples) in self.channels.iter_mut().zip(block.iter()) {
            channel.sum += sum(samples);
            channel.frames += samples.len() as u64;
            if block.peak() >= self.full_scale {
                channel.clipping(samples, self.full_scale, &mut self.clipped);
            } else {
                self.clipped.end_of_run(std::mem::take(&mut channel.run));
            }
        }
    }

    pub(super) fn finish(&mut self, quality: &mut Quality) {
        for channel in &mut self.channels {
            self.clipped.end_of_run(std::mem::take(&mut channel.run));
        }
        quality.clipped_samples = self.clipped.samples;
        quality.clipped_runs = self.clipped.runs;
        quality.longest_clipped_run_frames = self.clipped.longest;
        quality.dc_offset = self.channels.iter().map(|it| it.sum / it.frames.max(1) as f64).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::Evidence;
    use crate::stage::testing::run;
    use proptest::prelude::*;

    fn measured(bit_depth: Option<u16>, signal: &[Vec<f32>], sizes: &[usize]) -> Quality {
        let format = Format { rate: 44_100, weights: vec![1.0; signal.len()], bit_depth };
        run(&mut Evidence::new(&format), signal, sizes).quality.unwrap()
    }

    /// Runs by grouping equal neighbours.
    fn twin(samples: &[f32]) -> Vec<u64> {
        let class = |it: f32| if it.abs() < FULL_SCALE { 0.0 } else { it.signum() };
        samples
            .chunk_by(|a, b| class(*a) == class(*b))
            .filter(|run| class(run[0]) != 0.0 && run.len() >= 3)
            .map(|run| run.len() as u64)
            .collect()
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            left in proptest::collection::vec(prop::sample::select(vec![-1.0f32, 0.0, 0.5, 1.0, 1.5]), 1..400),
            sizes in proptest::collection::vec(1usize..50, 1..5),
        ) {
            let right: Vec<f32> = left.iter().rev().copied().collect();
            let quality = measured(None, &[left.clone(), right.clone()], &sizes);
            let runs = [twin(&left), twin(&right)].concat();
            prop_assert_eq!(quality.clipped_runs, runs.len() as u64);
            prop_assert_eq!(quality.clipped_samples, runs.iter().sum::<u64>());
            prop_assert_eq!(quality.longest_clipped_run_frames, runs.iter().copied().max().unwrap_or(0));
            let mean = left.iter().map(|it| f64::from(*it)).sum::<f64>() / left.len() as f64;
            prop_assert!((quality.dc_offset[0] - mean).abs() < 1e-9);
            prop_assert!((quality.dc_offset[1] - mean).abs() < 1e-9);
        }
    }

    #[test]
    fn full_scale_depends_on_the_bits() {
        let at = |level: f32| vec![vec![0.0, level, level, level, level, 0.0]];
        assert_eq!(measured(Some(16), &at(32_767.0 / 32_768.0), &[6]).clipped_samples, 4);
        assert_eq!(measured(Some(16), &at(32_766.0 / 32_768.0), &[6]).clipped_samples, 0);
        assert_eq!(measured(Some(24), &at(32_767.0 / 32_768.0), &[6]).clipped_samples, 4);
        assert_eq!(measured(Some(8), &at(127.0 / 128.0), &[6]).clipped_samples, 4);
        assert_eq!(measured(Some(8), &at(126.0 / 128.0), &[6]).clipped_samples, 0);
    }

    #[test]
    fn an_offset_is_the_mean() {
        let quality = measured(None, &[vec![0.25; 10_000], vec![-0.5; 10_000]], &[4096]);
        assert_eq!(quality.dc_offset, [0.25, -0.5]);
    }
}
