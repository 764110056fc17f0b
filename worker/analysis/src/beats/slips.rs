//! A straight grid under beats that slip by half a beat and back, as they do where drums pause.

/// Half beats agree so well with a grid (length of the mean vector) where they are on it at all.
const AGREEMENT: f64 = 0.9;
/// Deviation, in seconds, of the half beats of a piece that was made with a straight grid; a drift of 0.2 % from beat to beat has more.
const STRAIGHT_SECONDS: f64 = 0.015;
/// Beats that it takes.
const ENOUGH: usize = 16;
/// The period is looked for within this of the median step, over so many beats first, and in so many steps to either side.
const REACH: f64 = 0.01;
const FIRST: usize = 24;
const STEPS: i32 = 16;

/// Period and time of one beat, in seconds, of the straight grid whose halves all beats are on; the beat is where most of them are.
/// `None` if there is no such grid.
pub(super) fn straight(beats: &[f64], weights: &[f64]) -> Option<(f64, f64)> {
    let mut steps: Vec<f64> = beats.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_by(f64::total_cmp);
    let mut period = steps.get(steps.len() / 2).copied().filter(|it| *it > 0.0)?;
    if beats.len() < ENOUGH {
        return None;
    }
    let (mut reach, mut many) = (REACH, FIRST.min(beats.len()));
    while many < beats.len() {
        period = best(&beats[..many], weights, period, reach)?;
        // Further off than this, the last of these beats would be on the next half.
        reach = 0.5 / many as f64;
        many = (2 * many).min(beats.len());
    }
    for reach in [reach, reach / f64::from(STEPS)] {
        period = best(beats, weights, period, reach)?;
    }
    let half = 0.5 * period;
    let (agreement, phase) = agree(beats, weights, half);
    let deviation = (-2.0 * agreement.ln()).sqrt() / std::f64::consts::TAU * half;
    if agreement < AGREEMENT || deviation > STRAIGHT_SECONDS {
        return None;
    }
    let odd = |at: f64| (((at - phase) / half).round() as i64).rem_euclid(2) == 1;
    let between: f64 = beats.iter().zip(weights).filter(|it| odd(*it.0)).map(|it| it.1).sum();
    let all: f64 = weights.iter().sum();
    Some((period, if 2.0 * between > all { phase + half } else { phase }))
}

/// The period within this share of the given one whose halves the times agree on best.
fn best(times: &[f64], weights: &[f64], period: f64, reach: f64) -> Option<f64> {
    let trials = (-STEPS..=STEPS).map(|step| period * (1.0 + reach * f64::from(step) / f64::from(STEPS)));
    let agreement = |period: &f64| agree(times, weights, 0.5 * period).0;
    trials.max_by(|a, b| agreement(a).total_cmp(&agreement(b)))
}

/// How far the times agree on their place in a period, 0 to 1, and that place in seconds: the circular mean.
fn agree(times: &[f64], weights: &[f64], period: f64) -> (f64, f64) {
    let (mut real, mut imaginary, mut total) = (0.0, 0.0, 0.0);
    for (at, weight) in times.iter().zip(weights) {
        let angle = std::f64::consts::TAU * at / period;
        real += weight * angle.cos();
        imaginary += weight * angle.sin();
        total += weight;
    }
    (real.hypot(imaginary) / total, imaginary.atan2(real) / std::f64::consts::TAU * period)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    /// Beats of a grid, `late` of which in the middle are half a beat late.
    fn slipping(period: f64, count: usize, late: usize, jitter: f64) -> Vec<f64> {
        let noise = signals::noise(count, 5);
        let slip = |n: usize| if (count / 3..count / 3 + late).contains(&n) { 0.5 * period } else { 0.0 };
        (0..count).map(|n| 0.3 + period * n as f64 + slip(n) + jitter * f64::from(noise[n])).collect()
    }

    #[test]
    fn a_slip_does_not_hide_the_grid() {
        for (period, count, late) in [(0.5, 100, 30), (0.681, 60, 20), (0.36, 1500, 300)] {
            let beats = slipping(period, count, late, 0.008);
            let (found, phase) = straight(&beats, &vec![1.0; count]).unwrap();
            assert!((found / period - 1.0).abs() * (count as f64) < 0.01, "{found} for {period}");
            let off = ((phase - 0.3) / period).rem_euclid(1.0);
            assert!(off.min(1.0 - off) * period < 0.01, "{phase}");
        }
    }

    #[test]
    fn what_drifts_or_wavers_has_none() {
        let mut at = 0.0;
        let drifting: Vec<f64> = (0..100)
            .map(|n| {
                at += 0.5 / (1.0 + 0.03 * (f64::from(n) / 16.0).sin());
                at
            })
            .collect();
        assert_eq!(straight(&drifting, &[1.0; 100]), None);
        assert_eq!(straight(&slipping(0.5, 100, 0, 0.05), &[1.0; 100]), None);
        assert_eq!(straight(&slipping(0.5, 10, 0, 0.0), &[1.0; 10]), None);
        assert_eq!(straight(&[1.0; 30], &[1.0; 30]), None);
        assert_eq!(straight(&[], &[]), None);
    }
}
