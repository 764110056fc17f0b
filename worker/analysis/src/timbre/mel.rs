//! Mel-frequency cepstral coefficients (Davis & Mermelstein 1980), with the mel scale of Slaney's Auditory Toolbox (1998).

use super::HIGHEST_HZ;
use super::shape::dot;
use std::f64::consts::PI;

/// Coefficients, that of the level included.
pub(super) const COEFFICIENTS: usize = 13;
/// Bands between 0 and [`HIGHEST_HZ`].
const BANDS: usize = 40;
/// The least power of a band: −100 dB.
const LEAST: f64 = 1e-10;

/// Below 1000 Hz the scale is linear, 15 steps to it; above, 27 steps are a factor of 6.4.
const LINEAR_HZ: f64 = 1000.0;
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const MELS_PER_FACTOR: f64 = 27.0;
const FACTOR: f64 = 6.4;

fn to_mel(hz: f64) -> f64 {
    if hz < LINEAR_HZ {
        hz / HZ_PER_MEL
    } else {
        LINEAR_HZ / HZ_PER_MEL + (hz / LINEAR_HZ).ln() * MELS_PER_FACTOR / FACTOR.ln()
    }
}

fn to_hz(mel: f64) -> f64 {
    let linear = LINEAR_HZ / HZ_PER_MEL;
    if mel < linear {
        mel * HZ_PER_MEL
    } else {
        LINEAR_HZ * ((mel - linear) * FACTOR.ln() / MELS_PER_FACTOR).exp()
    }
}

/// Computes the coefficients of spectra.
#[derive(Debug)]
pub(super) struct Cepstrum {
    /// For each band its first bin and the weights from there on: a triangle whose weights add up to what its width in Hz is,
    /// in units of the width of a bin, divided by that width, so that white noise has the same level in all bands.
    bands: Vec<(usize, Vec<f32>)>,
    levels: [f64; BANDS],
    /// The orthonormal discrete cosine transform, type II.
    cosines: Vec<[f64; BANDS]>,
    values: [f64; COEFFICIENTS],
}

impl Cepstrum {
    pub(super) fn new(bins: usize, bin_hz: f64) -> Self {
        let edge = |at: usize| to_hz(to_mel(HIGHEST_HZ) * at as f64 / (BANDS + 1) as f64);
        let bands = (0..BANDS)
            .map(|band| triangle([edge(band), edge(band + 1), edge(band + 2)], bins, bin_hz))
            .collect();
        let cosines = (0..COEFFICIENTS).map(cosines).collect();
        Self { bands, levels: [0.0; BANDS], cosines, values: [0.0; COEFFICIENTS] }
    }

    /// The coefficients, in dB.
    pub(super) fn of(&mut self, powers: &[f32]) -> &[f64] {
        for (level, (first, weights)) in self.levels.iter_mut().zip(&self.bands) {
            let power = dot(&powers[*first..*first + weights.len()], weights);
            *level = 10.0 * (power + LEAST).log10();
        }
        for (value, cosines) in self.values.iter_mut().zip(&self.cosines) {
            *value = self.levels.iter().zip(cosines).map(|(level, cosine)| level * cosine).sum();
        }
        &self.values
    }
}

/// Weights of a triangle with these three corners in Hz: bins above the spectrum's end have none.
fn triangle([low, middle, high]: [f64; 3], bins: usize, bin_hz: f64) -> (usize, Vec<f32>) {
    let first = ((low / bin_hz).ceil() as usize).min(bins);
    let end = ((high / bin_hz).ceil() as usize).clamp(first, bins);
    let area = (high - low) / 2.0 / bin_hz;
    let weight = |bin: usize| {
        let hz = bin as f64 * bin_hz;
        let height = ((hz - low) / (middle - low)).min((high - hz) / (high - middle)).max(0.0);
        (height / area) as f32
    };
    (first, (first..end).map(weight).collect())
}

fn cosines(coefficient: usize) -> [f64; BANDS] {
    let scale = if coefficient == 0 { (1.0 / BANDS as f64).sqrt() } else { (2.0 / BANDS as f64).sqrt() };
    std::array::from_fn(|band| scale * (PI * coefficient as f64 * (band as f64 + 0.5) / BANDS as f64).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    #[test]
    fn the_scale_is_slaneys() {
        for (hz, mel) in [(0.0, 0.0), (200.0, 3.0), (1000.0, 15.0), (6400.0, 42.0)] {
            assert!((to_mel(hz) - mel).abs() < 1e-9 && (to_hz(mel) - hz).abs() < 1e-6, "{hz}");
        }
    }

    /// The slow twin: every band and every coefficient by its formula.
    #[test]
    fn it_agrees_with_the_definition() {
        let bin_hz = 22_050.0 / 2048.0;
        let powers: Vec<f32> = signals::noise(1025, 6).iter().map(|it| it * it * 1e-3).collect();
        let values = Cepstrum::new(1025, bin_hz).of(&powers).to_vec();
        let edges: Vec<f64> = (0..42).map(|at| to_hz(to_mel(11_025.0) * f64::from(at) / 41.0)).collect();
        let levels: Vec<f64> = (0..40)
            .map(|band| {
                let (low, middle, high) = (edges[band], edges[band + 1], edges[band + 2]);
                let mut sum = 0.0;
                for (bin, power) in powers.iter().enumerate() {
                    let hz = bin as f64 * bin_hz;
                    if hz > low && hz < high {
                        let height = if hz < middle {
                            (hz - low) / (middle - low)
                        } else {
                            (high - hz) / (high - middle)
                        };
                        sum += height * f64::from(*power);
                    }
                }
                10.0 * (sum / ((high - low) / 2.0 / bin_hz) + 1e-10).log10()
            })
            .collect();
        for (coefficient, value) in values.iter().enumerate() {
            let mut slow = 0.0;
            for (band, level) in levels.iter().enumerate() {
                slow += level * (PI * coefficient as f64 * (2 * band + 1) as f64 / 80.0).cos();
            }
            slow *= if coefficient == 0 { (1.0f64 / 40.0).sqrt() } else { (2.0f64 / 40.0).sqrt() };
            assert!((value - slow).abs() < 1e-3, "{coefficient}: {value} {slow}");
        }
    }

    #[test]
    fn a_flat_spectrum_has_a_level_and_no_colour() {
        let values = Cepstrum::new(1025, 22_050.0 / 2048.0).of(&[1e-4; 1025]).to_vec();
        assert!((values[0] + 40.0 * 40f64.sqrt()).abs() < 3.0, "{values:?}");
        assert!(values[1..].iter().all(|it| it.abs() < 3.0), "{values:?}");
    }
}
