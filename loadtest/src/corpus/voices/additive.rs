//! Additive synthesis: a sum of harmonics, which cannot alias as long as those above the band are left out.

use super::Envelope;
use crate::corpus::math::{decay_per_sample, exp2, sin_turns};
use crate::corpus::theory::frequency;

/// A timbre.
#[derive(Debug)]
pub(super) struct Timbre {
    /// Amplitude of each harmonic from the first on.
    harmonics: &'static [f64],
    envelope: Envelope,
    /// The second harmonic loses 60 dB in this time, the third in half of it, and so on; `None` keeps the timbre as it is.
    harmonic_decay: Option<f64>,
    /// Two copies, this many cents apart, beat against each other. 0 is one copy.
    detune_cents: f64,
    /// Depth of a vibrato of 5 Hz, in cents.
    vibrato_cents: f64,
}

pub(super) static SAW_BASS: Timbre = Timbre {
    harmonics: &[1.0, 0.5, 0.33, 0.25, 0.2, 0.16, 0.12, 0.1],
    envelope: Envelope { attack: 0.003, decay: Some(2.5), release: 0.03 },
    harmonic_decay: Some(1.2),
    detune_cents: 0.0,
    vibrato_cents: 0.0,
};

pub(super) static PAD: Timbre = Timbre {
    harmonics: &[1.0, 0.45, 0.3, 0.15, 0.1, 0.06],
    envelope: Envelope { attack: 0.06, decay: None, release: 0.15 },
    harmonic_decay: None,
    detune_cents: 6.0,
    vibrato_cents: 0.0,
};

pub(super) static PLUCK: Timbre = Timbre {
    harmonics: &[1.0, 0.6, 0.35, 0.3, 0.18, 0.15, 0.1, 0.08],
    envelope: Envelope { attack: 0.002, decay: Some(1.4), release: 0.08 },
    harmonic_decay: Some(0.9),
    detune_cents: 0.0,
    vibrato_cents: 0.0,
};

pub(super) static ORGAN: Timbre = Timbre {
    harmonics: &[0.8, 0.8, 0.3, 0.5, 0.0, 0.2, 0.0, 0.25],
    envelope: Envelope { attack: 0.006, decay: None, release: 0.03 },
    harmonic_decay: None,
    detune_cents: 0.0,
    vibrato_cents: 4.0,
};

pub(super) static LEAD: Timbre = Timbre {
    harmonics: &[1.0, 0.2, 0.4, 0.15, 0.25, 0.1, 0.15],
    envelope: Envelope { attack: 0.008, decay: Some(6.0), release: 0.06 },
    harmonic_decay: None,
    detune_cents: 4.0,
    vibrato_cents: 8.0,
};

pub(super) static FLUTE: Timbre = Timbre {
    harmonics: &[1.0, 0.25, 0.12, 0.04],
    envelope: Envelope { attack: 0.03, decay: None, release: 0.06 },
    harmonic_decay: None,
    detune_cents: 0.0,
    vibrato_cents: 10.0,
};

/// Harmonics above this share of the sample rate are left out.
const HIGHEST: f64 = 0.45;

pub(super) fn tone(timbre: &Timbre, pitch: u8, length: f64, rate: f64) -> Vec<f64> {
    let levels = timbre.envelope.levels(length, rate);
    let mut samples = vec![0.0; levels.len()];
    let detune = timbre.detune_cents / 2.0;
    let copies: &[f64] = if detune > 0.0 { &[-detune, detune] } else { &[0.0] };
    let loudest: f64 = timbre.harmonics.iter().sum::<f64>() * copies.len() as f64;
    for cents in copies {
        let fundamental = frequency(pitch) * exp2(cents / 1200.0);
        let phase = phases(fundamental / rate, timbre.vibrato_cents, rate, samples.len());
        for (harmonic, amplitude) in (1_u32..).zip(timbre.harmonics) {
            let harmonic = f64::from(harmonic);
            if *amplitude == 0.0 || fundamental * harmonic > HIGHEST * rate {
                continue;
            }
            let decay = match timbre.harmonic_decay {
                Some(seconds) if harmonic > 1.0 => decay_per_sample(seconds / (harmonic - 1.0), rate),
                _ => 1.0,
            };
            add(&mut samples, &phase, harmonic, amplitude / loudest * 2.0, decay);
        }
    }
    samples.iter_mut().zip(&levels).for_each(|(sample, level)| *sample *= level);
    samples
}

fn add(samples: &mut [f64], phase: &[f64], harmonic: f64, mut amplitude: f64, decay: f64) {
    for (sample, turns) in samples.iter_mut().zip(phase) {
        *sample += amplitude * sin_turns(harmonic * turns);
        amplitude *= decay;
    }
}

/// Phase of the fundamental at every sample, in turns.
fn phases(turns_per_sample: f64, vibrato_cents: f64, rate: f64, count: usize) -> Vec<f64> {
    let depth = exp2(vibrato_cents / 1200.0) - 1.0;
    let mut phase = 0.0;
    (0..count)
        .map(|i| {
            let now = phase;
            let bend = if depth > 0.0 { 1.0 + depth * sin_turns(5.0 * i as f64 / rate) } else { 1.0 };
            phase += turns_per_sample * bend;
            now
        })
        .collect()
}
