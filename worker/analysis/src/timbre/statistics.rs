//! Means and deviations without histories.

use report::Spread;

/// One quantity. Sums about the first value, so that nothing cancels where all values are alike.
#[derive(Debug, Clone, Default)]
pub(super) struct One {
    count: u64,
    first: f64,
    sum: f64,
    squares: f64,
}

impl One {
    pub(super) fn add(&mut self, value: f64) {
        if self.count == 0 {
            self.first = value;
        }
        let offset = value - self.first;
        self.count += 1;
        self.sum += offset;
        self.squares += offset * offset;
    }

    /// 0 of nothing.
    pub(super) fn mean(&self) -> f64 {
        self.first + self.sum / self.count.max(1) as f64
    }

    /// Mean squared distance from the mean.
    pub(super) fn variance(&self) -> f64 {
        let count = self.count.max(1) as f64;
        (self.squares / count - (self.sum / count).powi(2)).max(0.0)
    }

    pub(super) fn spread(&self) -> Spread {
        Spread { mean: self.mean(), deviation: self.variance().sqrt() }
    }
}

/// Several quantities that come together.
#[derive(Debug)]
pub(super) struct Many(Vec<One>);

impl Many {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![One::default(); count])
    }

    pub(super) fn add(&mut self, values: &[f64]) {
        for (one, value) in self.0.iter_mut().zip(values) {
            one.add(*value);
        }
    }

    pub(super) fn means(&self) -> Vec<f64> {
        self.0.iter().map(One::mean).collect()
    }

    pub(super) fn variances(&self) -> Vec<f64> {
        self.0.iter().map(One::variance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_textbook() {
        let values = [1e6 + 1.0, 1e6 + 2.0, 1e6 + 6.0];
        let mut one = One::default();
        values.iter().for_each(|value| one.add(*value));
        assert!((one.mean() - 1e6 - 3.0).abs() < 1e-9);
        assert!((one.variance() - 14.0 / 3.0).abs() < 1e-9);
        assert_eq!(One::default().spread(), Spread::default());
    }
}
