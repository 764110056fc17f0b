//! From the grid to time: swing, humanisation, accents.

use super::{Note, Written};
use crate::corpus::piece::Piece;
use crate::corpus::random::Random;
use crate::corpus::style::SwingUnit;

pub(super) fn play(piece: &Piece, written: &[Written], random: &mut Random) -> Vec<Note> {
    written
        .iter()
        .map(|note| perform(piece, note, random))
        .filter(|note| note.start < piece.seconds)
        .collect()
}

fn perform(piece: &Piece, note: &Written, random: &mut Random) -> Note {
    let start = piece.lead_in + swung_beats(piece, note.step) * piece.beat();
    let end = piece.lead_in + swung_beats(piece, note.step + note.steps) * piece.beat();
    let early_or_late = random.noise() * piece.humanise;
    // A player whose timing wanders does not hit evenly either; 30 ms is as loose as it gets.
    let force = 1.0 - 0.3 * random.unit() * (piece.humanise / 0.03).min(1.0);
    Note {
        part: note.part,
        step: note.step,
        start: (start + early_or_late).max(0.0),
        length: (end - start) * 0.92,
        pitch: note.pitch,
        velocity: note.velocity * force,
    }
}

/// Where a sixteenth falls, in beats: of each pair the first note takes the share `swing`. Beats stay where they are.
fn swung_beats(piece: &Piece, step: usize) -> f64 {
    let steps_per_pair = match piece.style().swing_unit {
        SwingUnit::Eighths => 4,
        SwingUnit::Sixteenths => 2,
    };
    let pair = (step / steps_per_pair) as f64;
    let within = (step % steps_per_pair) as f64 / steps_per_pair as f64;
    let warped = if within < 0.5 {
        within * 2.0 * piece.swing
    } else {
        piece.swing + (within - 0.5) * 2.0 * (1.0 - piece.swing)
    };
    (pair + warped) * steps_per_pair as f64 / 4.0
}
