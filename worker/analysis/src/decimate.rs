//! One channel at lower sample rates, for everything that listens to rhythm and harmony.
//!
//! The rate is halved by linear-phase half-band filters until another halving would fall below 22.05 kHz ([`Decimator::middle`])
//! and then below 11.025 kHz ([`Decimator::low`]): 44.1 → 22.05 → 11.025, 48 → 24 → 12, 96 → 48 → 24 → 12; what is already at
//! or below such a rate stays as it is. The delay of the filters is taken out, so sample `m` of an output of rate `r` belongs
//! to the time `m / r` exactly, and an output of a signal of `n` frames has `ceil(n / 2^halvings)` samples.
//!
//! The last halving also yields what it removes ([`Decimator::upper`]), at no further cost.

mod half_band;

use half_band::HalfBand;
pub(crate) use half_band::bessel;

/// The lowest rates in Hz of the two outputs, unless the input has less.
const MIDDLE_HZ: u32 = 22_050;
const LOW_HZ: u32 = 11_025;

/// Halves the rate of a signal that comes in pieces of any length.
#[derive(Debug)]
pub(crate) struct Decimator {
    rate: u32,
    stages: Vec<HalfBand>,
    /// How many stages lie before the middle output.
    middle: usize,
    /// The last piece, for outputs that no stage precedes.
    input: Vec<f32>,
}

impl Decimator {
    /// For a signal of `rate` Hz.
    pub(crate) fn new(rate: u32) -> Self {
        let middle = halvings(rate, MIDDLE_HZ);
        let stages = (0..halvings(rate, LOW_HZ)).map(|_| HalfBand::new()).collect();
        Self { rate, stages, middle, input: Vec::new() }
    }

    /// Rate of the input in Hz.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// How many times [`Self::low`] was halved.
    pub(crate) fn halvings(&self) -> u32 {
        self.stages.len() as u32
    }

    /// Rate of [`Self::middle`] in Hz: at least 22.05 kHz and less than twice that, or else that of the input.
    pub(crate) fn middle_rate(&self) -> f64 {
        halved(self.rate, self.middle)
    }

    /// Rate of [`Self::low`] in Hz: at least 11.025 kHz and less than twice that, or else that of the input.
    pub(crate) fn low_rate(&self) -> f64 {
        halved(self.rate, self.stages.len())
    }

    /// Takes the next samples. The outputs then hold what follows from them, until the next call.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.input.clear();
        self.input.extend_from_slice(samples);
        for at in 0..self.stages.len() {
            let (before, rest) = self.stages.split_at_mut(at);
            let input = before.last().map_or(self.input.as_slice(), HalfBand::kept);
            rest[0].push(input);
        }
    }

    /// Ends the signal: the outputs then hold the rest. To be called once.
    pub(crate) fn finish(&mut self) {
        self.input.clear();
        for at in 0..self.stages.len() {
            let (before, rest) = self.stages.split_at_mut(at);
            let input = before.last().map_or(self.input.as_slice(), HalfBand::kept);
            rest[0].finish(input);
        }
    }

    /// New samples at [`Self::middle_rate`].
    pub(crate) fn middle(&self) -> &[f32] {
        self.after(self.middle)
    }

    /// New samples at [`Self::low_rate`].
    pub(crate) fn low(&self) -> &[f32] {
        self.after(self.stages.len())
    }

    /// What the last halving removed, the octave above half of [`Self::low_rate`], folded down to that rate: its energy is
    /// right, its frequencies are mirrored. Sample by sample beside [`Self::low`]; empty where nothing was halved.
    pub(crate) fn upper(&self) -> &[f32] {
        self.stages.last().map_or(&[], HalfBand::removed)
    }

    /// What each halving removed, beginning with the highest octave: the number of halvings that its rate results from, and
    /// its new samples, folded down as those of [`Self::upper`].
    pub(crate) fn removed(&self) -> impl Iterator<Item = (u32, &[f32])> {
        (1..).zip(self.stages.iter().map(HalfBand::removed))
    }

    fn after(&self, stages: usize) -> &[f32] {
        stages.checked_sub(1).map_or(&self.input, |last| self.stages[last].kept())
    }
}

fn halvings(rate: u32, lowest: u32) -> usize {
    (0..).take_while(|done| rate >> (done + 1) >= lowest).count()
}

fn halved(rate: u32, times: usize) -> f64 {
    f64::from(rate) / (1u64 << times) as f64
}

#[cfg(test)]
mod tests;
