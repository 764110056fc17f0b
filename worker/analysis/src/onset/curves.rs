use super::{BANDS, Band, Novelty};

/// Half of the moving mean that is taken off: what lasts longer than 0.8 s is no onset.
const MEAN_HALF_SECONDS: f64 = 0.4;
/// Flux without any onset: the hiss of a quiet recording stays below it. Curves are scaled by their deviation or by this.
const FLOOR: f32 = 0.004;
/// How much each band counts for the sum. The low one is where beats are, the middle one where most onsets are.
pub(super) const WEIGHTS: [f32; BANDS] = [1.0, 1.0, 0.8, 0.5, 0.7];

/// The novelty of a stretch, ready to be compared: local means taken off, rectified, unit deviation.
#[derive(Debug)]
pub(crate) struct Curves {
    /// The first frame of the stretch.
    pub(crate) from: usize,
    pub(crate) bands: [Vec<f32>; BANDS],
    /// The weighted sum, scaled likewise.
    pub(crate) sum: Vec<f32>,
}

impl Curves {
    /// Of the frames `from..to`, as far as there are any.
    pub(crate) fn new(novelty: &Novelty, from: usize, to: usize) -> Self {
        let half = (MEAN_HALF_SECONDS * novelty.rate()).round() as usize;
        let flux = [Band::Low, Band::Middle, Band::High, Band::Air, Band::Fall]
            .map(|band| novelty.band(band, from, to).collect::<Vec<_>>());
        let bands = flux.map(|flux| scaled(&sharpened(&flux, half)));
        let mut sum = vec![0.0; bands[0].len()];
        for (band, weight) in bands.iter().zip(WEIGHTS) {
            for (sum, value) in sum.iter_mut().zip(band) {
                *sum += weight * value;
            }
        }
        let sum = scaled(&sum);
        Self { from, bands, sum }
    }

    pub(crate) fn len(&self) -> usize {
        self.sum.len()
    }

    pub(crate) fn band(&self, band: Band) -> &[f32] {
        &self.bands[band as usize]
    }
}

/// The largest value within a frame of the place.
pub(crate) fn around(curve: &[f32], frame: usize) -> f32 {
    let to = (frame + 2).min(curve.len());
    curve[frame.saturating_sub(1).min(to)..to].iter().copied().fold(0.0, f32::max)
}

fn sharpened(flux: &[f32], half: usize) -> Vec<f32> {
    let mut sums = Vec::with_capacity(flux.len() + 1);
    let mut sum = 0f64;
    sums.push(sum);
    sums.extend(flux.iter().map(|value| {
        sum += f64::from(*value);
        sum
    }));
    let above = |(n, value): (usize, &f32)| {
        let (from, to) = (n.saturating_sub(half), (n + half + 1).min(flux.len()));
        (value - ((sums[to] - sums[from]) / (to - from) as f64) as f32).max(0.0)
    };
    flux.iter().enumerate().map(above).collect()
}

fn scaled(curve: &[f32]) -> Vec<f32> {
    let count = curve.len().max(1) as f32;
    let mean = curve.iter().sum::<f32>() / count;
    let variance = curve.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / count;
    let scale = 1.0 / variance.sqrt().max(FLOOR);
    curve.iter().map(|it| it * scale).collect()
}
