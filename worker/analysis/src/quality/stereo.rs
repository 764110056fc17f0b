//! How much two channels have in common.

/// The levels of side or middle that are told from none, in dB.
const LIMIT_DB: f64 = 120.0;
/// Sums in single precision over so many samples in each of eight lanes, before they are added up in double.
const SHORT: usize = 16;

/// Sums over both channels.
#[derive(Debug, Default)]
pub(super) struct Stereo {
    frames: u64,
    /// Left, right; their squares; the squares of their differences, which keeps small ones exact.
    sums: [f64; 2],
    squares: [f64; 2],
    differences: f64,
}

impl Stereo {
    pub(super) fn block(&mut self, left: &[f32], right: &[f32]) {
        self.frames += left.len() as u64;
        for (left, right) in left.chunks(8 * SHORT).zip(right.chunks(8 * SHORT)) {
            let mut lanes = [[0f32; 8]; 5];
            let (lefts, left_rest) = left.as_chunks::<8>();
            let (rights, right_rest) = right.as_chunks::<8>();
            for (left, right) in lefts.iter().zip(rights) {
                for lane in 0..8 {
                    let (l, r) = (left[lane], right[lane]);
                    lanes[0][lane] += l;
                    lanes[1][lane] += r;
                    lanes[2][lane] += l * l;
                    lanes[3][lane] += r * r;
                    lanes[4][lane] += (l - r) * (l - r);
                }
            }
            let mut sums = lanes.map(|lanes| lanes.iter().map(|it| f64::from(*it)).sum::<f64>());
            for (l, r) in left_rest.iter().zip(right_rest) {
                let (l, r) = (f64::from(*l), f64::from(*r));
                for (sum, value) in sums.iter_mut().zip([l, r, l * l, r * r, (l - r) * (l - r)]) {
                    *sum += value;
                }
            }
            self.add(sums);
        }
    }

    fn add(&mut self, [left, right, lefts, rights, differences]: [f64; 5]) {
        self.sums[0] += left;
        self.sums[1] += right;
        self.squares[0] += lefts;
        self.squares[1] += rights;
        self.differences += differences;
    }

    /// Pearson's coefficient. None if a channel is constant.
    pub(super) fn correlation(&self) -> Option<f64> {
        let frames = self.frames.max(1) as f64;
        let [left, right] = self.sums.map(|sum| sum / frames);
        let product = (self.squares[0] + self.squares[1] - self.differences) / 2.0 / frames;
        let deviations =
            (self.squares[0] / frames - left * left) * (self.squares[1] / frames - right * right);
        // Of a constant, rounding leaves less than a step of 24 bits.
        let least = 1e-14;
        let vary = [left, right].iter().zip(self.squares).all(|(mean, it)| it / frames - mean * mean > least);
        (vary && deviations > 0.0).then(|| ((product - left * right) / deviations.sqrt()).clamp(-1.0, 1.0))
    }

    /// Energy of half the difference over that of half the sum, in dB. None of silence.
    pub(super) fn side_level_db(&self) -> Option<f64> {
        let side = self.differences / 4.0;
        let middle = ((self.squares[0] + self.squares[1]) / 2.0 - side).max(0.0);
        let least = f64::MIN_POSITIVE;
        (side + middle > 0.0)
            .then(|| (10.0 * (side.max(least) / middle.max(least)).log10()).clamp(-LIMIT_DB, LIMIT_DB))
    }
}
