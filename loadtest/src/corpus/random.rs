//! Seeded random numbers: SplitMix64 (Steele, Lea and Flood 2014), small, fast and the same everywhere.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A stream of its own for each use of a seed, so that a longer melody does not change the drums.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let label = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Self(seed ^ label);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `low` up to, not including, `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// From −1 up to, not including, 1: white noise, if called once per sample.
    pub(crate) fn noise(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    /// One of the numbers below `n`; 0 for `n` = 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        // The bias of the remainder is n / 2⁶⁴.
        (self.next() % (n.max(1) as u64)) as usize
    }

    /// One of the items. The lists are constants of this package and never empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_separate() {
        let draw = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw(1, "bass"), draw(1, "bass"));
        assert_ne!(draw(1, "bass"), draw(2, "bass"));
        assert_ne!(draw(1, "bass"), draw(1, "lead"));
    }

    #[test]
    fn numbers_fill_their_range_evenly() {
        let mut random = Random::new(7, "test");
        let values: Vec<f64> = (0..10_000).map(|_| random.between(2.0, 4.0)).collect();
        assert!(values.iter().all(|v| (2.0..4.0).contains(v)));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean - 3.0).abs() < 0.02, "{mean}");
    }
}
