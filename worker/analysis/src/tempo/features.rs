use super::chords::Chords;
use super::comb::{at, comb};
use super::profile::{PROFILE, profile};
use super::tempogram::Tempogram;
use crate::onset::{BANDS, Band, Curves, Novelty};

/// Features that are correlations, densities and chords.
const OWN: usize = 41;
/// Number of features of a candidate.
pub(crate) const FEATURES: usize = OWN + PROFILE;

/// What is the same for all candidates of a piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// Distinct onsets per second, as a natural logarithm.
    onset_rate: f64,
    /// How much of the novelty is above 2 kHz, above 5.5 kHz, and below 200 Hz, as natural logarithms against the middle.
    high: f64,
    air: f64,
    low: f64,
    /// The largest comb of all candidates. Correlations count relative to it: a soft voice has a weak pulse, but its pulse
    /// has the same pattern.
    strongest: f64,
}

impl Piece {
    /// `flux` is the mean of each band's novelty before any scaling, `strongest` the largest comb of all candidates.
    pub(crate) fn new(curves: &Curves, rate: f64, flux: [f64; BANDS], strongest: f64) -> Self {
        let seconds = (curves.len() as f64 / rate).max(1.0);
        let against = |band: Band| ((flux[band as usize] + 1e-4) / (flux[Band::Middle as usize] + 1e-4)).ln();
        Self {
            onset_rate: (density(&curves.sum) / seconds).max(0.1).ln(),
            high: against(Band::High),
            air: against(Band::Air),
            low: against(Band::Low),
            strongest,
        }
    }
}

/// What speaks for and against a period (in frames) being the beat. Beats are in frames of the curves.
pub(crate) fn features(
    tempogram: &Tempogram,
    novelty: &Novelty,
    curves: &Curves,
    piece: Piece,
    period: f64,
    beats: &[usize],
) -> [f64; FEATURES] {
    let bpm = 60.0 * tempogram.rate / period;
    let x = (bpm / 120.0).log2();
    let scale = 1.0 / (piece.strongest + 0.05);
    let r = |band: Band, k: f64| scale * at(&tempogram.bands[band as usize], period * k);
    let all = |k: f64| scale * at(&tempogram.sum, period * k);
    let combed = comb(&tempogram.mixed, period);
    let count = beats.len().max(1) as f64;
    let per_beat = |curve: &[f32]| (density(curve) / count).max(0.1).ln();
    let sounding = Chords::new(novelty, curves, beats);
    let [chord, chords, change] = sounding.features();
    use Band::{Air, Fall, High, Low, Middle};
    let own: [f64; OWN] = [
        x,
        x * x,
        combed,
        scale * combed,
        all(1.0 / 4.0),
        all(1.0 / 3.0),
        all(0.5),
        all(2.0 / 3.0),
        all(0.75),
        all(1.0),
        all(1.5),
        all(2.0),
        all(3.0),
        all(4.0),
        r(Low, 0.5),
        r(Low, 1.0),
        r(Low, 2.0),
        r(Low, 3.0),
        r(Low, 4.0),
        r(Middle, 1.0 / 3.0),
        r(Middle, 0.5),
        r(Middle, 1.0),
        r(Middle, 2.0),
        r(High, 0.5),
        r(High, 1.0),
        r(High, 2.0),
        r(Air, 0.5),
        r(Air, 1.0),
        r(Fall, 0.5),
        r(Fall, 1.0),
        r(Fall, 2.0),
        per_beat(&curves.sum),
        per_beat(curves.band(Low)),
        per_beat(curves.band(Middle)),
        x * piece.onset_rate,
        x * piece.high,
        x * piece.air,
        x * piece.low,
        chord,
        chords,
        change,
    ];
    let mut all = own.into_iter().chain(profile(curves, &sounding, beats));
    std::array::from_fn(|_| all.next().unwrap_or_default())
}

/// Number of distinct onsets: what stands out by a deviation and is the highest within 46 ms.
pub(crate) fn density(curve: &[f32]) -> f64 {
    const REACH: usize = 4;
    let highest = |window: &&[f32]| {
        let middle = window[REACH];
        let (before, after) = (&window[..REACH], &window[REACH + 1..]);
        middle > 1.0 && before.iter().all(|it| *it < middle) && after.iter().all(|it| *it <= middle)
    };
    curve.windows(2 * REACH + 1).filter(highest).count() as f64
}
