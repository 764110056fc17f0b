//! From the rate of the decimated channel to 11,025 Hz, through the filter that `fpcalc` resamples with.
//!
//! Its filter is no detail: it falls from 2.9 to 6 kHz, so it takes 1 dB away where the highest octave of the fingerprint ends,
//! and a flat one would change bits. It is a sinc of 16 zero crossings under Kaiser's window with β = 9 that cuts at 0.8 of
//! the lower band edge (Chromaprint 1.5, `SetCompatibleMode`, and libswresample's `build_filter`).

use crate::decimate::bessel;
use std::f64::consts::PI;

/// The rate of a fingerprint's samples in Hz.
pub(super) const RATE: u32 = 11_025;
/// The cut-off as a share of the band edge at [`RATE`].
const CUTOFF: f64 = 0.8;
/// Zero crossings of the sinc on each side of its centre.
const CROSSINGS: f64 = 8.0;
/// Parameter of Kaiser's window, libswresample's default.
const BETA: f64 = 9.0;
/// Samples that are multiplied side by side; the number of taps is a multiple of it.
const LANES: usize = 8;
/// The most fractions of a sample that the filter is tabulated for. All usual rates need fewer (12 kHz: 147) and are exact;
/// others are at most 1/1024 of a sample off.
const MOST_PHASES: u64 = 512;

/// Changes the rate of a signal that comes in pieces of any length.
#[derive(Debug)]
pub(super) struct Resampler {
    taps: usize,
    /// The filter for each fraction of a sample, one after the other. Empty for a signal that is at [`RATE`] already.
    table: Vec<f32>,
    phases: u64,
    /// Input samples from one output to the next are `step / per` exactly; `fraction / per` are those since the window's start.
    step: u64,
    per: u64,
    fraction: u64,
    /// Input from the start of the next output's window on.
    pending: Vec<f32>,
    /// Input samples to leave out before that start.
    ahead: usize,
}

impl Resampler {
    /// For a signal of `rate` Hz that was halved so many times.
    pub(super) fn new(rate: u32, halvings: u32) -> Self {
        let (step, per) = (u64::from(rate), u64::from(RATE) << halvings);
        let divisor = gcd(step, per);
        let (step, per) = (step / divisor, per / divisor);
        let phases = per.min(MOST_PHASES);
        let nyquist = f64::from(rate) / 2.0;
        let cutoff = (CUTOFF * f64::from(RATE) / 2.0).min(nyquist);
        // In input samples.
        let half = CROSSINGS / (2.0 * cutoff) * f64::from(RATE) * step as f64 / per as f64;
        let reach = half.ceil() as usize;
        let taps = (2 * reach).next_multiple_of(LANES);
        let zeros_per_sample = 2.0 * cutoff / f64::from(RATE) * per as f64 / step as f64;
        let table =
            if rate == RATE { Vec::new() } else { table(phases, taps, reach, half, zeros_per_sample) };
        let pending = vec![0.0; if table.is_empty() { 0 } else { reach - 1 }];
        Self { taps, table, phases, step, per, fraction: 0, pending, ahead: 0 }
    }

    /// Takes the next samples, and gives those that follow from them.
    pub(super) fn push(&mut self, samples: &[f32], give: &mut impl FnMut(f32)) {
        if self.table.is_empty() {
            samples.iter().for_each(|sample| give(*sample));
            return;
        }
        self.pending.extend_from_slice(samples);
        let mut at = self.ahead;
        while let Some(window) = self.pending.get(at..at + self.taps) {
            give(self.filtered(window));
            self.fraction += self.step;
            at += (self.fraction / self.per) as usize;
            self.fraction %= self.per;
        }
        let done = at.min(self.pending.len());
        self.pending.drain(..done);
        self.ahead = at - done;
    }

    fn filtered(&self, window: &[f32]) -> f32 {
        let phase = (self.fraction * self.phases / self.per) as usize;
        let taps = &self.table[phase * self.taps..][..self.taps];
        let mut lanes = [0f32; LANES];
        for (window, taps) in window.as_chunks::<LANES>().0.iter().zip(taps.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                lanes[lane] += window[lane] * taps[lane];
            }
        }
        lanes.iter().sum()
    }
}

