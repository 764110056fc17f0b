//! What the octave model and the similarity vector are fitted on. Not part of the product: only `fit/` reads it.

use crate::decimate::Decimator;
use crate::onset::Onset;
use crate::rhythm;
use crate::similarity;

/// A tempo that a piece may have.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Beats per minute.
    pub bpm: f64,
    /// What speaks for and against it, in the order of the weights.
    pub features: Vec<f64>,
    /// The beats that it would have, in seconds.
    pub beats: Vec<f64>,
}

/// The beats of the chosen tempo, and what each has that a downbeat may have more of.
#[derive(Debug, Clone)]
pub struct Beats {
    /// Beats per minute.
    pub bpm: f64,
    /// Chance that they are the beats, 0 to 1.
    pub confidence: f64,
    /// Seconds.
    pub beats: Vec<f64>,
    /// A row for each beat, in the order of the weights.
    pub evidence: Vec<Vec<f64>>,
}

/// Hears one channel and proposes tempi.
#[derive(Debug)]
pub struct Ear {
    decimator: Decimator,
    onset: Onset,
}

impl Ear {
    /// For a channel of `rate` Hz.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        let decimator = Decimator::new(rate);
        let onset = Onset::new(decimator.low_rate());
        Self { decimator, onset }
    }

    /// Takes the next samples.
    pub fn push(&mut self, mono: &[f32]) {
        self.decimator.push(mono);
        self.onset.push(self.decimator.low(), self.decimator.upper());
    }

    /// All candidates and the chosen beats, none for a signal without a pulse.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Candidate>, Option<Beats>) {
        self.decimator.finish();
        self.onset.push(self.decimator.low(), self.decimator.upper());
        let novelty = self.onset.finish();
        (rhythm::candidates(&novelty), rhythm::chosen(&novelty))
    }
}

/// The numbers of the similarity vector before they are standardised; `None` what the piece does not have.
#[must_use]
pub fn similarity(report: &report::Report) -> Option<Vec<Option<f64>>> {
    similarity::numbers(report).map(Vec::from)
}
