use serde::{Deserialize, Serialize};

/// Loudness after ITU-R BS.1770-4 and EBU R 128 (Tech 3341, Tech 3342), and peaks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Loudness {
    /// Integrated (programme) loudness in LUFS. `None` if no 400 ms block reaches the absolute gate of −70 LUFS.
    pub integrated_lufs: Option<f64>,
    /// Loudness range in LU (Tech 3342). `None` for audio shorter than one 3 s window or wholly below the gate.
    pub range_lu: Option<f64>,
    /// Loudest 400 ms, in LUFS. `None` for digital silence.
    pub momentary_max_lufs: Option<f64>,
    /// Loudest 3 s, in LUFS. `None` for digital silence or audio shorter than 3 s.
    pub short_term_max_lufs: Option<f64>,
    /// Peak of the oversampled signal over all channels, in dBTP (BS.1770-4 Annex 2). `None` for digital silence.
    pub true_peak_dbtp: Option<f64>,
    /// Largest absolute sample over all channels, in dB relative to full scale. `None` for digital silence.
    pub sample_peak_dbfs: Option<f64>,
    /// ReplayGain 2.0 track gain in dB: −18 LUFS minus the integrated loudness.
    pub replaygain_gain_db: Option<f64>,
    /// ReplayGain 2.0 track peak, linear, 1.0 is full scale: the true peak.
    pub replaygain_peak: Option<f64>,
}
