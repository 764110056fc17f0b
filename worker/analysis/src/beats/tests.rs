use super::*;
use proptest::prelude::*;

/// What it costs that a beat comes `lag` frames after the last.
fn penalty(lag: usize, period: f64) -> f32 {
    TIGHTNESS * ((lag as f64 / period).ln().powi(2)) as f32
}

/// Score of the best of all sequences of beats that end at `end`, by trying each.
fn exhaustive(curve: &[f32], end: usize, period: f64, start: Option<usize>) -> f32 {
    let lags = ((period * SHORTEST) as usize).max(1)..=(period * LONGEST).ceil() as usize;
    let alone = if start.is_none_or(|it| it == end) { 0.0 } else { f32::NEG_INFINITY };
    let earlier = lags.filter(|lag| start.unwrap_or(0) + lag <= end);
    let before = earlier
        .map(|lag| exhaustive(curve, end - lag, period, start) - penalty(lag, period))
        .fold(alone, f32::max);
    curve[end] + before
}

fn score(curve: &[f32], beats: &[usize], period: f64) -> f32 {
    let onsets: f32 = beats.iter().map(|it| curve[*it]).sum();
    onsets - beats.windows(2).map(|pair| penalty(pair[1] - pair[0], period)).sum::<f32>()
}

proptest! {
    #[test]
    fn no_sequence_of_beats_is_better(
        curve in prop::collection::vec(0f32..8.0, 14..28),
        period in 4.0f64..6.0,
        from_start in any::<bool>(),
    ) {
        let start = from_start.then_some(0);
        let beats = track(&curve, &|_| period, start);
        let tail = curve.len() - period.ceil() as usize..curve.len();
        let best = tail.clone().map(|end| exhaustive(&curve, end, period, start)).fold(f32::MIN, f32::max);
        prop_assert!((score(&curve, &beats, period) - best).abs() < 1e-3, "{beats:?}");
        prop_assert!(beats.last().is_some_and(|it| tail.contains(it)));
        prop_assert!(!from_start || beats[0] == 0);
    }
}
