//! Histograms of block energies: gated loudness and loudness range in constant memory.

/// Blocks below are never counted (BS.1770-4 Annex 1, EBU Tech 3342).
pub(crate) const ABSOLUTE_GATE_LUFS: f64 = -70.0;
/// Everything from 10 LUFS upwards is one bin: full scale in two channels is about +3.
const TOP_LUFS: f64 = 10.0;
/// Bins per LU. Each keeps the sum of its energies, so the mean is exact; only the bin that a relative gate cuts through is
/// taken whole or not at all.
const BINS_PER_LU: f64 = 100.0;
const BINS: usize = ((TOP_LUFS - ABSOLUTE_GATE_LUFS) * BINS_PER_LU) as usize;

/// Loudness in LUFS of a weighted mean square (BS.1770-4 equation 2).
pub(crate) fn lufs(energy: f64) -> f64 {
    -0.691 + 10.0 * energy.log10()
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    count: u64,
    sum: f64,
}

/// Energies of blocks, by loudness.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    bins: Box<[Bin]>,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { bins: vec![Bin::default(); BINS].into_boxed_slice() }
    }

    /// Adds a block, unless it is below the absolute gate.
    pub(crate) fn add(&mut self, energy: f64) {
        let loudness = lufs(energy);
        if loudness >= ABSOLUTE_GATE_LUFS {
            let bin = ((loudness - ABSOLUTE_GATE_LUFS) * BINS_PER_LU) as usize;
            let bin = &mut self.bins[bin.min(BINS - 1)];
            bin.count += 1;
            bin.sum += energy;
        }
    }

    /// Mean energy of all blocks.
    fn mean(bins: &[Bin]) -> Option<f64> {
        let (count, sum) = bins.iter().fold((0, 0.0), |(count, sum), bin| (count + bin.count, sum + bin.sum));
        (count > 0).then(|| sum / count as f64)
    }

    /// The bins that are not below the mean by more than `gate_lu`.
    fn gated(&self, gate_lu: f64) -> Option<&[Bin]> {
        let threshold = lufs(Self::mean(&self.bins)?) - gate_lu;
        let place = (threshold - ABSOLUTE_GATE_LUFS) * BINS_PER_LU;
        // Negative places become 0; a bin is in if its own mean is.
        let first = (place as usize).min(BINS - 1);
        let whole = self.bins[first].count == 0
            || lufs(self.bins[first].sum / self.bins[first].count as f64) >= threshold;
        Some(&self.bins[if whole { first } else { first + 1 }..])
    }

    /// Mean loudness of the blocks within 10 LU of the mean of all (BS.1770-4 equations 6 and 7).
    pub(crate) fn integrated(&self) -> Option<f64> {
        Self::mean(self.gated(10.0)?).map(lufs)
    }

    /// Spread between the 10th and the 95th percentile of the blocks within 20 LU of the mean of all (Tech 3342 §3).
    pub(crate) fn range(&self) -> Option<f64> {
        let bins = self.gated(20.0)?;
        let count: u64 = bins.iter().map(|bin| bin.count).sum();
        let rank = |share: f64| ((count - 1) as f64 * share).round() as u64;
        Some(Self::ranked(bins, rank(0.95))? - Self::ranked(bins, rank(0.10))?)
    }

    /// Loudness of the block with this rank, counted from 0.
    fn ranked(bins: &[Bin], rank: u64) -> Option<f64> {
        let mut before = 0;
        let bin = bins.iter().find(|bin| {
            before += bin.count;
            before > rank
        })?;
        Some(lufs(bin.sum / bin.count as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn energy(lufs: f64) -> f64 {
        10f64.powf((lufs + 0.691) / 10.0)
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// The definitions, with every block kept.
    fn exact(loudnesses: &[f64]) -> Option<(f64, f64)> {
        let blocks: Vec<f64> = loudnesses.iter().filter(|it| **it >= -70.0).map(|it| energy(*it)).collect();
        if blocks.is_empty() {
            return None;
        }
        let gated = |gate: f64| {
            let threshold = lufs(mean(&blocks)) - gate;
            let mut kept: Vec<f64> = blocks.iter().copied().filter(|it| lufs(*it) >= threshold).collect();
            kept.sort_by(f64::total_cmp);
            kept
        };
        let ranked = gated(20.0);
        let at = |share: f64| lufs(ranked[((ranked.len() - 1) as f64 * share).round() as usize]);
        Some((lufs(mean(&gated(10.0))), at(0.95) - at(0.10)))
    }

    proptest! {
        #[test]
        fn the_histogram_forgets_nothing_that_matters(
            loudnesses in proptest::collection::vec(-90.0..5.0f64, 0..300),
        ) {
            let mut histogram = Histogram::new();
            loudnesses.iter().for_each(|it| histogram.add(energy(*it)));
            match exact(&loudnesses) {
                None => prop_assert!(histogram.integrated().is_none() && histogram.range().is_none()),
                Some((integrated, range)) => {
                    // A block within 0.01 LU of the gate may fall on the other side.
                    prop_assert!((histogram.integrated().unwrap() - integrated).abs() < 0.1);
                    prop_assert!((histogram.range().unwrap() - range).abs() < 3.0);
                }
            }
        }
    }

    #[test]
    fn blocks_beyond_the_relative_gate_do_not_count() {
        let mut histogram = Histogram::new();
        (0..100).for_each(|_| histogram.add(energy(-23.0)));
        (0..100).for_each(|_| histogram.add(energy(-60.0)));
        assert!((histogram.integrated().unwrap() + 23.0).abs() < 1e-9);
        assert!(histogram.range().unwrap().abs() < 1e-9);
    }

    #[test]
    fn nothing_has_no_loudness() {
        let mut histogram = Histogram::new();
        histogram.add(0.0);
        histogram.add(energy(-70.1));
        assert_eq!((histogram.integrated(), histogram.range()), (None, None));
        histogram.add(energy(30.0));
        assert!((histogram.integrated().unwrap() - 30.0).abs() < 1e-9);
    }
}
