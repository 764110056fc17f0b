//! Rhythm: tempo, beats and metre of the signal, from onset novelty to the report.
//!
//! This room puts the others in order: [`crate::decimate`] → [`crate::onset`] while the signal comes, and at its end
//! [`crate::tempo`] proposes, [`crate::beats`] tries each proposal, the octave model chooses, and its beats are counted into bars.

mod course;
mod pulse;
#[cfg(test)]
mod tests;
mod trial;

use crate::beats::bars::Bars;
use crate::decimate::Decimator;
use crate::listener::Listener;
use crate::onset::{Novelty, Onset};
use crate::traces::Traces;
use pulse::Pulse;
use report::{Report, Tempo, TempoAbsence, TempoCandidate};

/// Version of what is computed here and in the rooms above.
pub(crate) const VERSION: u16 = 4;
/// Candidates to report.
const CANDIDATES: usize = 5;

/// Hears the decimated channel.
#[derive(Debug)]
pub(crate) struct Rhythm(Onset);

impl Rhythm {
    /// For the channel of this decimator.
    pub(crate) fn new(sound: &Decimator) -> Self {
        Self(Onset::new(sound.low_rate()))
    }
}

impl Listener for Rhythm {
    fn name(&self) -> &'static str {
        "tempo"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn hear(&mut self, sound: &Decimator) {
        self.0.push(sound.low(), sound.upper());
    }

    fn finish(self: Box<Self>, report: &mut Report, traces: &mut Traces) {
        let novelty = self.0.finish();
        match find(&novelty) {
            Ok(tempo) => report.tempo = Some(tempo),
            Err(absence) => report.tempo_absence = Some(absence),
        }
        traces.novelty = Some(novelty);
    }
}

fn find(novelty: &Novelty) -> Result<Tempo, TempoAbsence> {
    let pulse = Pulse::find(novelty)?;
    let course = course::Course::new(&pulse.grid);
    let bars = Bars::find(novelty, &pulse.grid.beats, pulse.confidence);
    let mut candidates: Vec<TempoCandidate> =
        pulse.candidates.iter().map(|it| TempoCandidate { bpm: it.0, weight: it.1 }).collect();
    candidates.truncate(CANDIDATES);
    Ok(Tempo {
        bpm: pulse.grid.bpm,
        confidence: pulse.confidence,
        candidates,
        metre: bars.as_ref().map(|it| it.metre),
        downbeats: bars.map_or_else(Vec::new, |it| it.downbeats),
        stability: course.stability,
        segments: course.segments,
        start_bpm: course.start_bpm,
        end_bpm: course.end_bpm,
        beats: pulse.grid.beats,
    })
}

/// Every candidate of a piece.
#[cfg(feature = "fitting")]
pub(crate) fn candidates(novelty: &Novelty) -> Vec<crate::fitting::Candidate> {
    pulse::all(novelty)
}

/// The beats of the likeliest candidate, with their evidence.
#[cfg(feature = "fitting")]
pub(crate) fn chosen(novelty: &Novelty) -> Option<crate::fitting::Beats> {
    let pulse = Pulse::find(novelty).ok()?;
    let evidence = crate::beats::bars::evidence(novelty, &pulse.grid.beats);
    Some(crate::fitting::Beats {
        bpm: pulse.grid.bpm,
        confidence: pulse.confidence,
        beats: pulse.grid.beats,
        evidence: evidence.into_iter().map(Vec::from).collect(),
    })
}
