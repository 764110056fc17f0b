//! Which candidate is the beat: a conditional logit over the candidates of a piece, of their features and of a few units that
//! combine them. The weights are fitted on generated music and on what people wrote (`fit/`).
//!
//! The units are needed because what speaks for a tempo depends on the kind of piece: a pattern of sixteenths is slow under a
//! voice and fast under a drum kit. They are those of four fits from different starts: one alone depends on its start by 5 % on
//! music that it was not fitted on.

mod weights;

use super::features::FEATURES;
use weights::{DEVIATIONS, DIRECT, INNER, MEANS, OFFSETS, OUTER, UNITS};

/// A feature further from the mean than this, in deviations, is taken to be so far only: no single one shall decide.
const FURTHEST: f64 = 4.0;

/// Chance of each candidate; they add up to 1.
pub(crate) fn chances(candidates: &[[f64; FEATURES]]) -> Vec<f64> {
    let scores: Vec<f64> = candidates.iter().map(score).collect();
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|it| (it - highest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|it| it / total).collect()
}

fn score(features: &[f64; FEATURES]) -> f64 {
    let scaled: [f64; FEATURES] =
        std::array::from_fn(|at| ((features[at] - MEANS[at]) / DEVIATIONS[at]).clamp(-FURTHEST, FURTHEST));
    let dot = |weights: &[f64; FEATURES]| scaled.iter().zip(weights).map(|(a, b)| a * b).sum::<f64>();
    let units: f64 = (0..UNITS).map(|unit| OUTER[unit] * (dot(&INNER[unit]) + OFFSETS[unit]).tanh()).sum();
    dot(&DIRECT) + units
}
