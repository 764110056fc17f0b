//! Spectral contrast by octaves (Jiang, Lu, Zhang, Tao & Cai 2002, "Music type classification by spectral contrast feature").

/// Upper ends of the bands in Hz; the last one has no end.
const ENDS_HZ: [f64; 6] = [200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0];
/// The share of a band that is its peaks, and that is its valleys. Jiang et al. found 0.02 to 0.2 much alike; 0.2 is the
/// steadier where a band has few bins.
const SHARE: f64 = 0.2;
/// The least magnitude: −100 dB.
const LEAST: f64 = 1e-5;

/// Measures the contrast of spectra.
#[derive(Debug)]
pub(super) struct Contrast {
    /// Bins of each band, half open.
    bands: Vec<(usize, usize)>,
    sorted: Vec<f32>,
    values: Vec<f64>,
}

impl Contrast {
    /// Bands without a bin are left out.
    pub(super) fn new(bins: usize, bin_hz: f64) -> Self {
        let edge = |hz: f64| ((hz / bin_hz).ceil() as usize).min(bins);
        let ends = ENDS_HZ.iter().map(|hz| edge(*hz)).chain([bins]);
        let starts = [0].into_iter().chain(ENDS_HZ.iter().map(|hz| edge(*hz)));
        let bands: Vec<_> = starts.zip(ends).filter(|(start, end)| start < end).collect();
        Self { values: vec![0.0; bands.len()], bands, sorted: Vec::new() }
    }

    pub(super) fn bands(&self) -> usize {
        self.bands.len()
    }

    /// Level of the peaks above that of the valleys, for each band, in dB.
    pub(super) fn of(&mut self, powers: &[f32]) -> &[f64] {
        for (value, (start, end)) in self.values.iter_mut().zip(&self.bands) {
            self.sorted.clear();
            self.sorted.extend_from_slice(&powers[*start..*end]);
            *value = contrast(&mut self.sorted);
        }
        &self.values
    }
}

fn contrast(powers: &mut [f32]) -> f64 {
    let count = ((powers.len() as f64 * SHARE).round() as usize).max(1);
    powers.select_nth_unstable_by(count - 1, f32::total_cmp);
    let valley = mean(&powers[..count]);
    let from = powers.len() - count;
    powers.select_nth_unstable_by(from, f32::total_cmp);
    20.0 * (mean(&powers[from..]) / valley).log10()
}

/// Mean magnitude. A sum of few values in an order that the selection makes: the same for the same input.
fn mean(powers: &[f32]) -> f64 {
    powers.iter().map(|power| f64::from(power.sqrt())).sum::<f64>() / powers.len() as f64 + LEAST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    #[test]
    fn it_agrees_with_sorting() {
        let powers: Vec<f32> = signals::noise(1025, 3).iter().map(|it| it * it).collect();
        let mut contrast = Contrast::new(1025, 22_050.0 / 2048.0);
        assert_eq!(contrast.bands(), 7);
        let values = contrast.of(&powers).to_vec();
        let edges = [0, 19, 38, 75, 149, 298, 595, 1025];
        for (band, value) in values.iter().enumerate() {
            let mut sorted: Vec<f64> =
                powers[edges[band]..edges[band + 1]].iter().map(|it| f64::from(*it).sqrt()).collect();
            sorted.sort_by(f64::total_cmp);
            let count = (sorted.len() as f64 * 0.2).round() as usize;
            let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64 + 1e-5;
            let slow = 20.0 * (mean(&sorted[sorted.len() - count..]) / mean(&sorted[..count])).log10();
            assert!((value - slow).abs() < 1e-4, "band {band}");
        }
    }

    #[test]
    fn a_file_of_a_low_rate_has_fewer_bands() {
        assert_eq!(Contrast::new(65, 4000.0 / 128.0).bands(), 5);
        assert_eq!(Contrast::new(33, 1.0 / 64.0).bands(), 1);
        assert_eq!(Contrast::new(65, 4000.0 / 128.0).of(&[0.0; 65]), [0.0; 5]);
    }
}
