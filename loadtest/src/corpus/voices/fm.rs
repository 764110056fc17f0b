//! Frequency modulation with two operators (Chowning 1973).

use super::Envelope;
use crate::corpus::math::{decay_per_sample, sin_turns};
use crate::corpus::theory::frequency;

/// A patch.
#[derive(Debug)]
pub(super) struct Patch {
    /// Frequency of the modulator over that of the carrier.
    ratio: f64,
    /// Modulation index at the start, in radians.
    index: f64,
    /// The index loses 60 dB in this many seconds.
    index_decay: f64,
    envelope: Envelope,
}

pub(super) static ELECTRIC_PIANO: Patch = Patch {
    ratio: 1.0,
    index: 1.6,
    index_decay: 1.0,
    envelope: Envelope { attack: 0.002, decay: Some(2.6), release: 0.1 },
};

pub(super) static ROUND_BASS: Patch = Patch {
    ratio: 1.0,
    index: 1.8,
    index_decay: 0.6,
    envelope: Envelope { attack: 0.003, decay: Some(3.0), release: 0.04 },
};

pub(super) fn tone(patch: &Patch, pitch: u8, length: f64, rate: f64) -> Vec<f64> {
    let step = frequency(pitch) / rate;
    let decay = decay_per_sample(patch.index_decay, rate);
    let mut index = patch.index / std::f64::consts::TAU;
    let levels = patch.envelope.levels(length, rate);
    levels
        .iter()
        .enumerate()
        .map(|(i, level)| {
            let phase = step * i as f64;
            let modulation = index * sin_turns(patch.ratio * phase);
            index *= decay;
            level * sin_turns(phase + modulation)
        })
        .collect()
}
