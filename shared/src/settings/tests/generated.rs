//! What is generated from the table is up to date. `UPDATE=1 cargo test -p shared settings` writes it anew.

use std::{fs, io, path::PathBuf};

use super::*;

const BEGIN: &str = "<!-- settings:begin -->";
const END: &str = "<!-- settings:end -->";

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Compares a file with what it should be, or makes it so when asked to.
fn up_to_date(path: &str, found: &str, wanted: &str) {
    if found == wanted {
        return;
    }
    assert!(
        std::env::var_os("UPDATE").is_some(),
        "{path} differs from the table of settings: refresh it with UPDATE=1 cargo test -p shared settings"
    );
    fs::write(repository(path), wanted).unwrap();
}

#[test]
fn the_sample_file_is_up_to_date() {
    let path = "deploy/settings.env";
    let found = match fs::read_to_string(repository(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.unwrap(),
    };
    up_to_date(path, &found, &sample_env_file());
}

#[test]
fn the_sample_file_parses_with_every_line_switched_on() {
    let text = sample_env_file();
    let pairs: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' '))?.split_once('='))
        .collect();
    assert_eq!(pairs.len(), VARIABLES.len());
    let (settings, warnings) = WorkerSettings::from_vars(vars(&pairs)).unwrap();
    // The one setting that no sensible fleet switches on says so.
    assert_eq!(warnings, [Warning::Rehearsal]);
    assert_eq!(settings.media_roots.unwrap().iter().count(), 1);
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let path = "docs/reference/settings.md";
    let page = fs::read_to_string(repository(path)).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(END).expect("the table ends");
    up_to_date(path, &page, &format!("{before}{BEGIN}\n{}{END}{after}", markdown_table()));
}

#[test]
fn the_markdown_has_a_row_of_four_cells_for_every_variable() {
    let table = markdown_table();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(rows.len(), VARIABLES.len());
    for (row, variable) in rows.iter().zip(VARIABLES) {
        assert!(row.starts_with(&format!("| `{}` | ", variable.name)), "{row}");
        assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
    }
}
