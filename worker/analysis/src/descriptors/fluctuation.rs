//! Detrended fluctuation analysis of the onset novelty (Peng et al. 1994; for music: Streich & Herrera 2005).
//!
//! The novelty, summed up from its start, is a walk. How far it strays from a straight line within τ seconds grows like τ^α:
//! α = ½ without any order, 1 and more with slow swells, and near 0 where whatever happens is soon repeated, since a
//! repeating walk strays no further in two periods than in one. Streich & Herrera take the loudness, and τ up to 10 s; the
//! novelty is steadier against mastering, and beyond some seconds the sections of a piece are seen instead of its rhythm (on
//! generated dance music, 0.65 beyond 2.5 s and 0.18 below).

use crate::onset::Novelty;

/// Spans, in seconds, the first and the last; each is a tenth longer than the one before.
const SHORTEST_SECONDS: f64 = 0.31;
const LONGEST_SECONDS: f64 = 2.5;
const STEP: f64 = 1.1;
/// What is looked at, in the middle of a piece: ten minutes take 2 MiB.
const MOST_SECONDS: f64 = 600.0;
/// Spans of the longest length that the walk must have.
const FEWEST_SPANS: usize = 2;
/// A walk that strays less than this over the shortest span stands still: the smallest step of the novelty is 4 × 10⁻⁴.
const LEAST: f64 = 1e-4;

/// The exponent. `None` for what is too short, or has no novelty.
pub(super) fn exponent(novelty: &Novelty) -> Option<f64> {
    let rate = novelty.rate();
    let most = (MOST_SECONDS * rate) as usize;
    let from = novelty.len().saturating_sub(most) / 2;
    let walk = walk(&novelty.sum(from, from + most));
    let lengths: Vec<usize> = std::iter::successors(Some(SHORTEST_SECONDS), |span| Some(span * STEP))
        .take_while(|span| *span <= LONGEST_SECONDS)
        .map(|span| (span * rate).round() as usize)
        .collect();
    let longest = *lengths.last()?;
    if lengths[0] < 3 || walk.len() < FEWEST_SPANS * longest {
        return None;
    }
    let strays: Vec<f64> = lengths.iter().map(|length| stray(&walk, *length)).collect();
    let points = || lengths.iter().zip(&strays).map(|(length, stray)| ((*length as f64).ln(), stray.ln()));
    strays.iter().all(|stray| *stray > LEAST).then(|| slope(points))
}

/// Sums of the distances from the mean.
fn walk(curve: &[f32]) -> Vec<f64> {
    let mean = curve.iter().map(|it| f64::from(*it)).sum::<f64>() / curve.len().max(1) as f64;
    let mut at = 0.0;
    let step = |value: &f32| {
        at += f64::from(*value) - mean;
        at
    };
    curve.iter().map(step).collect()
}

/// Root mean square distance of the walk from the straight lines through spans of this length, which overlap by half.
fn stray(walk: &[f64], length: usize) -> f64 {
    let middle = (length - 1) as f64 / 2.0;
    let spread = length as f64 * (length as f64 * length as f64 - 1.0) / 12.0;
    let (mut total, mut count) = (0.0, 0usize);
    for from in (0..=walk.len() - length).step_by((length / 2).max(1)) {
        let span = &walk[from..from + length];
        let (mut sum, mut squares, mut tilt) = (0.0, 0.0, 0.0);
        // From the first value on, so that nothing cancels far from the start.
        for (n, value) in span.iter().map(|it| it - span[0]).enumerate() {
            sum += value;
            squares += value * value;
            tilt += (n as f64 - middle) * value;
        }
        total += (squares - sum * sum / length as f64 - tilt * tilt / spread).max(0.0);
        count += length;
    }
    (total / count.max(1) as f64).sqrt()
}

/// Of the straight line through the points.
fn slope<I: Iterator<Item = (f64, f64)>>(points: impl Fn() -> I) -> f64 {
    let count = points().count() as f64;
    let (x, y) = points().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (tilt, spread) = points().fold((0.0, 0.0), |(tilt, spread), point| {
        (tilt + (point.0 - x) * (point.1 - y), spread + (point.0 - x).powi(2))
    });
    tilt / spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onset::{BANDS, PITCHES};
    use crate::signals;

    const RATE: f64 = 11_025.0 / 128.0;

    fn novelty(seconds: f64, flux: impl Fn(usize) -> f32) -> Novelty {
        let mut novelty = Novelty::new(RATE);
        (0..(seconds * RATE) as usize).for_each(|frame| novelty.push([flux(frame); BANDS], [0.0; PITCHES]));
        novelty
    }

    /// The slow twin: the line by the formula of the textbook, the distances one by one.
    fn stray_slowly(walk: &[f64], length: usize) -> f64 {
        let mut squares = Vec::new();
        let mut from = 0;
        while from + length <= walk.len() {
            let points: Vec<(f64, f64)> = (0..length).map(|n| (n as f64, walk[from + n])).collect();
            let n = length as f64;
            let mean = |value: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / n;
            let (x, y) = (mean(&|it| it.0), mean(&|it| it.1));
            let b = mean(&|it| (it.0 - x) * (it.1 - y)) / mean(&|it| (it.0 - x).powi(2));
            squares.extend(points.iter().map(|it| (it.1 - y - b * (it.0 - x)).powi(2)));
            from += length / 2;
        }
        (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
    }

    #[test]
    fn it_agrees_with_the_definition() {
        let walk = walk(&signals::noise(3000, 3));
        for length in [3, 10, 27, 200] {
            assert!((stray(&walk, length) - stray_slowly(&walk, length)).abs() < 1e-9, "{length}");
        }
    }

    #[test]
    fn noise_walks_at_random_and_a_beat_does_not() {
        let noise = signals::noise((120.0 * RATE) as usize, 5);
        let random = exponent(&novelty(120.0, |frame| 0.5 + 0.5 * noise[frame])).unwrap();
        assert!((random - 0.5).abs() < 0.06, "{random}");
        let beat = exponent(&novelty(60.0, |frame| if frame % 17 < 3 { 1.0 } else { 0.0 })).unwrap();
        assert!(beat < 0.1, "{beat}");
        let swell = exponent(&novelty(60.0, |frame| 1.0 + (frame as f32 / 400.0).sin())).unwrap();
        assert!(swell > 1.0, "{swell}");
    }

    #[test]
    fn nothing_has_no_exponent() {
        assert_eq!(exponent(&novelty(60.0, |_| 0.0)), None);
        assert_eq!(exponent(&novelty(60.0, |_| 0.3)), None);
        assert_eq!(exponent(&novelty(4.0, |frame| if frame % 17 < 3 { 1.0 } else { 0.0 })), None);
        assert_eq!(exponent(&Novelty::new(RATE)), None);
    }
}
