use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What computed the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Versions {
    /// The analyser.
    pub analysis: String,
    /// The decoder library: another version may shift samples by some milliseconds.
    pub decoder: String,
    /// Version of each part that was computed, by its name in the report: also of those that were computed only because
    /// another part is made from them, and are not in the report.
    pub parts: BTreeMap<String, u16>,
}

/// Elapsed time, in seconds. A machine under load stretches it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Timings {
    /// The whole analysis.
    pub total: f64,
    /// Reading packets and decoding them.
    pub decode: f64,
    /// Each further part, by its name in the report: also those that were computed only because another part is made from
    /// them.
    pub parts: BTreeMap<String, f64>,
}
