use crate::onset::{BANDS, Curves, Novelty};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::fmt;
use std::sync::Arc;

/// Length of a window: four beats at 20 BPM, and short enough for a tempo that drifts.
const WINDOW_SECONDS: f64 = 12.0;
/// Windows start so far apart, or further in a piece that would have more than [`MAX_WINDOWS`].
const HOP_SECONDS: f64 = 3.0;
/// Two hours at the usual hop. It bounds the memory (5 MiB) and the time.
const MAX_WINDOWS: usize = 2400;
/// Lags reach this share of a window; beyond it too little overlaps.
const REACH: f64 = 0.52;
/// The stretch that is scaled at once.
pub(crate) const STRETCH_SECONDS: f64 = 600.0;

/// Autocorrelations of the novelty, by lag in frames, at lag 0 being 1.
#[derive(Debug)]
pub(crate) struct Tempogram {
    /// Frames per second.
    pub(crate) rate: f64,
    /// Mean over all windows that are not silent: for each band.
    pub(crate) bands: [Vec<f32>; BANDS],
    /// Likewise for the sum of the bands.
    pub(crate) sum: Vec<f32>,
    /// What the tempo is read from: the sum and a share of each band.
    pub(crate) mixed: Vec<f32>,
    /// The sum's, window by window; empty for silence.
    pub(crate) windows: Vec<Vec<f32>>,
    /// Frames from one window to the next; window 0 is centred on [`Self::first`].
    pub(crate) hop: usize,
    pub(crate) first: usize,
}

/// How much of each band goes into the mixture, beside the sum.
const SHARES: [f32; BANDS] = [0.5, 0.3, 0.3, 0.3, 0.5];

impl Tempogram {
    pub(crate) fn new(novelty: &Novelty) -> Self {
        let rate = novelty.rate();
        let frames = novelty.len();
        let window = ((WINDOW_SECONDS * rate) as usize).min(frames.max(1));
        let hop = ((HOP_SECONDS * rate) as usize).max(frames / MAX_WINDOWS).max(1);
        let lags = ((WINDOW_SECONDS * rate * REACH) as usize).min(window);
        let mut correlator = Correlator::new(window, lags);
        let mut means = vec![vec![0f64; lags]; BANDS + 1];
        let mut counts = [0usize; BANDS + 1];
        let mut windows = Vec::new();
        let stretch = (STRETCH_SECONDS * rate) as usize;
        let mut curves = Curves::new(novelty, 0, stretch);
        let mut at = 0;
        while at + window <= frames {
            if at + window > curves.from + curves.len() {
                curves = Curves::new(novelty, at, at + stretch);
            }
            let range = at - curves.from..at - curves.from + window;
            let parts = curves.bands.iter().chain([&curves.sum]);
            for (index, curve) in parts.enumerate() {
                let found = correlator.correlate(&curve[range.clone()]);
                if !found.is_empty() {
                    counts[index] += 1;
                    means[index].iter_mut().zip(found).for_each(|(mean, value)| *mean += f64::from(*value));
                }
                if index == BANDS {
                    windows.push(found.to_vec());
                }
            }
            at += hop;
        }
        let mut all = means
            .iter()
            .zip(counts)
            .map(|(mean, count)| mean.iter().map(|it| (it / count.max(1) as f64) as f32).collect::<Vec<_>>());
        let bands = std::array::from_fn(|_| all.next().unwrap_or_default());
        let sum = all.next().unwrap_or_default();
        let mixed = mix(&bands, &sum);
        Self { rate, bands, sum, mixed, windows, hop, first: window / 2 }
    }
}

fn mix(bands: &[Vec<f32>; BANDS], sum: &[f32]) -> Vec<f32> {
    let mut mixed = sum.to_vec();
    for (band, share) in bands.iter().zip(SHARES) {
        for (mixed, value) in mixed.iter_mut().zip(band) {
            *mixed += share * value;
        }
    }
    mixed
}

