//! Whether the stated chances are what they say: of those that say 90 %, nine in ten should be right.

/// Groups of equal width, from 0 to 1.
const BINS: usize = 10;

/// Answers with their stated chance, in groups.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Calibration {
    bins: [Bin; BINS],
}

/// One group.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Bin {
    pub(super) answers: u32,
    pub(super) right: u32,
    stated: f64,
}

impl Bin {
    /// Mean of the stated chances.
    pub(super) fn stated(&self) -> f64 {
        self.stated / f64::from(self.answers.max(1))
    }

    /// Share of answers that are right.
    pub(super) fn found(&self) -> f64 {
        f64::from(self.right) / f64::from(self.answers.max(1))
    }
}

impl Calibration {
    pub(super) fn add(&mut self, stated: f64, right: bool) {
        let stated = stated.clamp(0.0, 1.0);
        let bin = &mut self.bins[((stated * BINS as f64) as usize).min(BINS - 1)];
        bin.answers += 1;
        bin.right += u32::from(right);
        bin.stated += stated;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, other) in self.bins.iter_mut().zip(&other.bins) {
            own.answers += other.answers;
            own.right += other.right;
            own.stated += other.stated;
        }
    }

    /// The groups that have answers, with the lower bound of each.
    pub(super) fn bins(&self) -> impl Iterator<Item = (f64, &Bin)> {
        let placed = self.bins.iter().enumerate().map(|(place, bin)| (place as f64 / BINS as f64, bin));
        placed.filter(|(_, bin)| bin.answers > 0)
    }

    /// Mean distance of what was stated from what was found, weighted by answers (Naeini et al. 2015). 0 without answers.
    pub(super) fn error(&self) -> f64 {
        let answers: u32 = self.bins.iter().map(|bin| bin.answers).sum();
        let apart = |(_, bin): (f64, &Bin)| f64::from(bin.answers) * (bin.stated() - bin.found()).abs();
        self.bins().map(apart).sum::<f64>() / f64::from(answers.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_weighted_by_answers() {
        let mut calibration = Calibration::default();
        // Three say 0.95, two of them are right: off by 0.95 − 2/3. One says 0.05 and is wrong: off by 0.05.
        [true, true, false].iter().for_each(|right| calibration.add(0.95, *right));
        calibration.add(0.05, false);
        let expected = (3.0 * (0.95 - 2.0 / 3.0) + 0.05) / 4.0;
        assert!((calibration.error() - expected).abs() < 1e-12);
        assert_eq!(
            calibration.bins().map(|(from, bin)| (from, bin.answers)).collect::<Vec<_>>(),
            [(0.0, 1), (0.9, 3)]
        );
    }

    #[test]
    fn the_ends_belong_to_the_outer_groups() {
        let mut calibration = Calibration::default();
        calibration.add(1.0, true);
        calibration.add(0.0, false);
        assert_eq!(calibration.error(), 0.0);
        let mut both = calibration.clone();
        both.merge(&calibration);
        assert_eq!(both.bins().map(|(_, bin)| bin.answers).sum::<u32>(), 4);
        assert_eq!(Calibration::default().error(), 0.0);
    }
}
