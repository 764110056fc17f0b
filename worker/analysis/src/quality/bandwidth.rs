//! Where the spectrum ends: encoders, resamplers and old converters cut it off steeply, instruments and microphones do not.
//!
//! The average spectrum of the piece is searched for its steepest fall (as in D'Alessandro & Shi, *MP3 bit rate quality
//! detection through frequency spectrum analysis*, 2009, and in Lacroix, Prime, Remy & Derrien, *Lossless Audio Checker*, AES
//! 139, 2015, which also look for rates and bits that were only made up).

use crate::spectrum::Spectrum;
use crate::stage::{BLOCK_FRAMES, Block, Format};
use report::Quality;

/// Seconds from one spectrum to the next, about.
const INTERVAL_SECONDS: f64 = 0.5;
/// Width of the bands that are compared.
const BAND_HZ: f64 = 250.0;
/// Bands in the kilohertz on each side of a fall. Between the two sides one band on each side is left to the fall itself, the
/// 500 Hz in which LAME's low-pass goes down.
const SIDE: usize = 4;
/// No fall is looked for below: telephones and AM radio end at 3.4 kHz and above.
const LOWEST_HZ: f64 = 3000.0;
/// A fall, if it is at least this deep and this steep, from the middle of one side to that of the other: 40 dB per octave is
/// 26 dB at 3.4 kHz, and more than the filters of synthesisers have; above 6 kHz the depth decides.
const LEAST_DROP_DB: f64 = 15.0;
const LEAST_DB_PER_OCTAVE: f64 = 40.0;
/// A fall begins at the strongest of the four bands before, and goes on there if those are stronger by this, so that the
/// mirror images that a resampler leaves beyond the old band edge don't stop it.
const KNEE_DB: f64 = 6.0;
/// Eight bands, if the fall lies above this, where falls are twice as wide and music has little slope left.
const WIDE_FROM_HZ: f64 = 22_050.0;
/// And at most so many bands before its steepest place, or so much of its frequency: FFmpeg's resampler falls for 1.8 kHz
/// from 22.05 kHz, for 3.6 from 44.1.
const MOST_KNEE_BANDS: usize = 12;
const MOST_KNEE_SHARE: usize = 6;
/// The cut-off is where the level is this far below that of the knee, as filters are named.
const CUTOFF_DB: f64 = 6.0;
/// Below this level per bin there is nothing that could fall: the noise of rounding to 16 bits lies at −129 dB.
const LEAST_LEVEL_DB: f64 = -115.0;
/// The level of nothing.
const FLOOR: f64 = 1e-18;
/// Rates that audio is kept in, in Hz.
const RATES: [u32; 11] =
    [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000];
/// A resampler cuts off at this share of half the old rate: SoX's at 0.95, FFmpeg's at 0.97.
const RESAMPLED: std::ops::RangeInclusive<f64> = 0.92..=1.03;
/// And leaves no more than this above, relative to what lies below.
const EMPTY_DB: f64 = -30.0;

/// Averages spectra.
#[derive(Debug)]
pub(super) struct Bandwidth {
    rate: u32,
    /// Whether the codec is lossy: its encoder cuts off whatever the rate was.
    lossy: bool,
    spectrum: Spectrum,
    sums: Vec<f64>,
    heard: u64,
    /// The channels, which are heard in turn, without those for the bass alone.
    channels: Vec<usize>,
    every: u64,
    blocks: u64,
}

#[derive(Debug, Clone, Copy)]
struct Fall {
    /// The first band above the place.
    band: usize,
    below: f64,
    above: f64,
}

impl Bandwidth {
    pub(super) fn new(format: &Format) -> Self {
        let blocks_per_interval = INTERVAL_SECONDS * f64::from(format.rate) / BLOCK_FRAMES as f64;
        Self {
            rate: format.rate,
            lossy: format.bit_depth.is_none(),
            spectrum: Spectrum::new(BLOCK_FRAMES),
            sums: vec![0.0; BLOCK_FRAMES / 2 + 1],
            heard: 0,
            channels: format.heard(),
            every: (blocks_per_interval as u64).max(1),
            blocks: 0,
        }
    }

    /// Hears whole blocks only, which all but the last are.
    pub(super) fn block(&mut self, block: &Block<'_>) {
        if block.frames() < BLOCK_FRAMES {
            return;
        }
        if self.blocks.is_multiple_of(self.every) {
            let channel = self.channels[(self.heard % self.channels.len() as u64) as usize];
            for (sum, power) in self.sums.iter_mut().zip(self.spectrum.powers(block.channel(channel))) {
                *sum += f64::from(*power);
            }
            self.heard += 1;
        }
        self.blocks += 1;
    }

