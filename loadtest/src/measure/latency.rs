//! Latencies: an HDR histogram while they come in, and the figures of it that are kept.

use hdrhistogram::Histogram as Hdr;
use serde::{Deserialize, Serialize};

/// Longest time that is told from a longer one: a day.
const LONGEST_MICROS: u64 = 86_400_000_000;

/// Two significant digits would be 1 % of an error; a third costs memory only.
const DIGITS: u8 = 3;

/// Percentiles that are kept, for plots and comparisons, beside the named ones.
const CURVE: [f64; 24] = [
    1.0, 5.0, 10.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 92.5, 95.0, 97.5, 98.0,
    99.0, 99.5, 99.75, 99.9, 99.95, 99.99,
];

/// Latencies of one kind, in memory of a fixed size however many there are.
#[derive(Debug, Clone)]
pub(crate) struct Histogram(Hdr<u64>);

impl Histogram {
    #[expect(clippy::expect_used, reason = "the bounds are constants, and a test makes one")]
    pub(crate) fn new() -> Self {
        Self(Hdr::new_with_max(LONGEST_MICROS, DIGITS).expect("bounds that are in order"))
    }

    /// Adds one, in seconds; below zero (two clocks that differ) counts as zero.
    pub(crate) fn record(&mut self, seconds: f64) {
        self.0.saturating_record((seconds.max(0.0) * 1e6).round() as u64);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// Seconds; 0 when empty.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        if self.0.is_empty() { 0.0 } else { seconds(self.0.value_at_percentile(percent)) }
    }

    pub(crate) fn summary(&self) -> Latency {
        if self.0.is_empty() {
            return Latency::default();
        }
        Latency {
            count: self.0.len(),
            mean: self.0.mean() / 1e6,
            min: seconds(self.0.min()),
            p50: self.percentile(50.0),
            p90: self.percentile(90.0),
            p95: self.percentile(95.0),
            p99: self.percentile(99.0),
            p999: self.percentile(99.9),
            max: seconds(self.0.max()),
            curve: CURVE.iter().map(|percent| (*percent, self.percentile(*percent))).collect(),
        }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The figures of a histogram, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
    /// Percentile and value, ascending.
    pub(crate) curve: Vec<(f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_tenth_of_a_per_cent() {
        let mut histogram = Histogram::new();
        (1..=100_000).for_each(|n| histogram.record(f64::from(n) / 1000.0));
        let summary = histogram.summary();
        for (found, wanted) in
            [(summary.p50, 50.0), (summary.p99, 99.0), (summary.p999, 99.9), (summary.max, 100.0)]
        {
            assert!((found / wanted - 1.0).abs() < 2e-3, "{found} for {wanted}");
        }
        assert!(summary.curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
    }

    #[test]
    fn nothing_and_too_much_are_no_panic() {
        assert_eq!(Histogram::new().summary(), Latency::default());
        let mut histogram = Histogram::new();
        histogram.record(-1.0);
        histogram.record(1e12);
        assert_eq!((histogram.summary().count, histogram.summary().min), (2, 0.0));
    }

    #[test]
    fn two_histograms_add_up() {
        let (mut one, mut other) = (Histogram::new(), Histogram::new());
        one.record(1.0);
        other.record(3.0);
        one.add(&other);
        assert_eq!(one.summary().count, 2);
    }
}
