//! A spectrum in a few numbers.

/// Of the sum of all magnitudes (Tzanetakis & Cook 2002, §2.1.2).
const ROLLOFF: f64 = 0.85;
/// The least power of a bin: −100 dB relative to a sine of full scale, so that digital silence in a band is no −∞.
const LEAST_POWER: f32 = 1e-10;
/// Powers to multiply, in each of four lanes, before a logarithm is taken: 24 of [`LEAST_POWER`] are far above the smallest `f64`.
const FACTORS: usize = 24;

/// Describes spectra, one after the other.
#[derive(Debug)]
pub(super) struct Shape {
    bin_hz: f64,
    magnitudes: Vec<f32>,
    before: Vec<f32>,
    /// Length of `before` as a vector; 0 if there is none.
    length_before: f64,
}

/// One spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    /// Σ f m / Σ m in Hz, where m are the magnitudes (Tzanetakis & Cook 2002).
    pub(super) centroid: f64,
    /// √(Σ (f − centroid)² m / Σ m) in Hz.
    pub(super) bandwidth: f64,
    /// The lowest f in Hz such that the magnitudes up to it make 85 % of all.
    pub(super) rolloff: f64,
    /// Geometric over arithmetic mean of the powers (Johnston 1988), 0 to 1.
    pub(super) flatness: f64,
    /// Σ (m/|m| − m′/|m′|)² to the spectrum before (Tzanetakis & Cook 2002), 0 to 2.
    pub(super) flux: Option<f64>,
}

impl Shape {
    pub(super) fn new(bin_hz: f64) -> Self {
        Self { bin_hz, magnitudes: Vec::new(), before: Vec::new(), length_before: 0.0 }
    }

    /// There is no spectrum before the next one.
    pub(super) fn forget(&mut self) {
        self.length_before = 0.0;
    }

    /// Of powers that are not all zero.
    pub(super) fn of(&mut self, powers: &[f32]) -> Numbers {
        std::mem::swap(&mut self.magnitudes, &mut self.before);
        self.magnitudes.clear();
        self.magnitudes.extend(powers.iter().map(|power| power.sqrt()));
        let (sum, first, second) = moments(&self.magnitudes);
        let centre = first / sum;
        let length = dot(&self.magnitudes, &self.magnitudes).sqrt();
        let flux = (self.length_before > 0.0).then(|| {
            let product = dot(&self.magnitudes, &self.before);
            (2.0 - 2.0 * product / (length * self.length_before)).clamp(0.0, 2.0)
        });
        self.length_before = length;
        Numbers {
            centroid: centre * self.bin_hz,
            bandwidth: (second / sum - centre * centre).max(0.0).sqrt() * self.bin_hz,
            rolloff: rolloff(&self.magnitudes, sum) as f64 * self.bin_hz,
            flatness: flatness(powers),
            flux,
        }
    }
}

/// Σ m, Σ k m and Σ k² m over the bins k.
fn moments(magnitudes: &[f32]) -> (f64, f64, f64) {
    let mut sums = [[0f64; 4]; 3];
    let (chunks, rest) = magnitudes.as_chunks::<4>();
    for (chunk, values) in chunks.iter().enumerate() {
        for lane in 0..4 {
            let (bin, value) = ((4 * chunk + lane) as f64, f64::from(values[lane]));
            sums[0][lane] += value;
            sums[1][lane] += bin * value;
            sums[2][lane] += bin * bin * value;
        }
    }
    for (at, value) in rest.iter().enumerate() {
        let (bin, value) = ((magnitudes.len() - rest.len() + at) as f64, f64::from(*value));
        sums[0][0] += value;
        sums[1][0] += bin * value;
        sums[2][0] += bin * bin * value;
    }
    let [sum, first, second] = sums.map(|lanes| lanes.iter().sum::<f64>());
    (sum, first, second)
}

/// Σ a b, in eight lanes: in one, each addition would wait for the one before.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    lanes.iter().sum::<f64>()
        + a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
}

fn rolloff(magnitudes: &[f32], sum: f64) -> usize {
    let mut left = ROLLOFF * sum;
    let found = magnitudes.iter().position(|magnitude| {
        left -= f64::from(*magnitude);
        left <= 0.0
    });
    found.unwrap_or(magnitudes.len().saturating_sub(1))
}

fn flatness(powers: &[f32]) -> f64 {
    let (mut logarithm, mut sum) = (0.0, 0.0);
    for chunk in powers.chunks(4 * FACTORS) {
        let (mut products, mut sums) = ([1f64; 4], [0f64; 4]);
        let (fours, rest) = chunk.as_chunks::<4>();
        for four in fours {
            for lane in 0..4 {
                let power = f64::from(four[lane].max(LEAST_POWER));
                products[lane] *= power;
                sums[lane] += power;
            }
        }
        for power in rest.iter().map(|power| f64::from(power.max(LEAST_POWER))) {
            logarithm += power.ln();
            sum += power;
        }
        logarithm += products.iter().map(|product| product.ln()).sum::<f64>();
        sum += sums.iter().sum::<f64>();
    }
    let count = powers.len() as f64;
    ((logarithm / count).exp() / (sum / count)).min(1.0)
}

/// Places between two samples where the sign changes; zero has the sign plus (Kedem 1986).
pub(super) fn zero_crossings(samples: &[f32]) -> u32 {
    samples
        .iter()
        .zip(samples.get(1..).unwrap_or(&[]))
        .map(|(a, b)| u32::from((*a < 0.0) != (*b < 0.0)))
        .sum()
}
