//! The tables of the page.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder `docs` of the repository.
pub fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").canonicalize().unwrap()
}

/// The rows of every table whose header begins with these columns, each row as its cells. There must be one.
pub fn rows(columns: &[&str]) -> Vec<Vec<String>> {
    let text = fs::read_to_string(docs().join("protocol.md")).unwrap();
    let mut lines = text.lines();
    let mut rows = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('|') {
            let wanted =
                cells(line).iter().map(String::as_str).zip(columns).all(|(cell, column)| cell == *column);
            let table: Vec<Vec<String>> =
                lines.by_ref().take_while(|line| line.starts_with('|')).skip(1).map(cells).collect();
            if wanted {
                rows.extend(table);
            }
        }
    }
    assert!(!rows.is_empty(), "docs/protocol.md has no table that begins with {columns:?}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// What stands between the first pair of backticks of a cell.
pub fn code(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_else(|| panic!("no `code` in the cell '{cell}'"))
}

/// A name with its placeholders replaced.
pub fn name(cell: &str, values: &[(&str, &str)]) -> String {
    let replace = |text: String, (placeholder, value): &(&str, &str)| text.replace(placeholder, value);
    let name = values.iter().fold(code(cell).to_owned(), replace);
    name.replace("{{", "{").replace("}}", "}")
}

/// The rows of the first table behind a text.
pub fn table_after(text: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(docs().join("protocol.md")).unwrap();
    let (_, rest) = page.split_once(text).unwrap_or_else(|| panic!("docs/protocol.md does not say '{text}'"));
    let table =
        rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(cells).collect()
}
