//! `producer config`: the settings in force. It contacts nobody.

use std::io::{self, Write};

use shared::settings::{Program, Row, describe, rows_json, rows_table};

use crate::failure::{End, Failure};
use crate::results::terminal_width;
use crate::screen::Screen;

/// A command that a user waits for speaks by itself, of lost connections too; of the log only other trouble is worth a
/// line.
const QUIET: &str = "warn,lapin=off,shared::broker=off";

pub(crate) fn run(json: bool, screen: &Screen) -> Result<End, Failure> {
    let (rows, warnings) = rows()?;
    for warning in warnings {
        screen.line(&format!("warning: {warning}"));
    }
    let text = if json { rows_json(&rows) } else { rows_table(&rows, terminal_width()) };
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(End::Done)
}

/// The log filter of this program: the user's, else [`QUIET`].
pub(crate) fn log_filter() -> Result<String, Failure> {
    let (rows, _) = rows()?;
    let row = rows.into_iter().find(|row| row.name == "LOG_LEVEL");
    Ok(row.and_then(|row| row.value).map_or_else(|| QUIET.to_owned(), without_connections))
}

/// A user's filter for all of the program, as workers and producers of one installation share it, leaves out what connections say: lapin,
/// the client library of RabbitMQ, logs an error for each question that the broker answers by closing a channel, such as whether a queue
/// exists. The command itself says what is wrong. Whoever names modules, or asks for debug lines, gets them.
fn without_connections(filter: String) -> String {
    let is_plain = ["error", "warn", "info", "off"].iter().any(|level| filter.eq_ignore_ascii_case(level));
    if is_plain { format!("{filter},lapin=off,shared::broker=off") } else { filter }
}

fn rows() -> Result<(Vec<Row>, Vec<shared::settings::Warning>), Failure> {
    let described = describe(Program::Producer, std::env::vars_os());
    let (mut rows, warnings) = described.map_err(|errors| Failure::Settings(errors.to_string()))?;
    for row in rows.iter_mut().filter(|row| row.name == "LOG_LEVEL" && row.source == "default") {
        row.value = Some(QUIET.to_owned());
    }
    Ok((rows, warnings))
}
