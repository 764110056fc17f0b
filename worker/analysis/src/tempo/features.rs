use super::comb::{at, comb};
use super::profile::{Profile, around};
use super::tempogram::Tempogram;
use crate::onset::{Band, Curves};

/// Number of features of a candidate.
pub(crate) const FEATURES: usize = 43;

/// What is the same for all candidates of a piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// Distinct onsets per second, as a natural logarithm.
    onset_rate: f64,
    /// How much of the novelty is above 2 kHz, above 5.5 kHz, and below 200 Hz, as natural logarithms against the middle.
    high: f64,
    air: f64,
    low: f64,
}

impl Piece {
    /// `flux` is the mean of each band's novelty before any scaling.
    pub(crate) fn new(curves: &Curves, rate: f64, flux: [f64; 4]) -> Self {
        let seconds = (curves.len() as f64 / rate).max(1.0);
        let against = |band: Band| ((flux[band as usize] + 1e-4) / (flux[Band::Middle as usize] + 1e-4)).ln();
        Self {
            onset_rate: (density(&curves.sum) / seconds).max(0.1).ln(),
            high: against(Band::High),
            air: against(Band::Air),
            low: against(Band::Low),
        }
    }
}

/// What speaks for and against a period (in frames) being the beat. Beats are in frames of the curves.
pub(crate) fn features(
    tempogram: &Tempogram,
    curves: &Curves,
    piece: Piece,
    period: f64,
    beats: &[usize],
    profile: &Profile,
) -> [f64; FEATURES] {
    let bpm = 60.0 * tempogram.rate / period;
    let x = (bpm / 120.0).log2();
    let r = |band: Band, k: f64| at(&tempogram.bands[band as usize], period * k);
    let all = |k: f64| at(&tempogram.sum, period * k);
    let contrast = |band: Band, part: usize| profile.contrast(band, part);
    let both = |band: Band, part: usize| profile.contrast(band, part) + profile.contrast(band, 12 - part);
    let [l1, l2, l3] = alternation(curves, beats, Band::Low);
    let [m1, m2, m3] = alternation(curves, beats, Band::Middle);
    let [h1, h2, h3] = alternation(curves, beats, Band::High);
    let count = beats.len().max(1) as f64;
    let own = beats.iter().map(|it| f64::from(curves.sum[*it])).sum::<f64>() / count;
    let onsets = (density(&curves.sum) / count).max(0.1).ln();
    let middle = (density(curves.band(Band::Middle)) / count).max(0.1).ln();
    use Band::{Air, High, Low, Middle};
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
        r(Low, 1.0),
        r(Low, 2.0),
        r(Low, 4.0),
        r(Low, 0.5),
        r(Middle, 1.0),
        r(Middle, 0.5),
        r(High, 1.0),
        r(High, 0.5),
        r(High, 2.0),
        r(Air, 1.0),
        r(Air, 0.5),
        contrast(Low, 6),
        contrast(Middle, 6),
        contrast(High, 6),
        contrast(Air, 6),
        both(Low, 3),
        both(Middle, 3),
        both(High, 3),
        both(Low, 4),
        both(Middle, 4),
        l2 - l1,
        m2 - m1,
        h2 - h1,
        l3 - l1,
        m3 - m1 + h3 - h1,
        own,
        onsets,
        middle,
        l2 + m2 + h2,
        x * piece.onset_rate,
        x * piece.high,
        x * piece.air,
        x * piece.low,
        both(High, 4) + both(Air, 4),
    ]
}

/// Correlation of the strength of beats with that of the next, the second and the third next.
fn alternation(curves: &Curves, beats: &[usize], band: Band) -> [f64; 3] {
    let strength = |beat: &usize| f64::from(around(curves.band(band), *beat)).min(6.0);
    let values: Vec<f64> = beats.iter().map(strength).collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let energy = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64;
    [1, 2, 3].map(|lag| {
        let pairs = values.len().saturating_sub(lag).max(1) as f64;
        let sum: f64 = values.iter().zip(values.iter().skip(lag)).map(|(a, b)| (a - mean) * (b - mean)).sum();
        sum / pairs / (energy + 0.05)
    })
}

/// Number of distinct onsets.
pub(crate) fn density(curve: &[f32]) -> f64 {
    let peak = |w: &&[f32]| w[2] > 0.7 && w[2] >= w[1] && w[2] > w[3] && w[2] >= w[0] && w[2] > w[4];
    curve.windows(5).filter(peak).count() as f64
}
