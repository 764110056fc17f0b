/// The slowest and the fastest beat that is looked for, in BPM.
pub(crate) const SLOWEST: f64 = 40.0;
pub(crate) const FASTEST: f64 = 250.0;
/// Step of the search, a ratio.
const STEP: f64 = 1.005;
/// Multiples of the period that the comb adds up, and how fast their weight falls.
const TEETH: usize = 4;
const FALL: f64 = 0.5;
/// Multiples for the refinement, one after the other: each is sharp enough to start the next.
const REFINEMENTS: [usize; 4] = [2, 4, 8, 16];

/// Value of a correlation between two lags; 0 beyond its end.
pub(crate) fn at(correlation: &[f32], lag: f64) -> f64 {
    let below = lag.max(0.0) as usize;
    let value = |index: usize| correlation.get(index).map_or(0.0, |it| f64::from(*it));
    let part = lag.max(0.0) - below as f64;
    value(below) * (1.0 - part) + value(below + 1) * part
}

/// Weighted mean of the correlation at the multiples of a period (in frames) that it reaches.
pub(crate) fn comb(correlation: &[f32], period: f64) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for tooth in 1..=TEETH {
        let lag = period * tooth as f64;
        if lag + 1.0 < correlation.len() as f64 {
            let weight = (tooth as f64).powf(-FALL);
            sum += weight * at(correlation, lag);
            weights += weight;
        }
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// Local maxima of the comb over all tempi: periods in frames and their values, the highest value first.
pub(crate) fn peaks(correlation: &[f32], rate: f64) -> Vec<(f64, f64)> {
    let steps = ((FASTEST / SLOWEST).ln() / STEP.ln()).ceil() as usize;
    let period = |step: usize| 60.0 * rate / (SLOWEST * STEP.powi(step as i32));
    let values: Vec<f64> = (0..=steps).map(|step| comb(correlation, period(step))).collect();
    let mut peaks: Vec<(f64, f64)> = (1..steps)
        .filter(|&step| {
            values[step] > values[step - 1] && values[step] >= values[step + 1] && values[step] > 0.0
        })
        .map(|step| (period(step), values[step]))
        .collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1));
    peaks
}

/// The period near the given one at which the correlation is highest at all multiples.
pub(crate) fn refine(correlation: &[f32], period: f64) -> f64 {
    let mut best = period;
    let mut reach = 0.02;
    for teeth in REFINEMENTS {
        let longest = (correlation.len().saturating_sub(2) as f64 / (best * (1.0 + reach))) as usize;
        if longest == 0 {
            break;
        }
        let teeth = teeth.min(longest);
        let score = |period: f64| -> f64 { (1..=teeth).map(|k| at(correlation, period * k as f64)).sum() };
        let trial = |step: i32| best * (1.0 + reach * f64::from(step) / 10.0);
        let step = (-10..=10).max_by(|a, b| score(trial(*a)).total_cmp(&score(trial(*b)))).unwrap_or(0);
        best = vertex(trial(step), reach / 10.0, &score);
        reach = 0.25 / teeth as f64 / best.max(1.0) * 2.0;
    }
    best
}

/// Top of the parabola through a point and its neighbours.
fn vertex(middle: f64, step: f64, score: &dyn Fn(f64) -> f64) -> f64 {
    let (left, right) = (middle * (1.0 - step), middle * (1.0 + step));
    let (a, b, c) = (score(left), score(middle), score(right));
    let bend = a - 2.0 * b + c;
    if bend >= 0.0 { middle } else { middle * (1.0 + step * (0.5 * (a - c) / bend).clamp(-1.0, 1.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each tooth by itself: every sample of the correlation counts by how near it is, if it is nearer than one.
    fn slow(correlation: &[f32], period: f64) -> f64 {
        let reached = (1..=4).filter(|tooth| period * f64::from(*tooth) < correlation.len() as f64 - 1.0);
        let teeth: Vec<(f64, f64)> = reached
            .map(|tooth| {
                let lag = period * f64::from(tooth);
                let near = |(n, it): (usize, &f32)| f64::from(*it) * (1.0 - (n as f64 - lag).abs()).max(0.0);
                (1.0 / f64::from(tooth).sqrt(), correlation.iter().enumerate().map(near).sum())
            })
            .collect();
        let weights: f64 = teeth.iter().map(|it| it.0).sum();
        if teeth.is_empty() { 0.0 } else { teeth.iter().map(|it| it.0 * it.1).sum::<f64>() / weights }
    }

    proptest! {
        #[test]
        fn the_comb_is_the_mean_of_its_teeth(
            correlation in prop::collection::vec(-1f32..1.0, 2..80),
            period in 1.0f64..90.0,
        ) {
            prop_assert!((comb(&correlation, period) - slow(&correlation, period)).abs() < 1e-6);
        }

        #[test]
        fn the_period_of_a_wave_is_found_within_a_quarter_of_a_percent(period in 22.0f64..90.0, off in -0.015f64..0.015) {
            let wave = |lag: usize| (std::f64::consts::TAU * lag as f64 / period).cos() as f32;
            let correlation: Vec<f32> = (0..540).map(wave).collect();
            let refined = refine(&correlation, period * (1.0 + off));
            prop_assert!((refined / period - 1.0).abs() < 0.0025, "{} for {}", refined, period);
        }
    }
}
