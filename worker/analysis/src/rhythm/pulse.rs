use super::trial::Trial;
use crate::beats;
use crate::beats::grid::{Grid, Instants};
use crate::beats::phase::{is_off_beat, on_the_beat};
use crate::onset::{Curves, Novelty};
use crate::tempo::candidates::candidates;
use crate::tempo::features::{Piece, density};
use crate::tempo::local::Local;
use crate::tempo::tempogram::{STRETCH_SECONDS, Tempogram};
use crate::tempo::{comb::comb, octave};
use report::TempoAbsence;

/// Less than this has too few beats.
const SHORTEST_SECONDS: f64 = 4.0;
/// The novelty peaks so long after the sound begins, measured on clicks and on instruments with a soft attack.
const LATENCY_SECONDS: f64 = 0.010;
/// A minute whose strongest comb is weaker than this has no pulse: noise, speech, rain, drones, random notes and chords out of
/// time reach 0.033 (58 pieces) to 0.04, the two weakest of 450 generated and real pieces 0.055 and 0.089.
const WEAKEST_COMB: f64 = 0.044;
/// Beats that stand out less from the novelty around them, in deviations, are none: music has 3 and more, the ripple of a
/// drone 1 to 2.
const WEAKEST_BEAT: f64 = 2.2;
/// Tracking of the next stretch begins so many beats before the end of the last, where that was still without knowledge of
/// what follows.
const OVERLAP: usize = 16;

/// A piece with a pulse.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub(crate) grid: Grid,
    pub(crate) confidence: f64,
    /// Tempi in BPM and their chances, the chosen one first.
    pub(crate) candidates: Vec<(f64, f64)>,
}

impl Pulse {
    pub(crate) fn find(novelty: &Novelty) -> Result<Self, TempoAbsence> {
        let rate = novelty.rate();
        if (novelty.len() as f64) < SHORTEST_SECONDS * rate {
            return Err(TempoAbsence::TooShort);
        }
        let tempogram = Tempogram::new(novelty);
        let (trials, local) = trials(novelty, &tempogram)?;
        let chances = octave::chances(&trials.iter().map(|it| it.features).collect::<Vec<_>>());
        let mut order: Vec<usize> = (0..trials.len()).collect();
        order.sort_by(|a, b| chances[*b].total_cmp(&chances[*a]));
        let chosen = &trials[order[0]];
        let grid = lay(novelty, &local, chosen).ok_or(TempoAbsence::NoPulse)?;
        let bpm = |at: &usize| if *at == order[0] { grid.bpm } else { 60.0 * rate / trials[*at].period };
        let candidates = order.iter().map(|at| (bpm(at), chances[*at])).collect();
        Ok(Self { candidates, confidence: chances[order[0]], grid })
    }
}

/// All candidates, tried on the middle of the piece.
fn trials(novelty: &Novelty, tempogram: &Tempogram) -> Result<(Vec<Trial>, Local), TempoAbsence> {
    let stretch = (STRETCH_SECONDS * novelty.rate()) as usize;
    let from = novelty.len().saturating_sub(stretch) / 2;
    let curves = Curves::new(novelty, from, from + stretch);
    let periods = candidates(tempogram);
    let Some(&base) = periods.first() else { return Err(absence(&curves, novelty.rate())) };
    let local = Local::new(tempogram, base);
    let strongest = periods.iter().map(|period| comb(&tempogram.mixed, *period)).fold(0.0, f64::max);
    let piece = Piece::new(&curves, novelty.rate(), novelty.means(), strongest);
    let trials: Vec<Trial> = periods
        .iter()
        .map(|period| Trial::new(tempogram, novelty, &curves, &local, piece, *period))
        .collect();
    // Chance periodicity falls with the square root of the number of windows.
    let seconds = novelty.len() as f64 / novelty.rate();
    let loudest = trials.iter().map(|it| it.strength(&curves)).fold(0.0, f64::max);
    if strongest < WEAKEST_COMB * (60.0 / seconds).sqrt().max(1.0) {
        return Err(TempoAbsence::NoPulse);
    }
    if loudest < WEAKEST_BEAT { Err(TempoAbsence::NoOnsets) } else { Ok((trials, local)) }
}

fn absence(curves: &Curves, rate: f64) -> TempoAbsence {
    if density(&curves.sum) / (curves.len() as f64 / rate) < 0.2 {
        TempoAbsence::NoOnsets
    } else {
        TempoAbsence::NoPulse
    }
}

/// Beats of the whole piece, stretch by stretch, so that memory is bounded.
fn lay(novelty: &Novelty, local: &Local, chosen: &Trial) -> Option<Grid> {
    let rate = novelty.rate();
    let stretch = (STRETCH_SECONDS * rate) as usize;
    let mut instants = Instants::new(rate, LATENCY_SECONDS);
    let mut at = 0;
    let mut start = None;
    loop {
        let curves = Curves::new(novelty, at, at + stretch);
        let last = at + stretch >= novelty.len();
        let beats = if last && at == 0 {
            chosen.beats.clone()
        } else {
            let course = |frame: usize| chosen.period * local.ratio(at + frame);
            let track = beats::track(&curves.sum, &course, start);
            if at == 0 { on_the_beat(&curves, track) } else { track }
        };
        if last {
            instants.add(&curves, &beats);
            let grid = instants.fit()?;
            return Some(if at == 0 { settle(grid, &curves, rate) } else { grid });
        }
        let certain = beats.len().checked_sub(OVERLAP)?;
        let next = beats[certain];
        instants.add(&curves, &beats[..certain]);
        if next == 0 {
            return None;
        }
        at += next;
        start = Some(0);
    }
}

/// A grid that was found under beats on both of its halves is moved to the half that has the kick.
fn settle(grid: Grid, curves: &Curves, rate: f64) -> Grid {
    let frame = |at: &f64| ((at + LATENCY_SECONDS) * rate).round() as usize;
    let frames: Vec<usize> = grid.beats.iter().map(frame).filter(|it| *it < curves.len()).collect();
    if !grid.slipped || !is_off_beat(curves, &frames) {
        return grid;
    }
    let half = 30.0 / grid.bpm;
    Grid { beats: grid.beats.iter().map(|it| it + half).collect(), ..grid }
}

/// Every candidate, with the beats that it would have.
#[cfg(feature = "fitting")]
pub(super) fn all(novelty: &Novelty) -> Vec<crate::fitting::Candidate> {
    let tempogram = Tempogram::new(novelty);
    let Ok((trials, local)) = trials(novelty, &tempogram) else { return Vec::new() };
    let candidate = |trial: &Trial| {
        let grid = lay(novelty, &local, trial);
        crate::fitting::Candidate {
            bpm: grid.as_ref().map_or(60.0 * novelty.rate() / trial.period, |it| it.bpm),
            features: trial.features.to_vec(),
            beats: grid.map_or_else(Vec::new, |it| it.beats),
        }
    };
    trials.iter().map(candidate).collect()
}
