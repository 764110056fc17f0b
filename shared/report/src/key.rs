use serde::{Deserialize, Serialize};

/// The key that a piece is in as a whole, and where it changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Key {
    /// The tonic as musicians spell it in this mode: a letter, then `#` or `b` if it has one.
    pub tonic: String,
    /// The mode.
    pub mode: Mode,
    /// Chance that tonic and mode are both right, 0 to 1.
    pub confidence: f64,
    /// The likeliest keys, at most three, this one first.
    pub candidates: Vec<KeyCandidate>,
    /// The key on the Camelot wheel: `1A` to `12A` for minor, `1B` to `12B` for major. Neighbours on it mix well.
    pub camelot: String,
    /// The key in the Open Key notation: `1m` to `12m` for minor, `1d` to `12d` for major.
    pub open_key: String,
    /// How far the reference pitch lies from A = 440 Hz, in cents, −50 to 50.
    pub tuning_cents: f64,
    /// Frequency of the A above middle C that the tuning implies, in Hz.
    pub reference_hz: f64,
    /// Stretches in one key each, in order and without gaps. Empty unless the piece credibly modulates.
    pub segments: Vec<KeySegment>,
}

/// One of the keys that a piece may be in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct KeyCandidate {
    /// The tonic, as in [`Key`].
    pub tonic: String,
    /// The mode.
    pub mode: Mode,
    /// Chance that this is the key, 0 to 1. Those of all 24 keys add up to 1.
    pub weight: f64,
}

/// A stretch of a piece in one key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct KeySegment {
    /// Where it begins, in seconds.
    pub start_seconds: f64,
    /// Where it ends, in seconds.
    pub end_seconds: f64,
    /// The tonic, as in [`Key`].
    pub tonic: String,
    /// The mode.
    pub mode: Mode,
    /// Chance that tonic and mode are both right, 0 to 1.
    pub confidence: f64,
}

/// Major or minor. Pieces in other modes are given the nearer of the two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// With a major third.
    #[default]
    Major,
    /// With a minor third.
    Minor,
}

/// Why a piece has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyAbsence {
    /// Nothing was loud enough to have a pitch.
    Silent,
    /// Noise or drums: what sounds has no lasting pitch, or its pitches fit no key.
    Atonal,
    /// Less than a second of sound, or hardly more than one pitch.
    TooLittle,
}
