use serde::{Deserialize, Serialize};

/// Silence at both ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Silence {
    /// Seconds before the first frame in which a channel exceeds the threshold.
    pub leading_seconds: f64,
    /// Seconds after the last frame in which a channel exceeds the threshold.
    pub trailing_seconds: f64,
    /// The threshold, in dB relative to full scale.
    pub threshold_dbfs: f64,
}

/// Evidence of damage in the signal or the file. Evidence, not a verdict: loud masters clip on purpose.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// Samples in clipped runs, over all channels. A run is three or more neighbouring samples at full scale with the same
    /// sign.
    pub clipped_samples: u64,
    /// Number of clipped runs, over all channels.
    pub clipped_runs: u64,
    /// Length of the longest clipped run, in frames.
    pub longest_clipped_run_frames: u64,
    /// Mean of the samples of each channel, 1.0 is full scale.
    pub dc_offset: Vec<f64>,
    /// Packets that the decoder refused.
    pub decode_errors: u64,
    /// Samples that no sane encoder writes: not a number, infinite, or far beyond full scale. They were silenced before
    /// anything was measured.
    pub wild_samples: u64,
    /// Places where the timestamps of the packets jump, so that audio is missing.
    pub gaps: u64,
    /// Audio missing in those places, in seconds.
    pub missing_seconds: f64,
}
