//! How often a dominant goes to its tonic: what tells a key from its relative, which has the same notes.

use super::KEYS;
use super::evidence::softmax;
use super::profiles::{self, Profile};
use crate::chroma::CLASSES;

/// The major and the minor triad, as profiles.
const TRIADS: Profile = Profile {
    major: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
    minor: [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
};
/// How clearly a moment is heard as a chord: chances are the softmax of its correlations with the triads times this.
const SHARPNESS: f64 = 8.0;
/// Seconds from a moment to the next: two slices, so that what they hear does not overlap.
const STEP_SECONDS: f64 = 1.5;
/// Where slices are longer than this, chords have run into each other.
const MAX_SLICE_SECONDS: f64 = 3.0;
const FIFTH: usize = 7;

/// For each key, the mean chance that its dominant (a major triad in either mode) is heard and then its tonic, in the next
/// moment or the one after with nothing else between; 0 for all where that cannot be told.
pub(super) fn rates(slices: &[[f64; CLASSES]], slice_seconds: f64) -> [f64; KEYS] {
    let mut rates = [0.0; KEYS];
    if slice_seconds > MAX_SLICE_SECONDS {
        return rates;
    }
    let chords = chords(slices);
    let step = ((STEP_SECONDS / slice_seconds).round() as usize).max(1);
    let pairs = chords.len().saturating_sub(step) as f64;
    let triples = chords.len().saturating_sub(2 * step) as f64;
    for (at, now) in chords.iter().enumerate() {
        let (Some(next), last) = (chords.get(at + step), chords.get(at + 2 * step)) else { break };
        for (key, rate) in rates.iter_mut().enumerate() {
            let dominant = (key + FIFTH) % CLASSES;
            *rate += 0.5 * now[dominant] * next[key] / pairs;
            if let Some(last) = last {
                *rate += 0.5 * now[dominant] * (next[dominant] + next[key]) * last[key] / triples;
            }
        }
    }
    rates
}

/// Chance of each triad at each moment, silence left out. Two slices each: one is shorter than most chords.
fn chords(slices: &[[f64; CLASSES]]) -> Vec<[f64; KEYS]> {
    let sounding: Vec<&[f64; CLASSES]> =
        slices.iter().filter(|slice| slice.iter().sum::<f64>() > 1e-9).collect();
    (0..sounding.len())
        .map(|at| {
            let next = sounding.get(at + 1);
            let both =
                std::array::from_fn(|class| sounding[at][class] + next.map_or(0.0, |next| next[class]));
            softmax(&profiles::correlate(&TRIADS, &both).map(|it| it * SHARPNESS))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triad(root: usize, third: usize) -> [f64; CLASSES] {
        let mut classes = [0.0; CLASSES];
        for degree in [0, third, 7] {
            classes[(root + degree) % CLASSES] = 1.0;
        }
        classes
    }

    #[test]
    fn a_cadence_speaks_for_its_tonic() {
        // G C | G C …, a second each.
        let slices: Vec<_> = (0..40).map(|at| triad(if at / 3 % 2 == 0 { 7 } else { 0 }, 4)).collect();
        let rates = rates(&slices, 0.5);
        assert!(rates[0] > 0.1 && (0..KEYS).all(|key| key == 0 || rates[key] < rates[0] / 2.0), "{rates:?}");
    }

    #[test]
    fn it_says_nothing_of_what_it_cannot_hear() {
        assert_eq!(rates(&[], 0.5), [0.0; KEYS]);
        assert_eq!(rates(&[triad(0, 4)], 0.5), [0.0; KEYS]);
        assert_eq!(rates(&[[0.0; CLASSES]; 9], 0.5), [0.0; KEYS]);
        assert_eq!(rates(&[triad(0, 4); 9], 30.0), [0.0; KEYS]);
    }
}
