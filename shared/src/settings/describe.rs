//! The effective settings as `worker config` and `producer config` print them.

use std::ffi::OsString;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;

use super::{
    error::SettingsErrors,
    read::{Effective, Environment, Source},
    table::Program,
    typo::Warning,
};
use crate::printable::{printable, printable_json};

/// One variable and what holds for it; secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The variable.
    pub name: &'static str,
    /// The value in force, absent where there is none.
    pub value: Option<String>,
    /// `default`, `environment`, or `file PATH`.
    pub source: String,
    /// Unit of the value, empty where there is none.
    pub unit: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// The effective values of a program in this environment, and its warnings.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn describe(
    program: Program,
    vars: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Vec<Row>, Vec<Warning>), SettingsErrors> {
    let Environment { effective, warnings } = Environment::read(program, vars)?;
    Ok((effective.into_iter().map(row).collect(), warnings))
}

fn row(Effective { variable, value, source }: Effective) -> Row {
    let source = match source {
        Source::Default => "default".to_owned(),
        Source::Environment => "environment".to_owned(),
        Source::File(path) => format!("file {}", path.display()),
    };
    let (name, unit, meaning) = (variable.name, variable.unit, variable.meaning);
    Row { name, value: value.map(|value| value.shown), source, unit, meaning }
}

/// The rows as a table for people, `width` columns wide where given, else as wide as the terminal. It ends without a newline.
#[must_use]
pub fn rows_table(rows: &[Row], width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(["variable", "value", "unit", "set by", "meaning"]);
    for row in rows {
        let value = printable(row.value.as_deref().unwrap_or("-"));
        let source = printable(&row.source);
        table.add_row([row.name, value.as_str(), row.unit, source.as_str(), row.meaning]);
    }
    // A name that is broken in two can be neither copied nor found.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt()
}

/// The rows as one indented JSON array. It ends without a newline.
#[must_use]
pub fn rows_json(rows: &[Row]) -> String {
    let rows = rows.iter().map(|Row { name, value, source, unit, meaning }| {
        serde_json::json!({ "name": name, "value": value, "source": source, "unit": unit, "meaning": meaning })
    });
    printable_json(&format!("{:#}", serde_json::Value::Array(rows.collect()))).into_owned()
}
