//! When jobs are to arrive. Pure: the seed decides.

use clap::ValueEnum;

use crate::corpus::Random;

/// How arrivals are spread over the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arrivals {
    /// Independent of each other, as from many users: gaps are exponentially distributed
    Poisson,
    /// At even distances
    Even,
}

impl Arrivals {
    /// Seconds since the start at which jobs are to arrive in `seconds`, `rate` a second on average; never more than `most`.
    pub(crate) fn schedule(self, rate: f64, seconds: f64, random: &mut Random, most: usize) -> Vec<f64> {
        let mut last = 0.0;
        let next = |place: usize| match self {
            // Not by adding up: after some thousand steps there would be one more or less.
            Self::Even => place as f64 / rate,
            Self::Poisson => {
                // 1 − u is never 0.
                last -= (1.0 - random.unit()).ln() / rate;
                last
            }
        };
        (0..).map(next).take_while(|place| *place < seconds).take(most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_keep_the_rate_and_follow_from_the_seed() {
        for arrivals in [Arrivals::Poisson, Arrivals::Even] {
            let draw = |seed| arrivals.schedule(200.0, 50.0, &mut Random::new(seed, "arrivals"), 1_000_000);
            let times = draw(3);
            assert_eq!(times, draw(3));
            assert!((times.len() as f64 / 10_000.0 - 1.0).abs() < 0.03, "{}", times.len());
            assert!(times.is_sorted() && times.last().is_some_and(|last| *last < 50.0));
        }
    }

    #[test]
    fn gaps_of_a_poisson_process_vary_as_much_as_they_last() {
        let times = Arrivals::Poisson.schedule(100.0, 100.0, &mut Random::new(1, "arrivals"), 1_000_000);
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((deviation / mean - 1.0).abs() < 0.05, "{deviation} of {mean}");
    }

    #[test]
    fn there_are_never_more_than_allowed() {
        assert_eq!(Arrivals::Even.schedule(1e6, 1e6, &mut Random::new(1, ""), 17).len(), 17);
    }
}
