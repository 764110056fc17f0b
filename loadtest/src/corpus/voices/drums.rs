//! Kick, snare and hi-hats, as drum machines made them: swept sines and filtered noise.

use crate::corpus::math::{decay_per_sample, sin_turns};
use crate::corpus::random::Random;

/// A sine that falls from 170 to 48 Hz, with a click of noise-free overtone at its start.
pub(super) fn kick(rate: f64) -> Vec<f64> {
    let level_decay = decay_per_sample(0.32, rate);
    let sweep_decay = decay_per_sample(0.16, rate);
    let click_decay = decay_per_sample(0.02, rate);
    let (mut level, mut sweep, mut click, mut phase) = (1.0, 1.0, 0.5, 0.0);
    (0..(0.32 * rate) as usize)
        .map(|_| {
            phase += (48.0 + 122.0 * sweep) / rate;
            let sample = level * sin_turns(phase + 0.1) + click * sin_turns(9.0 * phase);
            level *= level_decay;
            sweep *= sweep_decay;
            click *= click_decay;
            sample
        })
        .collect()
}

/// Two short tones of the shell and a burst of noise from the wires.
pub(super) fn snare(rate: f64, random: &mut Random) -> Vec<f64> {
    let wires_decay = decay_per_sample(0.22, rate);
    let shell_decay = decay_per_sample(0.12, rate);
    let (mut wires, mut shell, mut before) = (0.7, 0.6, 0.0);
    (0..(0.22 * rate) as usize)
        .map(|i| {
            let noise = random.noise();
            let t = i as f64 / rate;
            let tone = sin_turns(185.0 * t) + 0.5 * sin_turns(331.0 * t);
            let sample = wires * (noise - 0.6 * before) + shell * tone;
            before = noise;
            wires *= wires_decay;
            shell *= shell_decay;
            sample * 0.7
        })
        .collect()
}

/// Noise with its low end differenced away.
pub(super) fn hat(seconds: f64, rate: f64, random: &mut Random) -> Vec<f64> {
    let decay = decay_per_sample(seconds, rate);
    let (mut level, mut before, mut before_that) = (1.0, 0.0, 0.0);
    (0..(seconds * rate) as usize)
        .map(|_| {
            let noise = random.noise();
            let sample = level * (noise - 2.0 * before + before_that) * 0.25;
            before_that = before;
            before = noise;
            level *= decay;
            sample
        })
        .collect()
}
