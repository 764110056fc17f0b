//! Logs on standard error, and the names of the metrics.
//!
//! Nothing that is said on standard error waits for whoever reads it: log lines and what the programs say to their user go
//! through one bounded buffer (`output`), in the order in which they were said.
//!
//! Log lines are lower case without a full stop; ids are fields: `job_id`, `batch_id`, `file`. Standard output belongs
//! to what a command prints. There is no exporter here: the processes that serve metrics have their own.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use serde::Deserialize;
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    field::MakeExt as _,
    filter::{LevelFilter, ParseError, Targets},
    fmt::{self, MakeWriter, format},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::printable::{printable, printable_json};

pub mod metrics;
mod output;

use output::LogOutput;
pub use output::UnlockedStderr;

/// Where the log of this process goes, once it is set up.
static OUTPUT: OnceLock<LogOutput> = OnceLock::new();

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
    /// The thread that writes them cannot be started.
    #[error("logs: cannot start a thread: {0}")]
    Thread(#[from] io::Error),
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
    init_with(format, filter, UnlockedStderr)
}

/// As [`init`], through a writer of standard error that a progress bar shares; each log line comes in one call, from one
/// thread.
///
/// # Errors
/// As [`init`].
pub fn init_with(
    format: LogFormat,
    filter: &str,
    sink: impl Write + Send + 'static,
) -> Result<(), TelemetryError> {
    let filter = parse_filter(filter)?;
    let terminal = io::stderr().is_terminal();
    let is_text = format == LogFormat::Text || format == LogFormat::Auto && terminal;
    // https://no-color.org: set and not empty.
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let output = LogOutput::start(sink, if is_text { text_notice } else { json_notice })?;
    let lines = output.clone();
    let (format, lines) = match is_text {
        true => (LogFormat::Text, Lines { output: lines, is_json: false }),
        false => (LogFormat::Json, Lines { output: lines, is_json: true }),
    };
    let set = subscriber(format, filter, colour, move || lines.clone()).try_init();
    set.map_err(|_| TelemetryError::AlreadySet)?;
    // The subscriber was the first of this process, and so is this.
    let _first = OUTPUT.set(output);
    // The standard library's own hook would wait for the reader of standard error.
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Says something to the user on standard error, in whole lines, among the log lines and like them without waiting.
pub fn say(lines: &str) {
    match OUTPUT.get() {
        Some(output) => output.put(lines.as_bytes()),
        // Before there is a log there is no work that could wait. With standard error closed, the exit code still tells.
        None => drop(UnlockedStderr.write_all(lines.as_bytes())),
    }
}

/// Waits until what was logged and said is written; after [`hurry`] for two seconds at most. To be called before the
/// process ends.
pub fn flush() {
    if let Some(output) = OUTPUT.get() {
        output.flush();
    }
}

/// The process was told to stop: its end no longer waits for a reader that does not read.
pub fn hurry() {
    if let Some(output) = OUTPUT.get() {
        output.hurry();
    }
}

/// Log lines that nobody will read, because standard error was not read in time or could not be written to.
#[must_use]
pub fn dropped_lines() -> u64 {
    OUTPUT.get().map_or(0, LogOutput::dropped)
}

/// One log line, on its way into the buffer.
#[derive(Clone)]
struct Lines {
    output: LogOutput,
    is_json: bool,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) if self.is_json => self.output.put(printable_json(text).as_bytes()),
            _ => self.output.put(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What stands where lines are missing.
const DROPPED: &str =
    "log lines were dropped: standard error was not read in time, or could not be written to";

fn text_notice(count: u64) -> Vec<u8> {
    format!("{}  WARN {}: {count} {DROPPED}\n", jiff::Timestamp::now(), module_path!()).into_bytes()
}

fn json_notice(count: u64) -> Vec<u8> {
    let line = serde_json::json!({
        "timestamp": jiff::Timestamp::now().to_string(),
        "level": "WARN",
        "message": format!("{count} {DROPPED}"),
        "dropped": count,
        "target": module_path!(),
    });
    format!("{line}\n").into_bytes()
}

/// A panic as a log line; with RUST_BACKTRACE, its backtrace.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("without a message");
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    if tracing::enabled!(Level::ERROR) {
        tracing::error!(place, backtrace, "panicked: {message}");
    } else {
        say(&format!("panicked at {place}: {message}\n"));
    }
}

fn subscriber<W>(format: LogFormat, filter: Targets, colour: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A log that cannot be written would be reported with `eprintln!`, which panics when standard error is closed.
    let layer = fmt::layer::<Registry>().with_writer(writer).with_ansi(colour).log_internal_errors(false);
    let layer = match format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Auto | LogFormat::Text => {
            layer.fmt_fields(format::debug_fn(text_field).delimited(" ")).boxed()
        }
    };
    tracing_subscriber::registry().with(layer.with_filter(filter))
}

/// A field of a line for people. What others have written (names of files, words of a server) cannot command the terminal.
fn text_field(
    writer: &mut format::Writer<'_>,
    field: &tracing::field::Field,
    value: &dyn std::fmt::Debug,
) -> std::fmt::Result {
    let value = printable(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&value),
        // Where a line of the `log` crate comes from.
        name if name.starts_with("log.") => Ok(()),
        name if writer.has_ansi_escapes() => {
            write!(writer, "\u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m{value}")
        }
        name => write!(writer, "{name}={value}"),
    }
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
