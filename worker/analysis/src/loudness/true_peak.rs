//! True peak: the largest magnitude of the oversampled signal (ITU-R BS.1770-4 Annex 2).

use crate::stage::largest;
use std::f64::consts::PI;

/// Length of the interpolating filter, at the oversampled rate, as in the standard's example and in libebur128, whose window
/// and phase this filter has too, so that both give the same peaks.
const TAPS: usize = 48;
/// Samples that are looked at together. Few, so that a quiet moment next to a loud one can be passed over.
const RUN: usize = 32;

/// The oversampling factor: the standard asks for 192 kHz and more.
fn factor(rate: u32) -> usize {
    match rate {
        ..96_000 => 4,
        96_000..192_000 => 2,
        _ => 1,
    }
}

/// Coefficients of a sinc under a Hann window, by phase. Phase 0 is the signal itself, so it is left out.
fn phases(factor: usize) -> Vec<Vec<f32>> {
    let tap = |index: usize| {
        let place = index as f64 - TAPS as f64 / 2.0;
        let window = 0.5 * (1.0 - f64::cos(2.0 * PI * index as f64 / TAPS as f64));
        let turn = place * PI / factor as f64;
        (if place == 0.0 { window } else { window * turn.sin() / turn }) as f32
    };
    (1..factor).map(|phase| (0..TAPS / factor).map(|k| tap(k * factor + phase)).collect()).collect()
}

/// The true peak of one channel so far.
#[derive(Debug, Clone)]
pub(crate) struct TruePeak {
    phases: Vec<Vec<f32>>,
    /// How much larger than the largest sample it reaches an interpolated value can be.
    gain: f32,
    /// The samples before the current run that the filter still reaches, then the run.
    window: Vec<f32>,
    peak: f32,
}

impl TruePeak {
    pub(crate) fn new(rate: u32) -> Self {
        let phases = phases(factor(rate));
        let reach = phases.first().map_or(0, |taps| taps.len() - 1);
        // The sum of the magnitudes of the coefficients bounds the output; a little more covers the rounding of the sums.
        let gain = phases.iter().map(|taps| taps.iter().map(|it| it.abs()).sum::<f32>()).fold(1.0, f32::max);
        Self { phases, gain: gain * 1.0001, window: vec![0.0; reach], peak: 0.0 }
    }

    pub(crate) fn process(&mut self, samples: &[f32]) {
        self.peak = self.peak.max(largest(samples));
        for run in samples.chunks(RUN) {
            self.window.extend_from_slice(run);
            // Exact, not an estimate: where this bound stays below the peak, no interpolated value can exceed it.
            if largest(&self.window) * self.gain > self.peak {
                let interpolated = self.phases.iter().map(|taps| interpolate(&self.window, taps));
                self.peak = interpolated.fold(self.peak, f32::max);
            }
            self.window.drain(..run.len());
        }
    }

    /// The peak so far, full scale being 1.0.
    pub(crate) fn peak(&self) -> f32 {
        self.peak
    }
}

/// Largest magnitude of one phase over the run at the end of the window.
fn interpolate(window: &[f32], taps: &[f32]) -> f32 {
    let run = window.len() + 1 - taps.len();
    let mut sums = [0f32; RUN];
    for (back, tap) in taps.iter().enumerate() {
        let from = taps.len() - 1 - back;
        for (sum, sample) in sums.iter_mut().zip(&window[from..from + run]) {
            *sum += tap * sample;
        }
    }
    largest(&sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::noise;
    use proptest::prelude::*;

    fn measured(rate: u32, samples: &[f32], size: usize) -> f64 {
        let mut meter = TruePeak::new(rate);
        samples.chunks(size).for_each(|chunk| meter.process(chunk));
        f64::from(meter.peak())
    }

    /// Zero-stuffing and the plain convolution.
    fn twin(rate: u32, samples: &[f32]) -> f64 {
        let factor = factor(rate);
        let stuffed: Vec<f64> = samples
            .iter()
            .flat_map(|sample| {
                let mut frame = vec![0.0; factor];
                frame[0] = f64::from(*sample);
                frame
            })
            .collect();
        let tap = |index: usize| {
            let place = index as f64 - 24.0;
            let sinc = if place == 0.0 {
                1.0
            } else {
                (PI * place / factor as f64).sin() / (PI * place / factor as f64)
            };
            sinc * (0.5 - 0.5 * (2.0 * PI * index as f64 / 48.0).cos())
        };
        let convolved = (0..stuffed.len())
            .map(|n| (0..48.min(n + 1)).map(|k| tap(k) * stuffed[n - k]).sum::<f64>().abs())
            .fold(0.0, f64::max);
        samples.iter().map(|it| f64::from(it.abs())).fold(convolved, f64::max)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn equals_the_plain_convolution(seed in 0u64..1000, size in 1usize..500, rate in 0usize..3) {
            let rate = [44_100, 96_000, 192_000][rate];
            // A rising and falling level, so that the shortcut is taken and not taken.
            let samples: Vec<f32> = noise(3000, seed)
                .iter()
                .enumerate()
                .map(|(index, it)| it * ((index as f32 / 300.0).sin().abs()))
                .collect();
            let (fast, slow) = (measured(rate, &samples, size), twin(rate, &samples));
            prop_assert!((fast - slow).abs() < 1e-5, "{fast} {slow}");
        }
    }

    /// EBU Tech 3341 test signals 15 to 19: between −0.4 and +0.2 dB of the nominal value.
    #[test]
    fn test_signals_of_the_ebu() {
        let cases = [
            (4.0, 0.0, 0.5, -6.0),
            (4.0, 45.0, 0.5, -6.0),
            (6.0, 60.0, 0.5, -6.0),
            (8.0, 67.5, 0.5, -6.0),
            (4.0, 45.0, 1.41, 3.0),
        ];
        for (divisor, phase, amplitude, expected) in cases {
            // Faded in, since the start of a tone is a click with peaks of its own.
            let samples: Vec<f32> = (0..48_000)
                .map(|n| (2.0 * PI * f64::from(n) / divisor + f64::to_radians(phase)).sin() * amplitude)
                .enumerate()
                .map(|(n, it)| (it * (n as f64 / 4800.0).min(1.0)) as f32)
                .collect();
            let peak = 20.0 * measured(48_000, &samples, 4096).log10();
            assert!(peak > expected - 0.4 && peak < expected + 0.2, "{peak} {expected}");
        }
    }
}
