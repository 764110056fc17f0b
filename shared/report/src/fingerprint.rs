use serde::{Deserialize, Serialize};

/// An acoustic fingerprint, by which a recording is known whatever its file, codec and tags.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Fingerprint {
    /// What computed it: `chromaprint-test2`, Chromaprint's default algorithm, the one that AcoustID knows.
    pub algorithm: String,
    /// The fingerprint as `fpcalc` prints it: compressed, in the Base64 of URLs. To be posted to AcoustID as it is, as
    /// `fingerprint`. Not equal to that of `fpcalc` bit by bit, but as close as copies of one recording in two codecs.
    pub encoded: String,
    /// Seconds from the start of the audio that the fingerprint describes, at most 120.
    pub seconds_covered: f64,
    /// Length of the whole audio in whole seconds, cut off as `fpcalc` does it: what AcoustID wants as `duration`.
    pub duration_seconds: u64,
}
