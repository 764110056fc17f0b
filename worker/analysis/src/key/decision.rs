//! From evidence to the chance of each key.

use super::KEYS;
use super::evidence::{self, Evidence, KINDS};
use crate::chroma::Harmony;

/// Weights of the kinds of evidence, in their order: a conditional logit, fitted by `fit/key.py` on generated accompaniments
/// and dance music, folk tunes and chorales, each collection counting alike. Left out one by one, each collection was within
/// 3 points of its result with itself in the fit: six numbers are too few to learn a collection by heart.
const WEIGHTS: [f64; KINDS] = [2.574, 2.898, 1.602, 2.962, 56.4, 1.242];

/// Chance of each key; they add up to 1.
pub(super) type Chances = [f64; KEYS];

/// The chances for all of it.
pub(super) fn whole(harmony: &Harmony) -> Chances {
    chances(&evidence::of(harmony))
}

fn chances(evidence: &Evidence) -> Chances {
    let score =
        |numbers: &[f64; KINDS]| numbers.iter().zip(WEIGHTS).map(|(number, weight)| number * weight).sum();
    evidence::softmax(&std::array::from_fn(|key| score(&evidence[key])))
}
