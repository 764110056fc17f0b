//! Beats: the path through the novelty that keeps the local period.
//!
//! Dynamic programming after Ellis ("Beat tracking by dynamic programming", JNMR 2007), with a period that may change in the
//! course of the piece, since the plain form loses pieces that drift.

pub(crate) mod bars;
pub(crate) mod grid;
pub(crate) mod phase;
mod slips;
#[cfg(test)]
mod tests;

/// How dear it is to leave the period, against a novelty of unit deviation.
const TIGHTNESS: f32 = 120.0;
/// Intervals considered, as parts of the local period.
const SHORTEST: f64 = 0.80;
const LONGEST: f64 = 1.25;

/// Frames of the beats in a curve, given the local period in frames at any frame. With `start`, the first beat is there.
pub(crate) fn track(curve: &[f32], period: &dyn Fn(usize) -> f64, start: Option<usize>) -> Vec<usize> {
    let frames = curve.len();
    let mut scores = vec![0f32; frames];
    let mut back = vec![0u16; frames];
    let mut penalties: Vec<f32> = Vec::new();
    let mut current = 0.0;
    let mut range = (1, 1);
    let first = start.unwrap_or(0);
    for frame in first..frames {
        let local = period(frame).max(2.0);
        if (local - current).abs() > 0.02 {
            current = local;
            range = (((local * SHORTEST) as usize).max(1), (local * LONGEST).ceil() as usize);
            penalties.clear();
            penalties.extend(
                (range.0..=range.1).map(|lag| TIGHTNESS * ((lag as f64 / local).ln().powi(2)) as f32),
            );
        }
        let mut best = if start.is_some() && frame != first { f32::NEG_INFINITY } else { 0.0 };
        let mut lag_best = 0;
        for (lag, penalty) in (range.0..=range.1).zip(&penalties) {
            if frame < first + lag {
                break;
            }
            let score = scores[frame - lag] - penalty;
            if score > best {
                best = score;
                lag_best = lag;
            }
        }
        scores[frame] = curve[frame] + best;
        back[frame] = lag_best.min(usize::from(u16::MAX)) as u16;
    }
    let tail = frames.saturating_sub(period(frames.saturating_sub(1)).ceil() as usize).max(first);
    let Some(mut at) = (tail..frames).max_by(|a, b| scores[*a].total_cmp(&scores[*b])) else {
        return Vec::new();
    };
    let mut beats = vec![at];
    while back[at] > 0 {
        at -= usize::from(back[at]);
        beats.push(at);
    }
    beats.reverse();
    beats
}
