//! Where the key changes.
//!
//! The likeliest path of keys through windows of some bars, found by Viterbi's algorithm with a price on every change. A
//! path is a proposal only: each of its stretches must then stand on its own as a whole piece would, or there is no change.

use super::evidence;
use super::profiles::{self, ALBRECHT_SHANAHAN};
use super::{KEYS, decision};
use crate::chroma::{CLASSES, Harmony};

/// A stretch in one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    /// In seconds.
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) key: usize,
    /// Chance that the key is right, 0 to 1.
    pub(super) chance: f64,
}

/// Resolution of the path in seconds: about a bar.
const CELL_SECONDS: f64 = 2.0;
/// Cells on either side that a cell is judged with: 14 s in all, several chords.
const REACH: usize = 3;
/// How sharply a window speaks for a key: chances are the softmax of its correlations times this.
const SHARPNESS: f64 = 16.0;
/// Price of a change, as the logarithm of a chance.
const PRICE: f64 = 5.0;
/// Shorter excursions are harmony, not modulation.
const MIN_SECONDS: f64 = 16.0;
/// A stretch must reach this chance in the decision for whole pieces.
const MIN_CHANCE: f64 = 0.8;

/// The stretches, at least two; none if the piece stays in one key or nothing credible can be said.
pub(super) fn segments(harmony: &Harmony) -> Vec<Segment> {
    let per_cell = ((CELL_SECONDS / harmony.slice_seconds).round() as usize).max(1);
    let cells: Vec<[f64; CLASSES]> = harmony
        .slices
        .chunks(per_cell)
        .map(|slices| {
            evidence::sum(slices.iter().map(|slice| evidence::sum([slice.plain, slice.clean].into_iter())))
        })
        .collect();
    let path = path(&windows(&cells));
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (cell, key) in path.iter().enumerate() {
        match runs.last_mut() {
            Some((last, end)) if *last == *key => *end = cell + 1,
            _ => runs.push((*key, cell + 1)),
        }
    }
    if runs.len() < 2 {
        return Vec::new();
    }
    let ends: Vec<usize> = runs.iter().map(|(_, end)| (end * per_cell).min(harmony.slices.len())).collect();
    judge(harmony, &ends)
}

/// Logarithm of the chance of each key around each cell, for a cell's share of its window: windows overlap, and what they
/// have in common must not count twice.
fn windows(cells: &[[f64; CLASSES]]) -> Vec<[f64; KEYS]> {
    (0..cells.len())
        .map(|cell| {
            let window = &cells[cell.saturating_sub(REACH)..(cell + REACH + 1).min(cells.len())];
            let fit = profiles::correlate(&ALBRECHT_SHANAHAN, &evidence::sum(window.iter().copied()));
            let chances = evidence::softmax(&fit.map(|it| it * SHARPNESS));
            chances.map(|chance| chance.max(f64::MIN_POSITIVE).ln() / window.len() as f64)
        })
        .collect()
}

/// The likeliest key of each cell, a change costing [`PRICE`].
fn path(windows: &[[f64; KEYS]]) -> Vec<usize> {
    let mut scores = [0.0; KEYS];
    let mut origins: Vec<[u8; KEYS]> = Vec::with_capacity(windows.len());
    for window in windows {
        let best = best(&scores);
        let mut origin = [best as u8; KEYS];
        let changed = scores[best] - PRICE;
        for key in 0..KEYS {
            if scores[key] >= changed {
                origin[key] = key as u8;
            }
            scores[key] = scores[key].max(changed) + window[key];
        }
        origins.push(origin);
    }
    let mut key = best(&scores);
    let mut path = vec![0; windows.len()];
    for (cell, origin) in origins.iter().enumerate().rev() {
        path[cell] = key;
        key = usize::from(origin[key]);
    }
    path
}

/// The first of the highest.
fn best(scores: &[f64; KEYS]) -> usize {
    (1..KEYS).fold(0, |best, key| if scores[key] > scores[best] { key } else { best })
}

/// Each stretch up to its end (in slices) judged alone; none if one of them is short, doubtful or like its neighbour.
fn judge(harmony: &Harmony, ends: &[usize]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::with_capacity(ends.len());
    let mut from = 0;
    for &end in ends {
        let part = Harmony { slices: harmony.slices[from..end].to_vec(), ..harmony.clone() };
        let chances = decision::whole(&part);
        let key = best(&chances);
        let seconds = |slice: usize| slice as f64 * harmony.slice_seconds;
        let segment = Segment { start: seconds(from), end: seconds(end), key, chance: chances[key] };
        let alike = segments.last().is_some_and(|last| scale(last.key) == scale(key));
        if segment.end - segment.start < MIN_SECONDS || segment.chance < MIN_CHANCE || alike {
            return Vec::new();
        }
        segments.push(segment);
        from = end;
    }
    segments
}

/// Tonic of the major key with the same notes: to go to the relative key is no modulation that an ear agrees on.
fn scale(key: usize) -> usize {
    if key < CLASSES { key } else { (key + 3) % CLASSES }
}
