//! From samples to rows of twelve pitch classes.

use super::resample::RATE;
use crate::spectrum::Spectrum;
use std::f64::consts::PI;

/// Samples in a frame and from one frame to the next: 0.37 s, overlapping by two thirds.
pub(super) const FRAME: usize = 4096;
pub(super) const HOP: usize = FRAME / 3;
/// The frequencies that count, from about the lowest to the highest A of a piano, in Hz.
const LOWEST_HZ: f64 = 28.0;
const HIGHEST_HZ: f64 = 3520.0;
/// The A that pitch classes are counted from, in Hz.
const A0_HZ: f64 = 27.5;
/// Energy in each pitch class, A first.
pub(super) type Row = [f64; 12];

/// Turns samples into rows.
#[derive(Debug)]
pub(super) struct Chroma {
    spectrum: Spectrum,
    /// The first bin that counts, and the pitch class of it and those after it.
    first: usize,
    classes: Vec<u8>,
    frame: Vec<f32>,
}

impl Chroma {
    pub(super) fn new() -> Self {
        let bin = |hz: f64| (hz * FRAME as f64 / f64::from(RATE)).round() as usize;
        let (first, end) = (bin(LOWEST_HZ), bin(HIGHEST_HZ));
        let class = |bin: usize| {
            let octaves = (bin as f64 * f64::from(RATE) / FRAME as f64 / A0_HZ).log2();
            (12.0 * octaves.rem_euclid(1.0)) as u8
        };
        Self {
            spectrum: Spectrum::windowed(hamming()),
            first,
            classes: (first..end).map(class).collect(),
            frame: Vec::with_capacity(FRAME),
        }
    }

    /// Takes the next sample, on the scale of 16 bits, and gives the row that it completes.
    pub(super) fn push(&mut self, sample: f32) -> Option<Row> {
        self.frame.push(sample);
        if self.frame.len() < FRAME {
            return None;
        }
        let powers = &self.spectrum.powers(&self.frame)[self.first..];
        let mut row = Row::default();
        for (power, class) in powers.iter().zip(&self.classes) {
            row[usize::from(*class)] += f64::from(*power);
        }
        self.frame.drain(..HOP);
        Some(row)
    }
}

/// Hamming's window, which makes full scale 1.
fn hamming() -> Vec<f32> {
    let turn = 2.0 * PI / (FRAME - 1) as f64;
    let weight = |n: usize| (0.54 - 0.46 * (turn * n as f64).cos()) / f64::from(i16::MAX);
    (0..FRAME).map(|n| weight(n) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::sine;

    fn rows(signal: &[f32]) -> Vec<Row> {
        let mut chroma = Chroma::new();
        signal.iter().filter_map(|sample| chroma.push(sample * 32_767.0)).collect()
    }

    #[test]
    fn a_tone_is_in_its_pitch_class() {
        // A half tone up from the boundary, so that it lies in the middle of its class; A is class 0.
        for (semitones, class) in [(0.5, 0), (3.5, 3), (11.5, 11), (16.5, 4)] {
            let row = rows(&sine(RATE, 440.0 * f64::exp2(semitones / 12.0), 0.5, 0.5))[0];
            let sum: f64 = row.iter().sum();
            assert!(row[class] > 0.95 * sum, "{semitones}: {row:?}");
        }
    }

    #[test]
    fn frames_step_by_a_third() {
        for (length, count) in [(FRAME - 1, 0), (FRAME, 1), (FRAME + HOP - 1, 1), (FRAME + 2 * HOP, 3)] {
            assert_eq!(rows(&vec![0.1; length]).len(), count);
        }
    }

    #[test]
    fn a_full_sine_has_the_energy_of_its_window() {
        // Amplitude A in the middle of a bin: A/2 times the sum of the window, squared; and 0.426² of that in each neighbour.
        let row = rows(&sine(RATE, 164.0 * f64::from(RATE) / FRAME as f64, 1.0, 0.5))[0];
        let peak = (0.5 * 0.54 * FRAME as f64).powi(2);
        let expected = peak * (1.0 + 2.0 * 0.426f64.powi(2));
        assert!((row.iter().sum::<f64>() / expected - 1.0).abs() < 0.01);
    }
}
