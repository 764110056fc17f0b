//! How fast something grows, and how sure that is. Pure.

/// Parts that a series is cut into. Values a second apart are no independent evidence; means of long parts nearly are.
const PARTS: usize = 20;

/// Student's t for 97.5 % and 18 degrees of freedom: two less than parts.
const T: f64 = 2.101;

/// A straight line through a series, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    pub(super) per_second: f64,
    /// Half of the interval that holds the true slope with 95 % confidence.
    pub(super) half_width: f64,
}

/// The slope of values over times; `None` for too few of them.
pub(super) fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    if points.len() < PARTS {
        return None;
    }
    let means: Vec<(f64, f64)> = (0..PARTS)
        .map(|part| {
            let place = |part: usize| part * points.len() / PARTS;
            let points = &points[place(part)..place(part + 1)];
            let count = points.len() as f64;
            (
                points.iter().map(|it| it.0).sum::<f64>() / count,
                points.iter().map(|it| it.1).sum::<f64>() / count,
            )
        })
        .collect();
    let count = PARTS as f64;
    let (x, y) =
        (means.iter().map(|it| it.0).sum::<f64>() / count, means.iter().map(|it| it.1).sum::<f64>() / count);
    let spread: f64 = means.iter().map(|it| (it.0 - x).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let per_second = means.iter().map(|it| (it.0 - x) * (it.1 - y)).sum::<f64>() / spread;
    let rest: f64 = means.iter().map(|it| (it.1 - y - per_second * (it.0 - x)).powi(2)).sum();
    Some(Slope { per_second, half_width: T * (rest / (count - 2.0) / spread).sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Random;

    fn series(growth: f64, noise: f64) -> Vec<(f64, f64)> {
        let mut random = Random::new(1, "noise");
        (0..600).map(f64::from).map(|at| (at, 100.0 + growth * at + noise * random.noise())).collect()
    }

    #[test]
    fn growth_is_found_and_noise_is_not_taken_for_it() {
        let grown = slope(&series(0.5, 10.0)).unwrap();
        assert!((grown.per_second - 0.5).abs() < grown.half_width && grown.half_width < 0.1, "{grown:?}");
        let still = slope(&series(0.0, 10.0)).unwrap();
        assert!(still.per_second.abs() <= still.half_width, "{still:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(slope(&series(1.0, 0.0)[..19]), None);
        assert_eq!(slope(&[(1.0, 1.0); 40]), None);
    }
}
