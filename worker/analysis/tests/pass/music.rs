//! Small pieces of music with known traits.

use crate::build::{Coding, Sound};

pub const RATE: u32 = 22_050;

/// Noise between −1 and 1, the same on every run.
pub fn noise(frames: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1u32 << 23) - 1.0
        })
        .collect()
}

/// One channel in the making.
pub struct Score {
    pub samples: Vec<f64>,
}

impl Score {
    pub fn new(seconds: f64) -> Self {
        Self { samples: vec![0.0; (seconds * f64::from(RATE)) as usize] }
    }

    fn put(&mut self, seconds: f64, sound: impl Iterator<Item = f64>) {
        let at = (seconds * f64::from(RATE)) as usize;
        if let Some(rest) = self.samples.get_mut(at..) {
            rest.iter_mut().zip(sound).for_each(|(sum, sample)| *sum += sample);
        }
    }

    /// A tone with so many partials, falling off as 1/n, that lasts or (with a decay in seconds) fades.
    pub fn tone(&mut self, at: f64, seconds: f64, pitch: f64, level: f64, partials: u32, decay: f64) {
        let hz = 440.0 * ((pitch - 69.0) / 12.0).exp2();
        let frames = (seconds * f64::from(RATE)) as usize;
        let sound = (0..frames).map(|n| {
            let time = n as f64 / f64::from(RATE);
            // A few milliseconds at both ends, or there would be clicks.
            let edge = (time / 0.005).min((seconds - time) / 0.005).min(1.0);
            let turn = std::f64::consts::TAU * hz * time;
            let wave: f64 = (1..=partials)
                .take_while(|n| f64::from(*n) * hz < 10_000.0)
                .map(|n| (turn * f64::from(n)).sin() / f64::from(n))
                .sum();
            level * wave * edge * (-time / decay).exp()
        });
        self.put(at, sound);
    }

    pub fn kick(&mut self, at: f64, level: f64) {
        let sound = (0..6000).map(|n| {
            let time = f64::from(n) / f64::from(RATE);
            let turn = std::f64::consts::TAU * (50.0 * time + 3.0 * (1.0 - (-30.0 * time).exp()));
            level * turn.sin() * (-time * 12.0).exp()
        });
        self.put(at, sound);
    }

    /// A burst of noise, lasting about `decay` seconds.
    pub fn hat(&mut self, at: f64, level: f64, decay: f64) {
        let noise = noise(4000, (at * 1000.0) as u64);
        let fade = |n: usize| (-(n as f64) / f64::from(RATE) / decay).exp();
        self.put(at, noise.into_iter().enumerate().map(|(n, it)| level * it * fade(n)));
    }

    pub fn wav(&self) -> Vec<u8> {
        Sound::new(RATE, Coding::S16, vec![self.samples.clone()]).wav()
    }
}
