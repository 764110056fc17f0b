use super::comb::{at, comb};
use super::tempogram::Tempogram;
use crate::onset::{BANDS, Band, Curves};

/// Number of features.
pub(crate) const FEATURES: usize = 38;
const PARTS: usize = 12;

/// What speaks for and against a period being the beat.
pub(crate) fn features(tempogram: &Tempogram, curves: &Curves, period: f64, beats: &[usize]) -> [f64; FEATURES] {
    let bpm = 60.0 * tempogram.rate / period;
    let x = (bpm / 120.0).log2();
    let r = |band: Band, k: f64| at(&tempogram.bands[band as usize], period * k);
    let all = |k: f64| at(&tempogram.sum, period * k);
    let profile = profile(curves, beats);
    let on = |band: usize, part: usize| profile[band][part];
    let contrast = |band: usize, part: usize| {
        let (a, b) = (on(band, part), on(band, 0));
        (a - b) / (a + b + 0.3)
    };
    let (l1, l2, l3) = alternation(curves, beats, Band::Low);
    let (m1, m2, m3) = alternation(curves, beats, Band::Middle);
    let (h1, h2, h3) = alternation(curves, beats, Band::High);
    let own = beats.iter().map(|it| f64::from(curves.sum[*it])).sum::<f64>() / beats.len().max(1) as f64;
    let onsets = density(&curves.sum) / beats.len().max(1) as f64;
    let middle = density(curves.band(Band::Middle)) / beats.len().max(1) as f64;
    [
        x,
        x * x,
        comb(&tempogram.mixed, period),
        all(1.0),
        all(2.0),
        all(4.0),
        all(3.0),
        all(0.5),
        all(1.5),
        r(Band::Low, 1.0),
        r(Band::Low, 2.0),
        r(Band::Low, 4.0),
        r(Band::Low, 0.5),
        r(Band::Middle, 1.0),
        r(Band::Middle, 0.5),
        r(Band::High, 1.0),
        r(Band::High, 0.5),
        r(Band::High, 2.0),
        r(Band::Air, 1.0),
        r(Band::Air, 0.5),
        contrast(0, 6),
        contrast(1, 6),
        contrast(2, 6),
        contrast(3, 6),
        contrast(0, 3) + contrast(0, 9),
        contrast(1, 3) + contrast(1, 9),
        contrast(2, 3) + contrast(2, 9),
        contrast(0, 4) + contrast(0, 8),
        contrast(1, 4) + contrast(1, 8),
        l2 - l1,
        m2 - m1,
        h2 - h1,
        l3 - l1,
        m3 - m1 + h3 - h1,
        own,
        onsets.max(0.1).ln(),
        middle.max(0.1).ln(),
        l2 + m2 + h2,
    ]
}

/// Mean of each band at the twelfths of a beat.
fn profile(curves: &Curves, beats: &[usize]) -> [[f64; PARTS]; BANDS] {
    let mut sums = [[0f64; PARTS]; BANDS];
    for pair in beats.windows(2) {
        for (band, sums) in curves.bands.iter().zip(&mut sums) {
            for (part, sum) in sums.iter_mut().enumerate() {
                let place = pair[0] as f64 + (pair[1] - pair[0]) as f64 * part as f64 / PARTS as f64;
                *sum += f64::from(around(band, place.round() as usize));
            }
        }
    }
    let count = beats.len().saturating_sub(1).max(1) as f64;
    sums.map(|sums| sums.map(|sum| sum / count))
}

fn around(curve: &[f32], frame: usize) -> f32 {
    let to = (frame + 2).min(curve.len());
    curve[frame.saturating_sub(1).min(to)..to].iter().copied().fold(0.0, f32::max)
}

/// Correlation of the strength of beats with that of the next, the second and the third next.
fn alternation(curves: &Curves, beats: &[usize], band: Band) -> (f64, f64, f64) {
    let values: Vec<f64> = beats.iter().map(|it| f64::from(around(curves.band(band), *it)).min(6.0)).collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let energy = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count;
    let lag = |lag: usize| {
        let pairs = values.len().saturating_sub(lag).max(1) as f64;
        let sum: f64 = values.iter().zip(values.iter().skip(lag)).map(|(a, b)| (a - mean) * (b - mean)).sum();
        sum / pairs / (energy + 0.05)
    };
    (lag(1), lag(2), lag(3))
}

/// Number of distinct onsets.
fn density(curve: &[f32]) -> f64 {
    curve.windows(5).filter(|w| w[2] > 0.7 && w[2] >= w[1] && w[2] > w[3] && w[2] >= w[0] && w[2] > w[4]).count() as f64
}