    pub(super) fn finish(&mut self, quality: &mut Quality) {
        let bands = self.bands();
        let Some(fall) = self.fall(&bands) else { return };
        let hz = self.place(&fall, &bands);
        let rest = mean(&bands[fall.band + 1..]) - fall.below;
        quality.cutoff_hz = Some(hz);
        quality.cutoff_drop_db = Some(fall.below - fall.above);
        quality.cutoff_residual_db = Some(rest);
        let nyquist = |rate: &u32| f64::from(*rate) / 2.0;
        quality.source_rate_hz = RATES
            .into_iter()
            .filter(|rate| *rate < self.rate && rest <= EMPTY_DB && !self.lossy)
            .find(|rate| RESAMPLED.contains(&(hz / nyquist(rate))));
    }

    fn bin_hz(&self) -> f64 {
        f64::from(self.rate) / BLOCK_FRAMES as f64
    }

    /// Mean level per bin from `from` to `to` in Hz, in dB relative to a sine of full scale.
    fn level(&self, from: f64, to: f64) -> f64 {
        let bin = |hz: f64| ((hz / self.bin_hz()).round() as usize).min(self.sums.len());
        let bins = &self.sums[bin(from)..bin(to).max(bin(from) + 1).min(self.sums.len())];
        let power = bins.iter().sum::<f64>() / (bins.len().max(1) as f64 * self.heard.max(1) as f64);
        10.0 * power.max(FLOOR).log10()
    }

    fn bands(&self) -> Vec<f64> {
        let count = (f64::from(self.rate) / 2.0 / BAND_HZ) as usize;
        (0..count).map(|band| self.level(band as f64 * BAND_HZ, (band + 1) as f64 * BAND_HZ)).collect()
    }

    /// The deepest fall. From the weakest band below it, so that a lone tone makes none.
    fn fall(&self, bands: &[f64]) -> Option<Fall> {
        let lowest = (LOWEST_HZ / BAND_HZ) as usize;
        (lowest..bands.len().saturating_sub(1))
            .map(|band| {
                let end = bands.len().min(band + 1 + SIDE);
                Fall {
                    band,
                    below: least(&bands[band - 1 - SIDE..band - 1]),
                    above: mean(&bands[band + 1..end]),
                }
            })
            .filter(|it| it.below >= LEAST_LEVEL_DB && it.below - it.above >= it.least_drop())
            .filter(|it| it.below - mean(&bands[it.band + 1..]) >= LEAST_DROP_DB)
            .max_by(|a, b| (a.below - a.above).total_cmp(&(b.below - b.above)))
    }

    /// The frequency where the level is [`CUTOFF_DB`] below that of the knee.
    fn place(&self, fall: &Fall, bands: &[f64]) -> f64 {
        let lowest = fall.band - fall.band.min(MOST_KNEE_BANDS.max(fall.band / MOST_KNEE_SHARE));
        let back = if fall.band as f64 * BAND_HZ > WIDE_FROM_HZ { 2 * SIDE } else { SIDE };
        let mut knee = fall.band;
        while let Some(band) = (lowest.max(knee.saturating_sub(back))..knee)
            .max_by(|a, b| bands[*a].total_cmp(&bands[*b]))
            .filter(|band| bands[*band] - bands[knee] >= KNEE_DB)
        {
            knee = band;
        }
        // Windows as wide as a band, in steps of a tenth: narrower ones of noise in few spectra fall by chance.
        let step = BAND_HZ / 10.0;
        let level = |it: &u32| {
            let hz = (knee as f64 + 0.5) * BAND_HZ + f64::from(*it) * step;
            self.level(hz - BAND_HZ / 2.0, hz + BAND_HZ / 2.0)
        };
        let past = (0..200).find(|it| level(it) < bands[knee] - CUTOFF_DB).unwrap_or(0);
        (knee as f64 + 0.5) * BAND_HZ + f64::from(past) * step
    }
}

impl Fall {
    fn least_drop(&self) -> f64 {
        let half = SIDE as f64 / 2.0 + 1.0;
        let octaves = ((self.band as f64 + half) / (self.band as f64 - half)).log2();
        LEAST_DROP_DB.max(LEAST_DB_PER_OCTAVE * octaves)
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
