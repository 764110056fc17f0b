//! Logs on standard error, and the names of the metrics.
//!
//! Log lines are lower case without a full stop; ids are fields: `job_id`, `batch_id`, `file`. Standard output belongs
//! to what a command prints. There is no exporter here: the processes that serve metrics have their own.

use std::io::{self, IsTerminal as _};

use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, ParseError, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub mod metrics;

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

/// Why logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter (`LOG_LEVEL`) is wrong.
    #[error("log filter: {0}")]
    Filter(#[from] FilterError),
    /// They have been set up before.
    #[error("logs are already set up in this process")]
    AlreadySet,
}

/// Why a log filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// tracing would take an unknown word for a module and log nothing else: `inof` would mean silence.
    #[error("{0:?} is not a level")]
    Level(String),
    /// Not a list of `module=level`.
    #[error("{0}")]
    Syntax(String),
}

/// Sets up the logs of this process, once, on standard error. `filter` is a level (`info`) or a list of levels by
/// module (`info,lapin=warn`).
///
/// # Errors
/// When the filter is wrong, or the logs have been set up before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    init_with(format, filter, io::stderr)
}

/// As [`init`], through a writer of standard error that a progress bar shares; each log line comes in one call.
///
/// # Errors
/// As [`init`].
pub fn init_with<W>(format: LogFormat, filter: &str, writer: W) -> Result<(), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let terminal = io::stderr().is_terminal();
    let format = match format {
        LogFormat::Auto if terminal => LogFormat::Text,
        LogFormat::Auto => LogFormat::Json,
        format => format,
    };
    // https://no-color.org: set and not empty.
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    subscriber(format, parse_filter(filter)?, colour, writer)
        .try_init()
        .map_err(|_| TelemetryError::AlreadySet)
}

fn subscriber<W>(format: LogFormat, filter: Targets, colour: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A log that cannot be written would be reported with `eprintln!`, which panics when standard error is closed.
    let layer = fmt::layer::<Registry>().with_writer(writer).with_ansi(colour).log_internal_errors(false);
    let layer = match format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Auto | LogFormat::Text => layer.boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter))
}

/// Checks and reads a filter such as `info,lapin=warn`.
pub(crate) fn parse_filter(text: &str) -> Result<Targets, FilterError> {
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.contains('=')) {
        // An empty word would be the level error.
        if directive.is_empty() || directive.parse::<LevelFilter>().is_err() {
            return Err(FilterError::Level(directive.to_owned()));
        }
    }
    text.parse().map_err(|error: ParseError| FilterError::Syntax(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(format: LogFormat, filter: &str, event: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, parse_filter(filter).unwrap(), false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, event);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let text = log(LogFormat::Json, "info", || {
            tracing::warn!(job_id = "j1", batch_id = "b1", file = "music/a\n.mp3", "lane killed");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        let wanted =
            [("level", "WARN"), ("message", "lane killed"), ("job_id", "j1"), ("file", "music/a\n.mp3")];
        for (field, value) in wanted {
            assert_eq!(line[field], value, "{text}");
        }
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_text_line_is_plain_without_a_terminal() {
        let text = log(LogFormat::Text, "info", || tracing::info!(job_id = "j1", "job done"));
        assert!(text.contains(" INFO ") && text.ends_with("job done job_id=\"j1\"\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn the_filter_goes_by_level_and_module() {
        let text = log(LogFormat::Text, "warn,noisy=off,shared=debug", || {
            tracing::debug!("kept");
            tracing::trace!("dropped");
            tracing::error!(target: "noisy", "dropped");
            tracing::info!(target: "lapin", "dropped");
            tracing::warn!(target: "lapin", "kept");
        });
        assert_eq!((text.matches("kept").count(), text.matches("dropped").count()), (2, 0), "{text}");
    }

    #[test]
    fn a_wrong_filter_is_named() {
        let level = |word: &str| FilterError::Level(word.to_owned());
        for (filter, error) in [("inof", level("inof")), ("", level("")), ("info,lapin", level("lapin"))] {
            assert_eq!(parse_filter(filter).unwrap_err(), error);
        }
        let error = init(LogFormat::Json, "lapin=loud").unwrap_err();
        assert!(matches!(error, TelemetryError::Filter(FilterError::Syntax(_))), "{error:?}");
    }
}
