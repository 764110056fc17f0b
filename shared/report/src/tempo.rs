use serde::{Deserialize, Serialize};

/// Tempo and beats of a piece that has a pulse.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Tempo {
    /// Beats per minute, 40 to 250, never rounded. Of a piece whose tempo changes, that of the median beat.
    pub bpm: f64,
    /// Chance that the tempo is right, its octave included, 0 to 1.
    pub confidence: f64,
    /// The likeliest tempi, at most five, the one above first.
    pub candidates: Vec<TempoCandidate>,
    /// The beats, in seconds from the start, rising.
    pub beats: Vec<f64>,
    /// Those of the beats that begin a bar. Empty where the bars are not clear.
    pub downbeats: Vec<f64>,
    /// Beats in a bar: 2, 3 or 4; others are not looked for. `None` where the bars are not clear.
    pub metre: Option<u8>,
    /// How steady the tempo is, 0 to 1: 1 for a straight grid, and 1 − s/0.05 where single beats are s times a beat away from
    /// the piece's mean tempo (standard deviation of the local tempo, relative to it).
    pub stability: f64,
    /// Stretches of about one tempo, in order. One of them for a piece that keeps its tempo.
    pub segments: Vec<TempoSegment>,
    /// Beats per minute of the first beats.
    pub start_bpm: f64,
    /// Beats per minute of the last beats.
    pub end_bpm: f64,
}

/// One of the tempi that a piece may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TempoCandidate {
    /// Beats per minute.
    pub bpm: f64,
    /// Chance that this is the tempo, 0 to 1.
    pub weight: f64,
}

/// A stretch of about one tempo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TempoSegment {
    /// Where it begins, in seconds.
    pub start_seconds: f64,
    /// Where it ends, in seconds.
    pub end_seconds: f64,
    /// Beats per minute.
    pub bpm: f64,
}

/// Why a piece has no tempo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TempoAbsence {
    /// Less than four seconds: too few beats to tell.
    TooShort,
    /// Nothing begins: silence, a drone, or steady noise.
    NoOnsets,
    /// What begins keeps no period: speech, rain, free rhythm.
    NoPulse,
}
