//! The melody: a walk on the scale that meets a tone of the chord on every strong beat.

use super::harmony::root_at;
use super::{Part, Written, notes};
use crate::corpus::piece::Piece;
use crate::corpus::random::Random;

/// The lowest tonic of the melody is the first at or above F4.
const FLOOR: u8 = 65;
/// Steps of the walk. Seconds and thirds are what is sung most.
const INTERVALS: [i32; 8] = [-2, -1, -1, 1, 1, 2, -3, 3];
/// Lowest and highest degree.
const RANGE: (i32, i32) = (-2, 9);

pub(super) fn write(piece: &Piece, bars: usize, chords: &[i32], random: &mut Random, out: &mut Vec<Written>) {
    let style = piece.style();
    let mut degree = 0;
    let mut rhythm: &str = style.lead[0];
    for bar in 0..bars {
        if bar % 2 == 0 {
            rhythm = *random.pick(style.lead);
        }
        // Every eighth bar breathes.
        if bar % 8 == 7 {
            continue;
        }
        for (step, _, steps) in notes(rhythm) {
            let place = bar * style.steps() + step;
            let root = root_at(piece, chords, place);
            degree = next_degree(degree, root, step % 8 == 0, random);
            let pitch = Some(piece.key.pitch(degree, FLOOR));
            let velocity = if step % 4 == 0 { 0.9 } else { 0.75 };
            out.push(Written { part: Part::Lead, step: place, steps, pitch, velocity });
        }
    }
}

fn next_degree(from: i32, root: i32, strong: bool, random: &mut Random) -> i32 {
    let mut degree = from + random.pick(&INTERVALS);
    if degree < RANGE.0 {
        degree = from + 2;
    } else if degree > RANGE.1 {
        degree = from - 2;
    }
    if strong {
        while ![0, 2, 4].contains(&(degree - root).rem_euclid(7)) {
            degree -= 1;
        }
    }
    degree
}
