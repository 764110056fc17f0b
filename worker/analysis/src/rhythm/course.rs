use crate::beats::grid::Grid;
use report::TempoSegment;

/// Beats over which the local tempo is taken.
const SPAN: usize = 8;
/// A tempo so far from that of the stretch so far, and for so many beats, begins a new stretch. Drift of ±3 % does not.
const CHANGE: f64 = 0.05;
const LASTING: usize = 8;
/// Relative deviation of the local tempo at which the stability is zero.
const UNSTEADY: f64 = 0.05;

/// How the tempo goes on.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) stability: f64,
    pub(crate) segments: Vec<TempoSegment>,
    pub(crate) start_bpm: f64,
    pub(crate) end_bpm: f64,
}

impl Course {
    pub(crate) fn new(grid: &Grid) -> Self {
        let local = local(&grid.beats);
        if grid.straight || local.is_empty() {
            let segments = vec![segment(&grid.beats, 0, grid.beats.len().saturating_sub(1))];
            return Self { stability: 1.0, segments, start_bpm: grid.bpm, end_bpm: grid.bpm };
        }
        let mean = local.iter().sum::<f64>() / local.len() as f64;
        let variance = local.iter().map(|it| (it / mean - 1.0).powi(2)).sum::<f64>() / local.len() as f64;
        let mut edges = vec![0];
        edges.extend(changes(&local));
        edges.push(grid.beats.len() - 1);
        Self {
            stability: (1.0 - variance.sqrt() / UNSTEADY).clamp(0.0, 1.0),
            segments: edges.windows(2).map(|pair| segment(&grid.beats, pair[0], pair[1])).collect(),
            start_bpm: local[0],
            end_bpm: local[local.len() - 1],
        }
    }
}

/// Beats per minute around the middle of each run of [`SPAN`] intervals.
fn local(beats: &[f64]) -> Vec<f64> {
    beats
        .windows(SPAN + 1)
        .map(|run| 60.0 * SPAN as f64 / (run[SPAN] - run[0]))
        .filter(|bpm| bpm.is_finite())
        .collect()
}

/// Beats at which another tempo begins.
fn changes(local: &[f64]) -> Vec<usize> {
    let mut changes = Vec::new();
    let (mut from, mut sum) = (0, 0.0);
    for at in 0..local.len() {
        let mean = if at > from { sum / (at - from) as f64 } else { local[at] };
        let rest = &local[at..(at + LASTING).min(local.len())];
        let away = |bpm: &f64| (bpm / mean - 1.0).abs() > CHANGE && (bpm > &mean) == (local[at] > mean);
        if rest.len() == LASTING && rest.iter().all(away) {
            // Each value looks half a span to both sides, so the change is in the middle of it.
            changes.push(at + SPAN / 2);
            (from, sum) = (at + LASTING, 0.0);
        }
        if at >= from {
            sum += local[at];
        }
    }
    changes
}

fn segment(beats: &[f64], from: usize, to: usize) -> TempoSegment {
    let (start, end) = (beats[from], beats[to]);
    let bpm = if end > start { 60.0 * (to - from) as f64 / (end - start) } else { 0.0 };
    TempoSegment { start_seconds: start, end_seconds: end, bpm }
}
