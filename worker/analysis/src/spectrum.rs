//! Short-time power spectra: one plan, one window, no allocation per frame.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// Spectra of frames of one size under one window.
pub(crate) struct Spectrum {
    plan: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    input: Vec<f32>,
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    powers: Vec<f32>,
}

impl Spectrum {
    /// For frames of `size` samples. A sine of amplitude 1 in the middle of a bin has the power 1 there.
    pub(crate) fn new(size: usize) -> Self {
        let hann = (0..size)
            .map(|n| ((0.5 - 0.5 * (2.0 * PI * n as f64 / size as f64).cos()) * 4.0 / size as f64) as f32)
            .collect();
        Self::windowed(hann)
    }

    /// For frames as long as this window.
    pub(crate) fn windowed(window: Vec<f32>) -> Self {
        let size = window.len();
        let plan = RealFftPlanner::<f32>::new().plan_fft_forward(size);
        Self {
            input: plan.make_input_vec(),
            bins: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            powers: vec![0.0; size / 2 + 1],
            plan,
            window,
        }
    }

    /// Power of each bin of the frame, `size / 2 + 1` of them. What the frame has beyond `size` samples is ignored.
    pub(crate) fn powers(&mut self, frame: &[f32]) -> &[f32] {
        for ((input, sample), weight) in self.input.iter_mut().zip(frame).zip(&self.window) {
            *input = sample * weight;
        }
        // All lengths come from the plan itself, so there is nothing to fail; silence would be the answer.
        if self.plan.process_with_scratch(&mut self.input, &mut self.bins, &mut self.scratch).is_err() {
            self.bins.fill(Complex::default());
        }
        for (power, bin) in self.powers.iter_mut().zip(&self.bins) {
            *power = bin.norm_sqr();
        }
        &self.powers
    }
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "Spectrum({})", self.window.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    /// The slow twin: the sum of the definition, for one bin.
    fn power_slowly(frame: &[f32], bin: usize) -> f64 {
        let size = frame.len() as f64;
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in frame.iter().enumerate() {
            let turn = 2.0 * PI * n as f64 / size;
            let weighted = f64::from(*sample) * (0.5 - 0.5 * turn.cos()) * 4.0 / size;
            re += weighted * (turn * bin as f64).cos();
            im -= weighted * (turn * bin as f64).sin();
        }
        re * re + im * im
    }

    #[test]
    fn it_agrees_with_the_definition() {
        let frame = signals::noise(512, 1);
        let mut spectrum = Spectrum::new(512);
        let powers = spectrum.powers(&frame).to_vec();
        for bin in [0, 1, 2, 77, 255, 256] {
            assert!((f64::from(powers[bin]) - power_slowly(&frame, bin)).abs() < 1e-6, "bin {bin}");
        }
    }

    #[test]
    fn a_full_sine_has_the_power_one() {
        let frame = signals::sine(512, 64.0, 1.0, 1.0);
        assert!((Spectrum::new(512).powers(&frame)[64] - 1.0).abs() < 1e-4);
    }
}
