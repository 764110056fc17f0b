//! Onset novelty: how much begins at each instant, in four frequency bands.
//!
//! Spectral flux of compressed magnitudes in narrow bands, against the neighbourhood of a band two frames ago so that vibrato
//! and glides don't count (SuperFlux: Böck & Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013). The
//! octave above the decimated band has no spectrum; there the flux of its energy does, and it is where hi-hats are.
//!
//! This room hears one channel and knows neither tempo nor beats.

mod curves;
mod history;
mod rate;

pub(crate) use curves::Curves;
pub(crate) use history::{BANDS, Band, Novelty};
pub(crate) use rate::onsets_per_second;

use crate::spectrum::Spectrum;

/// Samples of a frame: 46 ms at 11.025 kHz.
const WINDOW: usize = 512;
/// Frames per second, as near as whole samples allow: 128 samples at 11.025 kHz.
const FRAME_RATE: f64 = 11_025.0 / 128.0;
/// The flux compares with the frame so far back; one frame of 11.6 ms is less than an attack lasts.
const LAG: usize = 2;
/// Slope of the logarithm: −40 dB of full scale is where its linear part ends.
const COMPRESSION: f32 = 100.0;
/// Edges of the coarse bands, in Hz: bass and kick, body, presence.
const LOW_HZ: f64 = 200.0;
const MIDDLE_HZ: f64 = 2000.0;
/// The narrow bands start above rumble and are a sixth of an octave wide, but a bin at least.
const BOTTOM_HZ: f64 = 30.0;
const WIDTH_OCTAVES: f64 = 1.0 / 6.0;
/// The filter of the decimation falls off from 0.38 of the decimated rate on.
const TOP: f64 = 0.47;

/// A narrow band: bins `from..to`, and the coarse band it counts for.
#[derive(Debug, Clone, Copy)]
struct Narrow {
    from: usize,
    to: usize,
    band: Band,
}

/// Turns samples into novelty.
#[derive(Debug)]
pub(crate) struct Onset {
    hop: usize,
    spectrum: Spectrum,
    layout: Vec<Narrow>,
    /// One over the number of narrow bands of each coarse band.
    shares: [f32; BANDS],
    low: Vec<f32>,
    upper: Vec<f32>,
    /// Compressed magnitudes of this frame and of the last [`LAG`], newest last; the octave above at the end of each.
    past: Vec<Vec<f32>>,
    upper_energy: f32,
    novelty: Novelty,
}

impl Onset {
    /// For samples at `rate` Hz, as [`crate::decimate::Decimator::low`] gives them.
    pub(crate) fn new(rate: f64) -> Self {
        let hop = (rate / FRAME_RATE).round().max(1.0);
        let layout = layout(rate);
        let count = |band| layout.iter().filter(|it| it.band == band).count().max(1) as f32;
        Self {
            hop: hop as usize,
            spectrum: Spectrum::new(WINDOW),
            shares: [1.0 / count(Band::Low), 1.0 / count(Band::Middle), 1.0 / count(Band::High), 1.0],
            past: vec![vec![0.0; layout.len() + 1]; LAG + 1],
            layout,
            low: vec![0.0; WINDOW / 2],
            upper: vec![0.0; hop as usize],
            upper_energy: 0.0,
            novelty: Novelty::new(rate / hop),
        }
    }

    /// Takes the next samples, and what the last halving removed beside them (or nothing).
    pub(crate) fn push(&mut self, low: &[f32], upper: &[f32]) {
        self.low.extend_from_slice(low);
        self.upper.extend_from_slice(upper);
        let mut at = 0;
        while self.low.len() >= at + WINDOW {
            self.frame(at);
            at += self.hop;
        }
        self.low.drain(..at);
        self.upper.drain(..at.min(self.upper.len()));
    }

    /// Ends the signal. Frame `n` of the novelty is about the time `n` frames.
    pub(crate) fn finish(mut self) -> Novelty {
        self.push(&[0.0; WINDOW / 2], &[0.0; WINDOW / 2]);
        self.novelty
    }

    fn frame(&mut self, at: usize) {
        self.past.rotate_left(1);
        let powers = self.spectrum.powers(&self.low[at..at + WINDOW]);
        let (earlier, now) = self.past.split_at_mut(LAG);
        for (value, narrow) in now[0].iter_mut().zip(&self.layout) {
            let power: f32 = powers[narrow.from..narrow.to].iter().sum();
            *value = compress(power.sqrt());
        }
        let last = self.layout.len();
        // The energy of two hops around the instant. `upper` starts one hop before the first instant does.
        let energy = mean_square(&self.upper, at + self.hop, self.hop);
        now[0][last] = compress((self.upper_energy + energy).sqrt());
        self.upper_energy = energy;

        let mut flux = [0f32; BANDS];
        for (index, narrow) in self.layout.iter().enumerate() {
            let around = &earlier[0][index.saturating_sub(1)..(index + 2).min(last)];
            let before = around.iter().copied().fold(0.0, f32::max);
            flux[narrow.band as usize] += (now[0][index] - before).max(0.0);
        }
        flux[Band::Air as usize] = (now[0][last] - earlier[0][last]).max(0.0);
        for (flux, share) in flux.iter_mut().zip(self.shares) {
            *flux *= share;
        }
        self.novelty.push(flux);
    }
}

fn compress(magnitude: f32) -> f32 {
    (COMPRESSION * magnitude).ln_1p()
}

fn mean_square(samples: &[f32], from: usize, count: usize) -> f32 {
    let end = samples.len().min(from + count);
    let part = samples.get(from..end).unwrap_or(&[]);
    part.iter().map(|it| it * it).sum::<f32>() / count as f32
}

fn layout(rate: f64) -> Vec<Narrow> {
    let bin_hz = rate / WINDOW as f64;
    // 11 kHz has it at 5.2 kHz; a higher rate has no more, so that the bands mean the same everywhere.
    let top_hz = (TOP * rate).min(5200.0);
    let mut bands = Vec::new();
    let mut from = (BOTTOM_HZ / bin_hz).ceil().max(1.0) as usize;
    while (from as f64) * bin_hz < top_hz {
        let edge = (from as f64 * WIDTH_OCTAVES.exp2()).round() as usize;
        let to = edge.max(from + 1).min(WINDOW / 2);
        let centre_hz = 0.5 * (from + to - 1) as f64 * bin_hz;
        let band = match centre_hz {
            hz if hz < LOW_HZ => Band::Low,
            hz if hz < MIDDLE_HZ => Band::Middle,
            _ => Band::High,
        };
        bands.push(Narrow { from, to, band });
        from = to;
    }
    bands
}
