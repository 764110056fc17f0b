use super::comb::{FASTEST, SLOWEST, peaks, refine};
use super::tempogram::Tempogram;

/// A preference that is just strong enough to start from a period that a foot could tap; the octave is decided later.
const CENTRE_BPM: f64 = 120.0;
const WIDTH_OCTAVES: f64 = 1.0;
/// The metrical relatives of the strongest period that are tried beside it.
const RELATIVES: [f64; 10] = [2.0, 0.5, 3.0, 1.0 / 3.0, 1.5, 2.0 / 3.0, 4.0, 0.25, 4.0 / 3.0, 0.75];
/// Further peaks that are tried, whether or not they are relatives.
const FURTHER: usize = 4;
/// Periods closer than this are one candidate.
const SAME: f64 = 0.03;
/// A relative is moved to the peak beside it if that is so near.
const NEAR: f64 = 0.01;

/// Periods in frames that may be the beat, the strongest first. Empty if nothing repeats.
pub(crate) fn candidates(tempogram: &Tempogram) -> Vec<f64> {
    let rate = tempogram.rate;
    let preference = |period: f64| {
        let octaves = (60.0 * rate / period / CENTRE_BPM).log2();
        (-0.5 * (octaves / WIDTH_OCTAVES).powi(2)).exp()
    };
    let mut found: Vec<(f64, f64)> = peaks(&tempogram.mixed, rate)
        .into_iter()
        .map(|(period, value)| (period, value * preference(period)))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some(&(strongest, _)) = found.first() else { return Vec::new() };
    let base = refine(&tempogram.mixed, strongest);
    let relatives = RELATIVES.iter().map(|ratio| {
        let refined = refine(&tempogram.mixed, base * ratio);
        if (refined / (base * ratio) - 1.0).abs() < NEAR { refined } else { base * ratio }
    });
    let further = found.iter().take(FURTHER).map(|(period, _)| refine(&tempogram.mixed, *period));
    let mut periods: Vec<f64> = Vec::new();
    for period in [base].into_iter().chain(relatives).chain(further) {
        let within = (SLOWEST..=FASTEST).contains(&(60.0 * rate / period));
        if within && periods.iter().all(|other| (other / period - 1.0).abs() > SAME) {
            periods.push(period);
        }
    }
    periods
}
