//! Timbre: how the sound is spread over the frequencies, frame by frame, and what is left of that over the piece.
//!
//! [`shape`] describes a spectrum by a few numbers, [`contrast`] by bands, [`mel`] by cepstral coefficients;
//! [`statistics`] keeps their means and deviations, never their histories. All look at no more than [`HIGHEST_HZ`], so that
//! files of different sample rates can be compared.

mod contrast;
mod mel;
mod shape;
mod statistics;
#[cfg(test)]
mod tests;
mod texture;

use crate::decimate::Decimator;
use crate::frames::Frames;
use crate::listener::Listener;
use crate::spectrum::Spectrum;
use crate::traces::Traces;
use contrast::Contrast;
use mel::Cepstrum;
use report::{Report, Spectral};
use shape::Shape;
use statistics::{Many, One};
pub(crate) use texture::{Column, Texture};

/// Version of what is computed here.
pub(crate) const VERSION: u16 = 1;
/// The highest frequency that every usual sample rate has.
const HIGHEST_HZ: f64 = 11_025.0;
/// Length of a frame in seconds: 2048 samples at 22.05 kHz, as in librosa and most of the literature.
const FRAME_SECONDS: f64 = 2048.0 / 22_050.0;
/// Frame sizes, in samples, that any input can lead to.
const FRAME_SIZES: std::ops::RangeInclusive<f64> = 64.0..=8192.0;
/// A frame with no more power than this (−70 dB relative to a sine of full scale) is silence.
const SILENCE: f32 = 1e-7;
/// What lies below is bass: kick and bass line, as in [`crate::onset`].
const BASS_HZ: f64 = 200.0;
/// The contrast sorts, and is computed in each fourth frame only: five times a second.
const CONTRAST_EVERY: u64 = 4;

/// Hears the decimated channel.
#[derive(Debug)]
pub(crate) struct Timbre {
    frames: Frames,
    ear: Ear,
}

/// What becomes of a frame.
#[derive(Debug)]
struct Ear {
    rate: f64,
    /// Number of bins up to [`HIGHEST_HZ`].
    bins: usize,
    spectrum: Spectrum,
    shape: Shape,
    contrast: Contrast,
    cepstrum: Cepstrum,
    heard: u64,
    /// Centroid, bandwidth, roll-off, flatness, zero crossings.
    shapes: [One; 5],
    flux: One,
    contrasts: Many,
    coefficients: Many,
    /// Bins of the bass, and the history of the columns, if one is asked for.
    bass: usize,
    texture: Option<Texture>,
}

impl Timbre {
    /// For samples at `rate` Hz, as [`Decimator::middle`] gives them. `history`: whether to leave a [`Texture`] behind.
    pub(crate) fn new(rate: f64, history: bool) -> Self {
        let wanted = (FRAME_SECONDS * rate).log2().round().exp2();
        let size = wanted.clamp(*FRAME_SIZES.start(), *FRAME_SIZES.end()) as usize;
        Self { frames: Frames::new(size), ear: Ear::new(rate, size, history) }
    }

    fn push(&mut self, samples: &[f32]) {
        let Self { frames, ear } = self;
        frames.push(samples, |frame| ear.hear(frame));
    }

    fn measure(self) -> (Option<Spectral>, Option<Texture>) {
        let Self { frames, mut ear } = self;
        frames.finish(|frame| ear.hear(frame));
        (ear.measured(), ear.texture.map(Texture::finish))
    }
}

impl Ear {
    fn new(rate: f64, size: usize, history: bool) -> Self {
        let bin_hz = rate / size as f64;
        let bins = ((HIGHEST_HZ / bin_hz) as usize).min(size / 2) + 1;
        let contrast = Contrast::new(bins, bin_hz);
        Self {
            rate,
            bins,
            spectrum: Spectrum::new(size),
            shape: Shape::new(bin_hz),
            contrasts: Many::new(contrast.bands()),
            contrast,
            cepstrum: Cepstrum::new(bins, bin_hz),
            heard: 0,
            shapes: Default::default(),
            flux: One::default(),
            coefficients: Many::new(mel::COEFFICIENTS),
            bass: ((BASS_HZ / bin_hz).ceil() as usize).min(bins),
            texture: history.then(|| Texture::new(size as f64 / 2.0 / rate)),
        }
    }

    fn hear(&mut self, frame: &[f32]) {
        let powers = &self.spectrum.powers(frame)[..self.bins];
        let total: f32 = powers.iter().sum();
        if !(total > SILENCE && total.is_finite()) {
            self.shape.forget();
            if let Some(texture) = &mut self.texture {
                texture.frame(Column::SILENT);
            }
            return;
        }
        let shape = self.shape.of(powers);
        let crossings = f64::from(shape::zero_crossings(frame)) * self.rate / frame.len() as f64;
        let values = [shape.centroid, shape.bandwidth, shape.rolloff, shape.flatness, crossings];
        for (statistics, value) in self.shapes.iter_mut().zip(values) {
            statistics.add(value);
        }
        if let Some(flux) = shape.flux {
            self.flux.add(flux);
        }
        if self.heard.is_multiple_of(CONTRAST_EVERY) {
            self.contrasts.add(self.contrast.of(powers));
        }
        let cepstrum = self.cepstrum.of(powers);
        self.coefficients.add(cepstrum);
        if let Some(texture) = &mut self.texture {
            texture.frame(Column::new(cepstrum, powers[..self.bass].iter().sum(), total));
        }
        self.heard += 1;
    }

    /// `None` if there was nothing but silence.
    fn measured(&self) -> Option<Spectral> {
        let [centroid, bandwidth, rolloff, flatness, crossings] = &self.shapes;
        (self.heard > 0).then(|| Spectral {
            centroid_hz: centroid.spread(),
            bandwidth_hz: bandwidth.spread(),
            rolloff_hz: rolloff.spread(),
            flatness: flatness.spread(),
            flux: self.flux.spread(),
            zero_crossings_per_second: crossings.spread(),
            contrast_db: self.contrasts.means(),
            mfcc_mean: self.coefficients.means(),
            mfcc_variance: self.coefficients.variances(),
        })
    }
}

impl Listener for Timbre {
    fn name(&self) -> &'static str {
        "spectral"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn hear(&mut self, sound: &Decimator) {
        self.push(sound.middle());
    }

    fn finish(self: Box<Self>, report: &mut Report, traces: &mut Traces) {
        (report.spectral, traces.texture) = self.measure();
    }
}