/// Generalised autocorrelation: the inverse transform of the magnitude spectrum, not of the power (Tolonen & Karjalainen
/// 2000, with the exponent that Percival & Tzanetakis 2014 use for tempo): its peaks are narrower.
struct Correlator {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    window: usize,
    input: Vec<f32>,
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    back: Vec<Complex<f32>>,
    found: Vec<f32>,
}

impl Correlator {
    fn new(window: usize, lags: usize) -> Self {
        let size = (window + lags).next_power_of_two();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        Self {
            input: forward.make_input_vec(),
            bins: forward.make_output_vec(),
            scratch: forward.make_scratch_vec(),
            back: inverse.make_scratch_vec(),
            found: vec![0.0; lags],
            forward,
            inverse,
            window,
        }
    }

    /// Empty if the curve is flat.
    fn correlate(&mut self, curve: &[f32]) -> &[f32] {
        let mean = curve.iter().sum::<f32>() / curve.len().max(1) as f32;
        self.input.fill(0.0);
        for (input, value) in self.input.iter_mut().zip(curve) {
            *input = value - mean;
        }
        // All lengths come from the plans, so neither call can fail; if it did, the window would count as silent.
        if self.forward.process_with_scratch(&mut self.input, &mut self.bins, &mut self.scratch).is_err() {
            return &[];
        }
        for bin in &mut self.bins {
            *bin = Complex::new(bin.norm_sqr().sqrt(), 0.0);
        }
        if self.inverse.process_with_scratch(&mut self.bins, &mut self.input, &mut self.back).is_err() {
            return &[];
        }
        let energy = self.input[0];
        if energy < 1e-3 {
            return &[];
        }
        for (lag, (found, value)) in self.found.iter_mut().zip(&self.input).enumerate() {
            *found = value / energy / (1.0 - lag as f32 / self.window as f32);
        }
        &self.found
    }
}

impl fmt::Debug for Correlator {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "Correlator({})", self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: usize = 40;
    const LAGS: usize = 20;
    /// What 40 and 20 are filled up to.
    const SIZE: usize = 64;

    /// The definition, without any fast transform: the sum of the cosines of all bins, each by its magnitude.
    fn slow(curve: &[f32]) -> Vec<f64> {
        let mean = curve.iter().map(|it| f64::from(*it)).sum::<f64>() / WINDOW as f64;
        let turn = |bin: usize, n: usize| std::f64::consts::TAU * (bin * n) as f64 / SIZE as f64;
        let magnitude = |bin: usize| {
            let centred = || curve.iter().enumerate().map(|(n, it)| (turn(bin, n), f64::from(*it) - mean));
            let real: f64 = centred().map(|(angle, it)| it * angle.cos()).sum();
            real.hypot(centred().map(|(angle, it)| it * angle.sin()).sum())
        };
        let magnitudes: Vec<f64> = (0..SIZE).map(magnitude).collect();
        let sum = |lag| magnitudes.iter().enumerate().map(|(bin, it)| it * turn(bin, lag).cos()).sum::<f64>();
        (0..LAGS).map(|lag| sum(lag) / sum(0) / (1.0 - lag as f64 / WINDOW as f64)).collect()
    }

    proptest! {
        #[test]
        fn correlation_is_its_definition(curve in prop::collection::vec(0f32..5.0, WINDOW)) {
            let mut correlator = Correlator::new(WINDOW, LAGS);
            // The second call must not see anything of the first.
            correlator.correlate(&[3.0; WINDOW / 2]);
            let found = correlator.correlate(&curve);
            prop_assert_eq!(found.len(), LAGS);
            for (found, slow) in found.iter().zip(slow(&curve)) {
                prop_assert!((f64::from(*found) - slow).abs() < 1e-4, "{} {}", found, slow);
            }
        }
    }

    #[test]
    fn a_flat_curve_has_none() {
        assert!(Correlator::new(WINDOW, LAGS).correlate(&[0.7; WINDOW]).is_empty());
    }
}
