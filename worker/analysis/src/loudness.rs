//! Loudness after ITU-R BS.1770-4 and EBU R 128, and peaks.
//!
//! The weighted energy of every 100 ms is all that is kept: four of them are a momentary block, thirty a short-term one
//! (Tech 3341 §2). Both step by 100 ms, the finest the standards ask for, but for the loudest momentary block, which steps by
//! 10 ms: a sound of 400 ms that lies between two steps would seem up to 0.6 LU softer (Tech 3341 test signal 13 allows 0.1).

mod gating;
mod true_peak;
mod weighting;

use crate::stage::{Block, Format, Stage};
use gating::{Histogram, lufs};
use report::{Loudness, Report};
use std::collections::VecDeque;
use true_peak::TruePeak;
use weighting::Weighting;

/// Version of what this part computes.
pub(crate) const VERSION: u16 = 2;
/// Steps in a momentary block of 400 ms and in a short-term block of 3 s.
const MOMENTARY: usize = 4;
const SHORT_TERM: usize = 30;
/// Parts of a step, by which the loudest momentary block steps.
const PIECES: usize = 10;
/// The reference of ReplayGain 2.0.
const REPLAYGAIN_LUFS: f64 = -18.0;

/// The stage that measures loudness.
pub(crate) struct Meter {
    /// Frames in 100 ms, and those of the current step that are done, and its pieces.
    step: usize,
    filled: usize,
    piece: usize,
    filters: Vec<Weighting>,
    weights: Vec<f64>,
    /// Weighted energy of the current piece, of the pieces of the last momentary block, of the current step, and of the last
    /// thirty.
    energy: f64,
    pieces: VecDeque<f64>,
    step_energy: f64,
    steps: VecDeque<f64>,
    momentary: Histogram,
    short_term: Histogram,
    momentary_max: f64,
    short_term_max: f64,
    peaks: Vec<TruePeak>,
    sample_peak: f32,
}

impl Meter {
    pub(crate) fn new(format: &Format) -> Self {
        let pairs = format.channels().div_ceil(2);
        Self {
            step: (format.rate as usize).div_ceil(10).max(1),
            filled: 0,
            piece: 0,
            filters: vec![Weighting::new(format.rate); pairs],
            weights: format.weights.clone(),
            energy: 0.0,
            pieces: VecDeque::with_capacity(MOMENTARY * PIECES),
            step_energy: 0.0,
            steps: VecDeque::with_capacity(SHORT_TERM),
            momentary: Histogram::new(),
            short_term: Histogram::new(),
            momentary_max: 0.0,
            short_term_max: 0.0,
            peaks: vec![TruePeak::new(format.rate); format.channels()],
            sample_peak: 0.0,
        }
    }

    /// Adds the frames from `from` to `to`, which lie in one piece.
    fn weigh(&mut self, block: &Block<'_>, from: usize, to: usize) {
        let last = self.weights.len() - 1;
        for (pair, filter) in self.filters.iter_mut().enumerate() {
            let (first, second) = (2 * pair, (2 * pair + 1).min(last));
            let energy = filter.energy(&block.channel(first)[from..to], &block.channel(second)[from..to]);
            self.energy += self.weights[first] * energy[0];
            // The last of an odd number of channels fills both lanes and counts once.
            if second > first {
                self.energy += self.weights[second] * energy[1];
            }
        }
    }

    /// Frames of the current step up to the end of its current piece. Ten pieces are a step exactly, and any forty in a row a
    /// momentary block.
    fn end_of_piece(&self) -> usize {
        self.step * (self.piece + 1) / PIECES
    }

    fn end_piece(&mut self) {
        if self.pieces.len() == MOMENTARY * PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back(self.energy);
        self.step_energy += std::mem::take(&mut self.energy);
        if self.pieces.len() == MOMENTARY * PIECES {
            let energy = self.pieces.iter().sum::<f64>() / (MOMENTARY * self.step) as f64;
            self.momentary_max = self.momentary_max.max(energy);
        }
        self.piece += 1;
        if self.piece == PIECES {
            self.end_step();
        }
    }

    fn end_step(&mut self) {
        if self.steps.len() == SHORT_TERM {
            self.steps.pop_front();
        }
        self.steps.push_back(std::mem::take(&mut self.step_energy));
        (self.filled, self.piece) = (0, 0);
        if let Some(energy) = self.mean_of_last(MOMENTARY) {
            self.momentary.add(energy);
        }
        if let Some(energy) = self.mean_of_last(SHORT_TERM) {
            self.short_term.add(energy);
            self.short_term_max = self.short_term_max.max(energy);
        }
    }

    fn mean_of_last(&self, steps: usize) -> Option<f64> {
        let skip = self.steps.len().checked_sub(steps)?;
        Some(self.steps.iter().skip(skip).sum::<f64>() / (steps * self.step) as f64)
    }
}

impl Stage for Meter {
    fn name(&self) -> &'static str {
        "loudness"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn block(&mut self, block: &Block<'_>) {
        self.sample_peak = self.sample_peak.max(block.peak());
        for (meter, samples) in self.peaks.iter_mut().zip(block.iter()) {
            meter.process(samples);
        }
        let mut from = 0;
        while from < block.frames() {
            let to = block.frames().min(from + self.end_of_piece() - self.filled);
            self.weigh(block, from, to);
            self.filled += to - from;
            from = to;
            if self.filled == self.end_of_piece() {
                self.end_piece();
            }
        }
    }

    fn finish(&mut self, report: &mut Report) {
        let true_peak = self.peaks.iter().map(TruePeak::peak).fold(self.sample_peak, f32::max);
        let integrated = self.momentary.integrated();
        report.loudness = Some(Loudness {
            integrated_lufs: integrated,
            range_lu: self.short_term.range(),
            momentary_max_lufs: (self.momentary_max > 0.0).then(|| lufs(self.momentary_max)),
            short_term_max_lufs: (self.short_term_max > 0.0).then(|| lufs(self.short_term_max)),
            true_peak_dbtp: decibels(true_peak),
            sample_peak_dbfs: decibels(self.sample_peak),
            replaygain_gain_db: integrated.map(|it| REPLAYGAIN_LUFS - it),
            replaygain_peak: Some(f64::from(true_peak)),
        });
    }
}

fn decibels(peak: f32) -> Option<f64> {
    (peak > 0.0).then(|| 20.0 * f64::from(peak).log10())
}

#[cfg(test)]
mod tests;
