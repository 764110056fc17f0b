//! Drums: the patterns of the genre, with a fill at the end of every eighth bar.

use super::{Part, Written, notes};
use crate::corpus::piece::Piece;

const SOFT: f64 = 0.55;

pub(super) fn bar(piece: &Piece, bar: usize, out: &mut Vec<Written>) {
    let style = piece.style();
    let fill = bar % 8 == 7;
    let steps = style.steps();
    let parts = [
        (Part::Kick, style.kick),
        (Part::Snare, style.snare),
        (Part::ClosedHat, style.closed_hat),
        (Part::OpenHat, style.open_hat),
    ];
    for (part, pattern) in parts {
        for (step, sign, _) in notes(pattern) {
            let velocity = if sign == b'x' { 1.0 } else { SOFT };
            out.push(Written { part, step: bar * steps + step, steps: 1, pitch: None, velocity });
        }
    }
    if fill {
        for step in steps - 3..steps {
            out.push(Written {
                part: Part::Snare,
                step: bar * steps + step,
                steps: 1,
                pitch: None,
                velocity: SOFT,
            });
        }
    }
}