/// Each row is the filter for an output that lies a fraction of a sample behind the input sample of number `reach - 1`. A
/// constant passes unchanged.
fn table(phases: u64, taps: usize, reach: usize, half: f64, zeros_per_sample: f64) -> Vec<f32> {
    let row = |phase: u64| {
        let centre = (reach - 1) as f64 + phase as f64 / phases as f64;
        let row: Vec<f64> = (0..taps)
            .map(|tap| {
                let distance = tap as f64 - centre;
                let turn = PI * distance * zeros_per_sample;
                let sinc = if turn.abs() < 1e-9 { 1.0 } else { turn.sin() / turn };
                let inside = 1.0 - (distance / half).powi(2);
                if inside < 0.0 { 0.0 } else { sinc * bessel(BETA * inside.sqrt()) }
            })
            .collect();
        let sum: f64 = row.iter().sum();
        row.into_iter().map(move |tap| (tap / sum) as f32)
    };
    (0..phases).flat_map(row).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{noise, sine};
    use proptest::prelude::*;

    fn resampled(rate: u32, halvings: u32, signal: &[f32], piece: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate, halvings);
        let mut out = Vec::new();
        signal.chunks(piece).for_each(|piece| resampler.push(piece, &mut |sample| out.push(sample)));
        out
    }

    /// The sum over all input samples, one output at a time, in continuous time.
    fn twin(rate: f64, file_rate: f64, signal: &[f32], at: usize) -> f64 {
        let cutoff = 4410f64.min(file_rate / 2.0);
        let (mut sum, mut weights) = (0.0, 0.0);
        for n in -100..signal.len() as i64 + 100 {
            let time = n as f64 / rate - at as f64 / 11_025.0;
            let inside = 1.0 - (time * cutoff / 4.0).powi(2);
            if inside >= 0.0 {
                let turn = 2.0 * PI * cutoff * time;
                let sinc = if turn.abs() < 1e-9 { 1.0 } else { turn.sin() / turn };
                let weight = sinc * bessel(9.0 * inside.sqrt());
                weights += weight;
                sum += weight
                    * f64::from(usize::try_from(n).ok().and_then(|n| signal.get(n)).copied().unwrap_or(0.0));
            }
        }
        sum / weights
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn equals_the_definition_in_pieces_of_any_length(
            case in 0usize..6, piece in 1usize..300, seed in 0u64..1000,
        ) {
            let (rate, halvings) = [(44_100, 2), (48_000, 2), (32_000, 1), (8000, 0), (22_050, 1), (96_000, 3)][case];
            let signal = noise(600, seed);
            let out = resampled(rate, halvings, &signal, piece);
            let low = f64::from(rate) / f64::from(1 << halvings);
            let expected = (600.0 / low * 11_025.0) as usize;
            prop_assert!(out.len() + 24 > expected && out.len() <= expected + 1, "{} of {expected}", out.len());
            for (at, sample) in out.iter().enumerate().step_by(7) {
                let slow = twin(low, f64::from(rate), &signal, at);
                prop_assert!((f64::from(*sample) - slow).abs() < 1e-5, "{at}: {sample}, {slow}");
            }
        }
    }

    #[test]
    fn odd_rates_are_tabulated_closely_enough() {
        // 44,056 Hz, as PAL video had it, is halved once and in lowest terms needs 11,025 phases.
        let out = resampled(44_056, 1, &sine(22_028, 1000.0, 1.0, 1.0), 1000);
        for (at, sample) in out.iter().enumerate().skip(50) {
            let expected = (2.0 * PI * 1000.0 * at as f64 / 11_025.0).sin();
            assert!((f64::from(*sample) - expected).abs() < 1e-3, "{at}: {sample}, {expected}");
        }
    }

    #[test]
    fn what_has_the_rate_already_passes_unchanged() {
        let signal = noise(5000, 3);
        assert_eq!(resampled(11_025, 0, &signal, 17), signal);
    }
}
