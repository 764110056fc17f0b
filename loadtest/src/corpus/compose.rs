//! From a piece to its notes. Composition knows bars and scales; it does not know what anything sounds like.

use super::piece::Piece;
use super::random::Random;

mod drums;
mod groove;
mod harmony;
mod melody;

/// Who plays a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Kick,
    Snare,
    ClosedHat,
    OpenHat,
    Bass,
    Chords,
    Lead,
}

/// A note with its place in time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    pub(crate) part: Part,
    /// Place on the grid of the beat, in sixteenths from the first beat: what is written.
    pub(crate) step: usize,
    /// When it is played, after swing and humanisation, in seconds from the start of the file.
    pub(crate) start: f64,
    /// How long it is held, in seconds.
    pub(crate) length: f64,
    /// `None` for drums.
    pub(crate) pitch: Option<u8>,
    /// 0 to 1.
    pub(crate) velocity: f64,
}

/// A note as written: no time but the grid.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    part: Part,
    step: usize,
    steps: usize,
    pitch: Option<u8>,
    velocity: f64,
}

/// All notes of a piece, in the order of their parts.
pub(crate) fn compose(piece: &Piece) -> Vec<Note> {
    let bars = bars(piece);
    let chords = harmony::chords(piece, bars, &mut Random::new(piece.seed, "harmony"));
    let mut written = Vec::new();
    for bar in 0..bars {
        drums::bar(piece, bar, &mut written);
        harmony::bass(piece, bar, &chords, &mut written);
        harmony::bar(piece, bar, &chords, &mut written);
    }
    melody::write(piece, bars, &chords, &mut Random::new(piece.seed, "melody"), &mut written);
    groove::play(piece, &written, &mut Random::new(piece.seed, "groove"))
}

/// Bars begun before the end of the piece.
fn bars(piece: &Piece) -> usize {
    let bar = piece.beat() * f64::from(piece.style().beats_per_bar);
    ((piece.seconds - piece.lead_in) / bar).ceil().max(1.0) as usize
}

/// The notes a pattern starts: the step in the bar, the sign, and the steps it is held.
fn notes(pattern: &str) -> impl Iterator<Item = (usize, u8, usize)> + '_ {
    let signs = pattern.as_bytes();
    signs.iter().enumerate().filter(|(_, sign)| !b".-".contains(sign)).map(|(step, sign)| {
        let held = signs[step + 1..].iter().take_while(|s| **s == b'-').count();
        (step, *sign, held + 1)
    })
}

#[cfg(test)]
mod tests;
