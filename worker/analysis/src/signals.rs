//! Signals with known answers, for tests.

use std::f64::consts::PI;

/// A sine from phase 0.
pub(crate) fn sine(rate: u32, frequency: f64, amplitude: f64, seconds: f64) -> Vec<f32> {
    let frames = (seconds * f64::from(rate)).round() as usize;
    (0..frames)
        .map(|n| (amplitude * (2.0 * PI * frequency * n as f64 / f64::from(rate)).sin()) as f32)
        .collect()
}

/// White noise between −1 and 1, the same for the same seed.
pub(crate) fn noise(frames: usize, seed: u64) -> Vec<f32> {
    // Knuth's linear congruential generator; the high bits are good enough to hide any structure from a filter.
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1u64 << 23) as f32) - 1.0
        })
        .collect()
}

/// Amplitude of a level in dB relative to full scale.
pub(crate) fn amplitude(decibels: f64) -> f64 {
    10f64.powf(decibels / 20.0)
}
