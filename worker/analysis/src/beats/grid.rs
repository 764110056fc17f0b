//! From frames to seconds: beats finer than a frame, and a straight grid where the piece has one.

use super::slips;
use crate::onset::Curves;

/// Beats on each side that a beat is fitted with.
const NEIGHBOURS: usize = 6;
/// A piece that stays so close to a straight grid (root mean square) was made with one.
const STRAIGHT_SECONDS: f64 = 0.015;
/// No stretch of it may leave the grid by more than this, however small the mean is.
const STRAY_SECONDS: f64 = 0.035;
/// Beats that a grid needs.
const ENOUGH: usize = 8;

/// Beats with a fitted tempo.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    /// Seconds, rising.
    pub(crate) beats: Vec<f64>,
    /// Beats per minute: of the grid, or the median of the piece.
    pub(crate) bpm: f64,
    /// Whether all beats are on one straight grid.
    pub(crate) straight: bool,
    /// Whether the beats found were on both halves of that grid, so that it may be half a beat late.
    pub(crate) slipped: bool,
}

/// Beats as they are found, finer than a frame.
#[derive(Debug)]
pub(crate) struct Instants {
    rate: f64,
    latency: f64,
    seconds: Vec<f64>,
    weights: Vec<f64>,
}

impl Instants {
    /// `latency`: how long after a sound begins the novelty peaks, in seconds.
    pub(crate) fn new(rate: f64, latency: f64) -> Self {
        Self { rate, latency, seconds: Vec::new(), weights: Vec::new() }
    }

    /// Takes the next beats, in frames of the curves.
    pub(crate) fn add(&mut self, curves: &Curves, beats: &[usize]) {
        for beat in beats {
            let frame = curves.from as f64 + peak(&curves.sum, *beat);
            self.seconds.push(frame / self.rate - self.latency);
            self.weights.push(0.1 + f64::from(curves.sum[*beat]).min(4.0));
        }
    }

    /// Smooths the beats, and lays a straight grid where that is true to them.
    pub(crate) fn fit(&self) -> Option<Grid> {
        let (raw, weights) = (&self.seconds, &self.weights);
        if raw.len() < 3 {
            return None;
        }
        let smooth: Vec<f64> = (0..raw.len()).map(|at| smoothed(raw, weights, at)).collect();
        self.straight(&smooth).or_else(|| self.slipping()).or_else(|| {
            let mut steps: Vec<f64> = smooth.windows(2).map(|pair| pair[1] - pair[0]).collect();
            steps.sort_by(f64::total_cmp);
            let middle = steps[steps.len() / 2];
            let bpm = 60.0 / middle;
            (middle > 0.0).then(|| Grid { beats: rising(smooth), bpm, straight: false, slipped: false })
        })
    }

    fn straight(&self, smooth: &[f64]) -> Option<Grid> {
        let (start, step) = line(&self.seconds, &self.weights, 0, smooth.len());
        let grid: Vec<f64> = (0..smooth.len()).map(|at| start + step * at as f64).collect();
        let distances = || smooth.iter().zip(&grid).map(|(a, b)| a - b);
        let stray = distances().map(f64::abs).fold(0.0, f64::max);
        let close = rms(distances()) < STRAIGHT_SECONDS && stray < STRAY_SECONDS;
        let fits = smooth.len() >= ENOUGH && close && step > 0.0;
        fits.then(|| Grid { beats: rising(grid), bpm: 60.0 / step, straight: true, slipped: false })
    }

    /// The straight grid that the beats keep but for slips by half a beat.
    fn slipping(&self) -> Option<Grid> {
        let (step, phase) = slips::straight(&self.seconds, &self.weights)?;
        let (first, last) = (self.seconds.first()?, self.seconds.last()?);
        // A beat that slipped is a quarter of a step from neither.
        let (from, to) = (((first - phase) / step - 0.25).ceil(), ((last - phase) / step + 0.25).floor());
        let count = (to - from).max(0.0) as usize;
        let beats = (0..=count).map(|at| phase + step * (from + at as f64)).collect();
        Some(Grid { beats: rising(beats), bpm: 60.0 / step, straight: true, slipped: true })
    }
}

/// Without beats before the start, and none twice.
fn rising(beats: Vec<f64>) -> Vec<f64> {
    let mut last = f64::NEG_INFINITY;
    let mut keep = |beat: &f64| {
        let rises = *beat >= 0.0 && *beat > last;
        if rises {
            last = *beat;
        }
        rises
    };
    beats.into_iter().filter(|beat| keep(beat)).collect()
}

/// Top of the parabola around the highest frame near the beat.
fn peak(curve: &[f32], frame: usize) -> f64 {
    let top = (frame.saturating_sub(2)..(frame + 3).min(curve.len()))
        .max_by(|a, b| curve[*a].total_cmp(&curve[*b]).then(frame.abs_diff(*b).cmp(&frame.abs_diff(*a))))
        .unwrap_or(frame);
    let value = |at: Option<usize>| at.and_then(|at| curve.get(at)).map_or(0.0, |it| f64::from(*it));
    let (a, b, c) = (value(top.checked_sub(1)), value(Some(top)), value(Some(top + 1)));
    let bend = a - 2.0 * b + c;
    top as f64 + if bend < 0.0 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 }
}

/// The beat as the straight line through its neighbours has it.
fn smoothed(raw: &[f64], weights: &[f64], at: usize) -> f64 {
    let (from, to) = (at.saturating_sub(NEIGHBOURS), (at + NEIGHBOURS + 1).min(raw.len()));
    let (start, step) = line(raw, weights, from, to);
    start + step * at as f64
}

/// Weighted regression over the beats `from..to`: time at index 0, and time from beat to beat.
fn line(raw: &[f64], weights: &[f64], from: usize, to: usize) -> (f64, f64) {
    let total: f64 = weights[from..to].iter().sum();
    let mean =
        |value: &dyn Fn(usize) -> f64| (from..to).map(|at| weights[at] * value(at)).sum::<f64>() / total;
    let (x, y) = (mean(&|at| at as f64), mean(&|at| raw[at]));
    let spread = mean(&|at| (at as f64 - x).powi(2));
    let step = if spread > 0.0 { mean(&|at| (at as f64 - x) * (raw[at] - y)) / spread } else { 0.0 };
    (y - step * x, step)
}

fn rms(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), it| (sum + it * it, count + 1));
    (sum / count.max(1) as f64).sqrt()
}
