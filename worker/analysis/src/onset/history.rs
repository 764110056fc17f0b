use super::curves::WEIGHTS;

/// Number of coarse bands.
pub(crate) const BANDS: usize = 4;

/// A coarse band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Band {
    /// Below 200 Hz: bass and kick.
    Low,
    /// 200 Hz to 2 kHz.
    Middle,
    /// 2 kHz to 5.2 kHz.
    High,
    /// The octave above the decimated band, 5.5 to 11 kHz: cymbals.
    Air,
}

/// Frames kept at most: 12 hours. What comes after them is not listened to, so that memory has a bound: 15 MiB here.
const MAX_FRAMES: usize = 12 * 3600 * 87;
/// A byte holds this flux at most; a full-scale click out of silence has less.
const LARGEST: f32 = 8.0;
/// Where the logarithmic steps begin: above 0.02 they are 2.4 % of the value, which is nothing against the noise of a flux.
const KNEE: f32 = 50.0;

/// The novelty of a whole signal: one byte per frame and band, on a logarithmic scale.
#[derive(Debug)]
pub(crate) struct Novelty {
    rate: f64,
    frames: Vec<[u8; BANDS]>,
}

impl Novelty {
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate, frames: Vec::new() }
    }

    /// Frames per second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn push(&mut self, flux: [f32; BANDS]) {
        if self.frames.len() < MAX_FRAMES {
            self.frames.push(flux.map(to_byte));
        }
    }

    /// The flux of one band in the frames of the range, as far as there are any.
    pub(crate) fn band(&self, band: Band, from: usize, to: usize) -> impl Iterator<Item = f32> {
        let to = to.min(self.frames.len());
        let table = from_bytes();
        self.frames[from.min(to)..to].iter().map(move |frame| table[usize::from(frame[band as usize])])
    }

    /// The weighted sum of all bands in the frames of the range, as far as there are any.
    pub(crate) fn sum(&self, from: usize, to: usize) -> Vec<f32> {
        let to = to.min(self.frames.len());
        let mut sum = vec![0.0; to - from.min(to)];
        for (band, weight) in [Band::Low, Band::Middle, Band::High, Band::Air].into_iter().zip(WEIGHTS) {
            for (sum, flux) in sum.iter_mut().zip(self.band(band, from, to)) {
                *sum += weight * flux;
            }
        }
        sum
    }

    /// Mean flux of each band.
    pub(crate) fn means(&self) -> [f64; BANDS] {
        let table = from_bytes().map(f64::from);
        let mut sums = [0f64; BANDS];
        for frame in &self.frames {
            sums.iter_mut().zip(frame).for_each(|(sum, byte)| *sum += table[usize::from(*byte)]);
        }
        sums.map(|sum| sum / self.frames.len().max(1) as f64)
    }
}

fn to_byte(flux: f32) -> u8 {
    // Not a number becomes 0, which is what it is worth.
    (255.0 * (KNEE * flux.clamp(0.0, LARGEST)).ln_1p() / (KNEE * LARGEST).ln_1p()).round() as u8
}

fn from_bytes() -> [f32; 256] {
    std::array::from_fn(|byte| (byte as f32 / 255.0 * (KNEE * LARGEST).ln_1p()).exp_m1() / KNEE)
}
