//! Chord progression, bass line and accompaniment.

use super::{Part, Written, notes};
use crate::corpus::piece::Piece;
use crate::corpus::random::Random;

/// The bass plays from A1, 55 Hz, up: below it small speakers and chroma see nothing.
const BASS_FLOOR: u8 = 33;
/// Chords lie around middle C.
const CHORD_FLOOR: u8 = 52;

/// Root of each chord, as a degree of the scale. A chord lasts `chord_steps` of the style.
pub(super) fn chords(piece: &Piece, bars: usize, random: &mut Random) -> Vec<i32> {
    let style = piece.style();
    let count = bars * style.steps() / style.chord_steps;
    let mut chords = Vec::with_capacity(count);
    let mut progression = random.pick(piece.key.progressions());
    for i in 0..count {
        // Another progression each sixteen chords keeps a long piece from being one loop.
        if i > 0 && i % 16 == 0 {
            progression = random.pick(piece.key.progressions());
        }
        chords.push(progression[i % 4]);
    }
    if let Some(last) = chords.last_mut() {
        *last = 0;
    }
    chords
}

/// The root that is in force at a step of the piece.
pub(super) fn root_at(piece: &Piece, chords: &[i32], step: usize) -> i32 {
    chords.get(step / piece.style().chord_steps).copied().unwrap_or(0)
}

pub(super) fn bass(piece: &Piece, bar: usize, chords: &[i32], out: &mut Vec<Written>) {
    let style = piece.style();
    for (step, sign, steps) in notes(style.bass) {
        let step = bar * style.steps() + step;
        let root = root_at(piece, chords, step);
        let degree = match sign {
            b'3' => root + 2,
            b'5' => root + 4,
            b'8' => root + 7,
            _ => root,
        };
        let pitch = piece.key.pitch(degree, BASS_FLOOR);
        out.push(Written { part: Part::Bass, step, steps, pitch: Some(pitch), velocity: 0.9 });
    }
}

pub(super) fn bar(piece: &Piece, bar: usize, chords: &[i32], out: &mut Vec<Written>) {
    let style = piece.style();
    for (step, _, steps) in notes(style.chords) {
        let step = bar * style.steps() + step;
        let root = root_at(piece, chords, step);
        for tone in [0, 2, 4] {
            let pitch = Some(piece.key.pitch(root + tone, CHORD_FLOOR));
            out.push(Written { part: Part::Chords, step, steps, pitch, velocity: 0.7 });
        }
    }
}
