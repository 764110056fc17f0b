//! How far a figure of a single run might be off, estimated from the run itself.

use crate::measure::Phase;

/// Neighbouring seconds are alike (a queue that is long stays so for a while), so that single ones would promise more
/// certainty than there is. Means of stretches this many in number are nearly independent of each other.
const STRETCHES: usize = 10;

/// Seconds in a stretch at least; a shorter time line says nothing.
const SHORTEST: usize = 2;

/// Standard errors that 95 of 100 means stay within, with [`STRETCHES`] of them (Student's t, 9 degrees of freedom).
const STANDARD_ERRORS: f64 = 2.26;

/// By which part of itself the mean of these values may be off; `None` where they are too few to say.
pub(super) fn relative(values: &[f64]) -> Option<f64> {
    let length = values.len() / STRETCHES;
    if length < SHORTEST {
        return None;
    }
    // A rest that does not fill a stretch is left out: it is shorter, and so noisier.
    let stretches = values.chunks_exact(length).take(STRETCHES);
    let means: Vec<f64> = stretches.map(mean).collect();
    let whole = mean(&means);
    if !whole.is_finite() || whole <= 0.0 {
        return None;
    }
    let squares: f64 = means.iter().map(|value| (value - whole).powi(2)).sum();
    let deviation = (squares / (means.len() - 1) as f64).sqrt();
    Some(STANDARD_ERRORS * deviation / (means.len() as f64).sqrt() / whole)
}

/// Ends per second, second by second.
pub(super) fn rates(phase: &Phase) -> Vec<f64> {
    let mut before = phase.began_seconds;
    let rate = |moment: &crate::measure::Moment| {
        let seconds = moment.at_seconds - before;
        before = moment.at_seconds;
        (seconds > 0.0).then(|| moment.ended as f64 / seconds)
    };
    phase.timeline.iter().filter_map(rate).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn unrest_counts_and_a_short_time_line_says_nothing() {
        let calm: Vec<f64> = (0..60).map(|second| 100.0 + f64::from(second % 2)).collect();
        let wild: Vec<f64> = (0..60).map(|second| if second / 10 % 2 == 0 { 50.0 } else { 150.0 }).collect();
        assert!(relative(&calm).unwrap() < 0.001);
        // Stretches of 50 and of 150 in turn: 2.26 standard errors of about 17 in 100.
        assert!((0.3..0.5).contains(&relative(&wild).unwrap()));
        assert_eq!([relative(&calm[..19]), relative(&[0.0; 60]), relative(&[])], [None; 3]);
    }
}
