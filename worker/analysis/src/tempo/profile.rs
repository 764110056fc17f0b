//! What stands at the parts of a beat, and how beats differ within a bar.
//!
//! Fitted on generated music alone these misled on what people wrote; fitted on both they are worth a tenth of the model's loss on
//! pieces that it was not fitted on.

use super::chords::Chords;
use crate::onset::{Band, Curves, around};

/// Number of features.
pub(crate) const PROFILE: usize = 31;
/// Keeps the contrast of two weak places near zero, in units of the curves' deviation.
const WEAK: f64 = 0.3;
/// Likewise for changes of chords, which are tenths.
const STILL: f64 = 0.03;
/// Parts of a beat: its half, its quarters, its thirds.
const PARTS: [&[f64]; 3] = [&[0.5], &[0.25, 0.75], &[1.0 / 3.0, 2.0 / 3.0]];
/// Beats of a bar.
const METRES: [usize; 3] = [2, 3, 4];

/// For the sum of the bands, the low one, the middle one and what ends: the novelty at the parts of a beat against that on it, and how
/// much one beat of a bar stands out, as natural logarithms. Then how many beats, halves and quarters have an onset, 0 to 1; and how
/// much one beat of a bar stands out by a change of chord. Beats are in frames of the curves.
pub(crate) fn profile(curves: &Curves, chords: &Chords, beats: &[usize]) -> [f64; PROFILE] {
    let bands = [&curves.sum[..], curves.band(Band::Low), curves.band(Band::Middle), curves.band(Band::Fall)];
    let novelty = bands.into_iter().flat_map(|curve| of_band(curve, beats));
    let filled = [&[0.0][..], PARTS[0], PARTS[1]]
        .into_iter()
        .map(|parts| mean(places(beats, parts).map(|it| f64::from(u8::from(around(&curves.sum, it) > 1.0)))));
    let (step, leap) = (chords.changes(1), chords.changes(2));
    let changes = METRES.into_iter().map(|metre| standing_out(&step, metre, STILL));
    let mut all = novelty.chain(filled).chain(changes).chain([standing_out(&leap, 4, STILL)]);
    std::array::from_fn(|_| all.next().unwrap_or_default())
}

fn of_band(curve: &[f32], beats: &[usize]) -> [f64; 6] {
    let at = |parts| mean(places(beats, parts).map(|it| f64::from(around(curve, it)))) + WEAK;
    let on: Vec<f64> = beats.iter().map(|it| f64::from(around(curve, *it))).collect();
    let [half, quarters, thirds] = PARTS.map(|parts| (at(parts) / at(&[0.0])).ln());
    let [two, three, four] = METRES.map(|metre| standing_out(&on, metre, STILL));
    [half, quarters, thirds, two, three, four]
}

/// Frames at these parts of each beat but the last.
fn places<'a>(beats: &'a [usize], parts: &'a [f64]) -> impl Iterator<Item = usize> + 'a {
    let place = |pair: &[usize], part: f64| pair[0] + ((pair[1] - pair[0]) as f64 * part).round() as usize;
    beats.windows(2).flat_map(move |pair| parts.iter().map(move |part| place(pair, *part)))
}

/// The largest mean of a place in the bar against the mean of all, as a natural logarithm.
fn standing_out(values: &[f64], metre: usize, weak: f64) -> f64 {
    let all = mean(values.iter().copied());
    let most = (0..metre).map(|at| mean(values.iter().copied().skip(at).step_by(metre))).fold(0.0, f64::max);
    ((most + weak) / (all + weak)).ln()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), it| (sum + it, count + 1));
    sum / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onset::{BANDS, Novelty, PITCHES};

    const BEAT: usize = 48;

    /// Features of 64 beats with these onsets: parts of a beat, and every how many beats.
    fn features(onsets: &[(f64, usize)]) -> [f64; PROFILE] {
        let mut novelty = Novelty::new(86.0);
        for frame in 0..64 * BEAT {
            let (beat, place) = (frame / BEAT, frame % BEAT);
            let hit = |it: &&(f64, usize)| place == (it.0 * BEAT as f64) as usize && beat % it.1 == 0;
            novelty.push([onsets.iter().filter(hit).count() as f32; BANDS], [0.1; PITCHES]);
        }
        let curves = Curves::new(&novelty, 0, novelty.len());
        let beats: Vec<usize> = (0..64).map(|beat| beat * BEAT).collect();
        profile(&curves, &Chords::new(&novelty, &curves, &beats), &beats)
    }

    #[test]
    fn halves_and_quarters_are_told_apart() {
        let [plain, halves, quarters] =
            [&[(0.0, 1)][..], &[(0.0, 1), (0.5, 1)], &[(0.0, 1), (0.25, 1), (0.5, 1), (0.75, 1)]]
                .map(features);
        assert!(plain[0] < -1.0 && plain[1] < -1.0, "{plain:?}");
        assert!(halves[0].abs() < 0.1 && halves[1] < -1.0, "{halves:?}");
        assert!(quarters[0].abs() < 0.1 && quarters[1].abs() < 0.1, "{quarters:?}");
        assert_eq!([plain, halves, quarters].map(|it| it[25]), [0.0, 1.0, 1.0]);
        assert_eq!([plain, halves, quarters].map(|it| it[26]), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_bar_shows_where_one_beat_stands_out() {
        let (three, four) = (features(&[(0.0, 1), (0.0, 3)]), features(&[(0.0, 1), (0.0, 4)]));
        assert!(three[4] > 0.2 && three[4] > three[5] + 0.1, "{three:?}");
        assert!(four[5] > 0.2 && four[5] > four[4] + 0.1, "{four:?}");
        assert!(features(&[(0.0, 1)])[3..6].iter().all(|it| it.abs() < 0.05));
    }
}
