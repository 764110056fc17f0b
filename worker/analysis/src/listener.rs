//! What hears one decimated channel instead of blocks of all channels, and how that channel is made.

use crate::decimate::Decimator;
use crate::stage::{Block, Format};
use crate::traces::Traces;
use report::Report;

/// One measurement of the decimated channel. It hears every sample once, in order.
pub(crate) trait Listener {
    /// Name of the part of the report that it fills.
    fn name(&self) -> &'static str;

    /// Version of what it computes; raised when the same signal gets another result.
    fn version(&self) -> u16;

    /// Takes the samples that the last block led to.
    fn hear(&mut self, sound: &Decimator);

    /// Writes the results into the report, and leaves its history to those who look at the whole.
    fn finish(self: Box<Self>, report: &mut Report, traces: &mut Traces);
}

/// Mixes all channels but low-frequency effects into one, and decimates it: once for all listeners.
#[derive(Debug)]
pub(crate) struct Mono {
    channels: Vec<usize>,
    mixed: Vec<f32>,
    decimator: Decimator,
}

impl Mono {
    pub(crate) fn new(format: &Format) -> Self {
        Self { channels: format.heard(), mixed: Vec::new(), decimator: Decimator::new(format.rate) }
    }

    pub(crate) fn block(&mut self, block: &Block<'_>) {
        self.mixed.clear();
        self.mixed.resize(block.frames(), 0.0);
        let share = 1.0 / self.channels.len().max(1) as f32;
        for &channel in &self.channels {
            for (mixed, sample) in self.mixed.iter_mut().zip(block.channel(channel)) {
                *mixed += sample * share;
            }
        }
        self.decimator.push(&self.mixed);
    }

    /// Ends the signal; the decimator then holds the rest of it.
    pub(crate) fn finish(&mut self) {
        self.decimator.finish();
    }

    /// The samples that the last call led to.
    pub(crate) fn sound(&self) -> &Decimator {
        &self.decimator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(weights: &[f64], planes: &[Vec<f32>]) -> Vec<f32> {
        let format = Format { rate: 8000, weights: weights.to_vec(), bit_depth: None };
        let mut mono = Mono::new(&format);
        mono.block(&Block::new(planes, planes[0].len()));
        mono.sound().low().to_vec()
    }

    #[test]
    fn channels_are_averaged_without_the_effects() {
        let planes = [vec![1.0, 0.5], vec![0.0, 0.5], vec![9.0, 9.0]];
        assert_eq!(mixed(&[1.0, 1.41, 0.0], &planes), [0.5, 0.5]);
        assert_eq!(mixed(&[0.0], &planes[2..]), [9.0, 9.0]);
    }
}
