//! Logs on standard error.

use serde::Deserialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// How a log line looks (`LOG_FORMAT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text when standard error is a terminal, otherwise JSON.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why a log filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// tracing would take an unknown word for a module and log nothing else, so that `inof` means silence.
    #[error("{0:?} is not a level")]
    Level(String),
    /// Not a list of `module=level`.
    #[error("{0}")]
    Syntax(String),
}

/// Checks and reads a filter such as `info,lapin=warn`.
pub(crate) fn parse_filter(text: &str) -> Result<Targets, FilterError> {
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.contains('=')) {
        // An empty word would be the level error.
        if directive.is_empty() || directive.parse::<LevelFilter>().is_err() {
            return Err(FilterError::Level(directive.to_owned()));
        }
    }
    text.parse()
        .map_err(|error: tracing_subscriber::filter::ParseError| FilterError::Syntax(error.to_string()))
}
