use crate::quantised;
use serde::{Deserialize, Serialize};

/// An overview of the whole signal in a bounded number of points, over all channels. Long files get longer points, not
/// more of them.
///
/// Each point covers [`Self::frames_per_point`] frames, the last one what is left. In MessagePack the lists are byte
/// strings, in JSON arrays of small integers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Waveform {
    /// Version of this part's meaning. Now 2: with the three bands.
    pub version: u16,
    /// Frames covered by one point.
    pub frames_per_point: u64,
    /// Points in one second: the sample rate divided by [`Self::frames_per_point`].
    pub points_per_second: f64,
    /// Smallest sample of each point, −127 to 127 for −1.0 to 1.0; what is beyond is drawn at the edge.
    #[serde(with = "quantised::signed")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<i8>"))]
    pub min: Vec<i8>,
    /// Largest sample of each point, on the scale of `min`.
    #[serde(with = "quantised::signed")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<i8>"))]
    pub max: Vec<i8>,
    /// Root mean square of each point, 0 to 255 for 0.0 to 1.0.
    #[serde(with = "quantised::unsigned")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u8>"))]
    pub rms: Vec<u8>,
    /// Root mean square of each point of the mono mix below 200 Hz: kick and bass. 0 to 255 for the square root of 0.0 to 1.0, so
    /// that a value v stands for the amplitude (v / 255)²: the high band of most music is 30 to 40 dB below the low one and would
    /// otherwise be drawn as nothing. As long as [`Self::rms`]; empty in reports of version 1.
    #[serde(with = "quantised::unsigned")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u8>"))]
    pub low: Vec<u8>,
    /// As [`Self::low`], from 200 to 2000 Hz: voices and chords.
    #[serde(with = "quantised::unsigned")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u8>"))]
    pub middle: Vec<u8>,
    /// As [`Self::low`], above 2000 Hz: cymbals and breath.
    #[serde(with = "quantised::unsigned")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<u8>"))]
    pub high: Vec<u8>,
}
