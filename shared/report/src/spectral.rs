use serde::{Deserialize, Serialize};

/// How the sound is spread over the frequencies, up to 11,025 Hz, in frames of 93 ms. Frames of silence are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Spectral {
    /// Centre of gravity of the magnitudes, in Hz. High is bright.
    pub centroid_hz: Spread,
    /// Standard deviation of the magnitudes about the centroid, in Hz.
    pub bandwidth_hz: Spread,
    /// Frequency below which 85 % of the magnitudes lie, in Hz.
    pub rolloff_hz: Spread,
    /// Geometric mean of the powers divided by their arithmetic mean, 0 (a tone) to 1 (noise).
    pub flatness: Spread,
    /// Change from one frame to the next: squared distance of the magnitudes, each frame scaled to unit length; 0 to 2.
    pub flux: Spread,
    /// Sign changes of the signal in a second.
    pub zero_crossings_per_second: Spread,
    /// Level of the strongest fifth of each band above that of its weakest fifth, in dB: mean over the frames, for the bands
    /// 0–200, 200–400, 400–800, 800–1600, 1600–3200, 3200–6400 and 6400–11,025 Hz. High for clear tones, low for noise. Bands
    /// beyond what the file can hold are left out.
    pub contrast_db: Vec<f64>,
    /// Mean of each of the 13 mel-frequency cepstral coefficients, that of the level first, in dB.
    pub mfcc_mean: Vec<f64>,
    /// Variance of each coefficient, in dB².
    pub mfcc_variance: Vec<f64>,
}

/// A quantity over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Spread {
    /// Mean over the frames.
    pub mean: f64,
    /// Standard deviation over the frames.
    pub deviation: f64,
}
