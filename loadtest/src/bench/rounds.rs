//! Rounds of one measurement, and how far they differ.

use std::collections::BTreeMap;

use crate::measure::Phase;

/// One round of one measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Round {
    /// What was done, in the unit of the measurement.
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    /// User and system time of whoever is measured.
    pub(crate) cpu_seconds: f64,
}

impl Round {
    pub(crate) fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.operations as f64 / self.seconds } else { 0.0 }
    }

    /// Processor time of one operation.
    pub(crate) fn cpu_micros(&self) -> f64 {
        if self.operations > 0 { self.cpu_seconds * 1e6 / self.operations as f64 } else { 0.0 }
    }
}

/// The least, the middle and the most of some values.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Zeros where there is no value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else { return Self::default() };
        let half = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 };
        Self { min: *min, median, max: *max }
    }

    /// As figures: `NAME` is the median, beside it `NAME_min` and `NAME_max`.
    pub(crate) fn figures(&self, name: &str, into: &mut BTreeMap<String, f64>) {
        into.insert(name.to_owned(), self.median);
        into.insert(format!("{name}_min"), self.min);
        into.insert(format!("{name}_max"), self.max);
    }
}

/// All rounds of one measurement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds(pub(crate) Vec<Round>);

impl Rounds {
    pub(crate) fn rate(&self) -> Spread {
        Spread::of(self.0.iter().map(Round::per_second))
    }

    pub(crate) fn cpu_micros(&self) -> Spread {
        Spread::of(self.0.iter().map(Round::cpu_micros))
    }

    /// As a phase of a run: `ops_per_second` and `cpu_us_per_op` with their spreads.
    pub(crate) fn phase(&self, name: &str) -> Phase {
        let mut figures = BTreeMap::new();
        self.rate().figures("ops_per_second", &mut figures);
        self.cpu_micros().figures("cpu_us_per_op", &mut figures);
        figures.insert("rounds".to_owned(), self.0.len() as f64);
        figures.insert("ops".to_owned(), self.0.iter().map(|round| round.operations).sum::<u64>() as f64);
        let seconds = self.0.iter().map(|round| round.seconds).sum();
        Phase { name: name.to_owned(), seconds, figures, ..Phase::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
        assert_eq!(Spread::of([7.0, 1.0, 3.0]), Spread { min: 1.0, median: 3.0, max: 7.0 });
        assert_eq!(Spread::of([]), Spread::default());
    }

    #[test]
    fn a_phase_has_rates_and_processor_time() {
        let round = |seconds| Round { operations: 100, seconds, cpu_seconds: 0.01 };
        let phase = Rounds(vec![round(1.0), round(2.0), round(0.5)]).phase("p");
        assert_eq!(phase.figures["ops_per_second"], 100.0);
        assert_eq!((phase.figures["ops_per_second_min"], phase.figures["ops_per_second_max"]), (50.0, 200.0));
        assert!((phase.figures["cpu_us_per_op"] - 100.0).abs() < 1e-9);
        assert_eq!(phase.seconds, 3.5);
    }

    #[test]
    fn nothing_done_is_no_division() {
        let round = Round { operations: 0, seconds: 0.0, cpu_seconds: 0.0 };
        assert_eq!((round.per_second(), round.cpu_micros()), (0.0, 0.0));
    }
}
