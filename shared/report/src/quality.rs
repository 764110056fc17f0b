use serde::{Deserialize, Serialize};

/// Silence at both ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Silence {
    /// Seconds before the first frame in which a channel exceeds the threshold.
    pub leading_seconds: f64,
    /// Seconds after the last frame in which a channel exceeds the threshold.
    pub trailing_seconds: f64,
    /// The threshold, in dB relative to full scale.
    pub threshold_dbfs: f64,
}

/// Evidence of damage in the signal or the file, and of what it went through before. Evidence, not a verdict: loud masters clip
/// on purpose, and old recordings end at 16 kHz without any encoder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Whether the decoded samples have the checksum that the file states: the MD5 of FLAC. `false` means that some of them are
    /// not those that were encoded, although every packet could be decoded. `None` where the file states none.
    pub checksum_matches: Option<bool>,
    /// Places where the sound is cut out: 5 ms to 2 s of zeros in all channels, with samples of at least −40 dB relative to
    /// full scale within a millisecond on both sides. Electronic music may be cut like that on purpose.
    pub dropouts: u64,
    /// Length of all of them, in seconds.
    pub dropout_seconds: f64,
    /// Where the first eight begin, in seconds from the start.
    pub dropout_positions_seconds: Vec<f64>,
    /// Pearson's correlation of the two channels, −1 (opposite) to 1 (the same but for their levels). `None` unless there are two
    /// channels with sound in both.
    pub correlation: Option<f64>,
    /// Level of the side signal, (left − right) / 2, relative to the middle one, (left + right) / 2, in dB, −120 to 120. −120 is
    /// mono kept as stereo; a lossy copy of that has −60 or so. `None` unless there are two channels and any sound.
    pub side_level_db: Option<f64>,
    /// Where the average spectrum falls off steeply, in Hz: 6 dB below the level before the fall. MP3 encoders cut at about 16 to
    /// 17 kHz for 128 kbit/s and 20 kHz for 320; converters just below half the sample rate. `None` where nothing above 3 kHz
    /// falls so.
    pub cutoff_hz: Option<f64>,
    /// How steep that is: level of the weakest quarter of the kilohertz that ends 250 Hz below, minus the mean level of the
    /// kilohertz that begins 250 Hz above; in dB, 15 and more, and at least 40 dB per octave.
    pub cutoff_drop_db: Option<f64>,
    /// Mean level of everything above, in dB relative to that weakest quarter below.
    pub cutoff_residual_db: Option<f64>,
    /// The lower standard sample rate, in Hz, at which this audio may have been kept before: it would just hold what lies below
    /// the cut, and what lies above is empty (the residual is −30 dB or less). An encoder's cut at 16 kHz looks the same as a
    /// rate of 32 kHz, and the mirror images that short resamplers leave may make 48 kHz of 44.1. `None` where there is no such
    /// rate, and for lossy codecs, whose encoders cut by themselves.
    pub source_rate_hz: Option<u32>,
    /// Bits per sample that are in use: those stored, at most 32, less the lowest ones if they are zero in every sample. 16 in a
    /// file of 24 is one that was only padded. `None` for lossy codecs and digital silence.
    pub effective_bits: Option<u16>,
}
