use serde::{Deserialize, Serialize};

/// The sections of a piece: stretches of about one timbre and harmony. Of a piece of less than 20 s there is one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Structure {
    /// The sections in order, without gaps, from 0 to the end of the audio. At least one.
    pub sections: Vec<Section>,
    /// Where the intro ends, in seconds: the start of the first section whose mean power below 200 Hz is no more than 6 dB below
    /// the upper quartile of the piece (in stretches of some tenths of a second), as where kick and bass come in. `None` if the first section does, so that there is no
    /// intro in this sense.
    pub intro_end_seconds: Option<f64>,
    /// Where the outro begins, in seconds: the end of the last section of that kind. `None` if the last section is one.
    pub outro_start_seconds: Option<f64>,
}

/// A section.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Section {
    /// Where it begins, in seconds.
    pub start_seconds: f64,
    /// Where it ends, in seconds.
    pub end_seconds: f64,
    /// Sections that sound alike have the same letter: `A` to `Z` in the order of their first appearance, then `A1` and so on.
    pub label: String,
    /// How much it differs from the section before it, 0 (not at all) to 1 (entirely); 1 for the first one. 0.5 is a
    /// difference of mean timbre and harmony as large as the usual deviation within some seconds.
    pub novelty: f64,
}
