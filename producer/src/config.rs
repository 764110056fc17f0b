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
    Ok(row.and_then(|row| row.value).unwrap_or_else(|| QUIET.to_owned()))
}

fn rows() -> Result<(Vec<Row>, Vec<shared::settings::Warning>), Failure> {
    let described = describe(Program::Producer, std::env::vars_os());
    let (mut rows, warnings) = described.map_err(|errors| Failure::Settings(errors.to_string()))?;
    for row in rows.iter_mut().filter(|row| row.name == "LOG_LEVEL" && row.source == "default") {
        row.value = Some(QUIET.to_owned());
    }
    Ok((rows, warnings))
}
