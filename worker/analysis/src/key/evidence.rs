//! What speaks for each key.

use super::{KEYS, cadence, profiles};
use crate::chroma::{CLASSES, Harmony};

/// Kinds of evidence.
pub(super) const KINDS: usize = 6;
/// What the view with all peaks counts, of 1. With 0.5, two of a hundred pieces of dance music more are taken for
/// the fifth; with 1, three of a hundred folk tunes and chorales more are wrong.
const PLAIN: f64 = 0.7;
/// Length in seconds of the stretches that vote: a few bars, so that most of the chords of the key are heard.
const STRETCH_SECONDS: f64 = 8.0;
/// How clearly a stretch votes: its votes are the softmax of its correlations times this.
const SHARPNESS: f64 = 8.0;
/// Votes that every key has, so that the logarithm is finite and one stretch without any vote is no veto.
const FLOOR: f64 = 1e-3;
/// The share of the piece at its end that counts on its own: music ends on its tonic more often than it begins there.
const END_SHARE: f64 = 0.12;

/// For each key one number of each kind, as [`of`] says.
pub(super) type Evidence = [[f64; KINDS]; KEYS];
type Classes = [f64; CLASSES];

/// Of each view of the harmony, weighted by [`PLAIN`],
/// - the correlation of the whole with the profiles of Albrecht & Shanahan and of Faraldo,
/// - the logarithm of the votes of its stretches,
/// - the correlation of its end with the former profile,
/// - the rate of its cadences ([`cadence`]);
///
/// and 1 for a minor key, since minor has more variants of its scale than the profiles can hold.
pub(super) fn of(harmony: &Harmony) -> Evidence {
    let plain: Vec<Classes> = harmony.slices.iter().map(|slice| slice.plain).collect();
    let clean: Vec<Classes> = harmony.slices.iter().map(|slice| slice.clean).collect();
    let mut evidence = [[0.0; KINDS]; KEYS];
    for (slices, weight) in [(plain, PLAIN), (clean, 1.0 - PLAIN)] {
        for (kind, values) in of_view(&slices, harmony.slice_seconds).iter().enumerate() {
            for (key, value) in values.iter().enumerate() {
                evidence[key][kind] += value * weight;
            }
        }
    }
    for numbers in &mut evidence[CLASSES..] {
        numbers[KINDS - 1] = 1.0;
    }
    evidence
}

fn of_view(slices: &[Classes], slice_seconds: f64) -> [[f64; KEYS]; KINDS - 1] {
    let whole = sum(slices.iter().copied());
    let end = (slices.len() as f64 * END_SHARE).ceil() as usize;
    let last = sum(slices[slices.len() - end.min(slices.len())..].iter().copied());
    [
        profiles::correlate(&profiles::ALBRECHT_SHANAHAN, &whole),
        profiles::correlate(&profiles::FARALDO, &whole),
        votes(slices, slice_seconds).map(|votes| (votes + FLOOR).ln()),
        profiles::correlate(&profiles::ALBRECHT_SHANAHAN, &last),
        cadence::rates(slices, slice_seconds),
    ]
}

/// Mean vote of the stretches for each key.
fn votes(slices: &[Classes], slice_seconds: f64) -> [f64; KEYS] {
    let stretches = stretches(slices, slice_seconds);
    let mut mean = [0.0; KEYS];
    for classes in &stretches {
        let fit = profiles::correlate(&profiles::ALBRECHT_SHANAHAN, classes);
        for (mean, vote) in mean.iter_mut().zip(softmax(&fit.map(|it| it * SHARPNESS))) {
            *mean += vote / stretches.len() as f64;
        }
    }
    mean
}

/// The piece in equal stretches of about 8 s; at least one.
pub(super) fn stretches(slices: &[Classes], slice_seconds: f64) -> Vec<Classes> {
    let count = slices.len();
    let stretches = ((count as f64 * slice_seconds / STRETCH_SECONDS) as usize).clamp(1, count.max(1));
    let edge = |stretch: usize| (stretch * count).div_ceil(stretches);
    (0..stretches).map(|it| sum(slices[edge(it)..edge(it + 1)].iter().copied())).collect()
}

/// Adds up pitch classes.
pub(super) fn sum(slices: impl Iterator<Item = Classes>) -> Classes {
    slices.fold([0.0; CLASSES], |sum, slice| std::array::from_fn(|class| sum[class] + slice[class]))
}

/// Chances in proportion to the exponentials of the scores.
pub(super) fn softmax(scores: &[f64; KEYS]) -> [f64; KEYS] {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials = scores.map(|score| (score - highest).exp());
    let total: f64 = exponentials.iter().sum();
    exponentials.map(|it| it / total)
}
