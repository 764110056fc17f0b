use super::curves::WEIGHTS;
use std::sync::LazyLock;

/// Number of coarse bands.
pub(crate) const BANDS: usize = 5;

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
    /// What ends, in all bands below 5.2 kHz. A legato voice without attack shows its notes there as clearly as in what begins.
    Fall,
}

/// Pitch classes, from C.
pub(crate) const PITCHES: usize = 12;
/// Frames of one chord: 93 ms.
const CHORD_FRAMES: usize = 8;
/// Frames kept at most: 12 hours. What comes after them is not listened to, so that memory has a bound: 18 MiB here and 6 MiB of chords.
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
    chords: Vec<[u8; PITCHES]>,
    /// Sum of the frames that make the next chord.
    sounding: [f32; PITCHES],
}

impl Novelty {
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate, frames: Vec::new(), chords: Vec::new(), sounding: [0.0; PITCHES] }
    }

    /// Frames per second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Takes the flux of a frame, and how loud each pitch class is in it.
    pub(crate) fn push(&mut self, flux: [f32; BANDS], pitches: [f32; PITCHES]) {
        if self.frames.len() >= MAX_FRAMES {
            return;
        }
        self.frames.push(flux.map(to_byte));
        self.sounding.iter_mut().zip(pitches).for_each(|(sum, value)| *sum += value);
        if self.frames.len().is_multiple_of(CHORD_FRAMES) {
            let sum = std::mem::take(&mut self.sounding);
            self.chords.push(sum.map(|it| to_byte(it / CHORD_FRAMES as f32)));
        }
    }

    /// Mean loudness of each pitch class over the frames of the range, to the nearest [`CHORD_FRAMES`].
    pub(crate) fn chord(&self, from: usize, to: usize) -> [f32; PITCHES] {
        let place = |frame: usize| ((frame + CHORD_FRAMES / 2) / CHORD_FRAMES).min(self.chords.len());
        let (from, to) = (place(from), place(to).max(place(from) + 1).min(self.chords.len()));
        let table = from_bytes();
        let mut sum = [0f32; PITCHES];
        for chord in &self.chords[from.min(to)..to] {
            sum.iter_mut().zip(chord).for_each(|(sum, byte)| *sum += table[usize::from(*byte)]);
        }
        sum.map(|it| it / (to.saturating_sub(from)).max(1) as f32)
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

fn from_bytes() -> &'static [f32; 256] {
    static TABLE: LazyLock<[f32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|byte| (byte as f32 / 255.0 * (KNEE * LARGEST).ln_1p()).exp_m1() / KNEE)
    });
    &TABLE
}
