//! From the raw environment to checked values, with every error and every likely typo.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::{
    error::{FileCause, SettingsError, SettingsErrors},
    kind::{Checked, Kind},
    lanes,
    table::{Fallback, Program, VARIABLES, Variable},
    typo::{Warning, warnings},
};
use crate::{
    job::Levels,
    mask::{MASK, mask_url},
};

/// Longest secret file that is read: a wrong path to a disk image must not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Longest part of a value that an error repeats.
const MAX_SHOWN_CHARS: usize = 120;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Default,
    Environment,
    File(PathBuf),
}

/// A variable and what holds for it.
#[derive(Debug)]
pub(super) struct Effective {
    pub(super) variable: &'static Variable,
    pub(super) value: Option<Checked>,
    pub(super) source: Source,
}

/// The checked settings of one program.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) effective: Vec<Effective>,
    pub(super) warnings: Vec<Warning>,
}

impl Environment {
    /// Checks all variables of a program; the errors come together.
    pub(super) fn read(
        program: Program,
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsErrors> {
        let vars: HashMap<OsString, OsString> = vars.into_iter().collect();
        let mut errors = Vec::new();
        let mut effective: Vec<Effective> = VARIABLES
            .iter()
            .filter(|variable| variable.used_by.includes(program))
            .filter_map(|variable| effective(variable, &vars).map_err(|error| errors.push(error)).ok())
            .collect();
        lanes::resolve(&mut effective);
        if let Err(error) = resolve_levels(&mut effective) {
            errors.push(error);
        }
        if !errors.is_empty() {
            return Err(SettingsErrors(errors));
        }
        let mut warnings = warnings(vars.keys().filter_map(|name| name.to_str()));
        let rehearses = |e: &Effective| e.variable.name == "ANALYSIS_REHEARSAL" && e.value.is_some();
        if effective.iter().any(rehearses) {
            warnings.push(Warning::Rehearsal);
        }
        let ttl = vars.get(OsStr::new("RESULT_TTL")).and_then(|value| value.to_str()).map(str::trim);
        if let Some(seconds) = ttl.filter(|ttl| ttl.parse::<u64>().is_ok()) {
            warnings.push(Warning::TtlWithoutUnit { seconds: seconds.to_owned() });
        }
        Ok(Self { effective, warnings })
    }

    /// Fills one group of settings; envy ignores the variables of the others.
    pub(super) fn load<T: DeserializeOwned>(&self) -> Result<T, SettingsErrors> {
        let values = self.effective.iter().filter_map(|e| {
            let value = e.value.as_ref()?;
            Some((e.variable.name.to_owned(), value.plain.clone()))
        });
        envy::from_iter(values).map_err(|error| SettingsErrors(vec![SettingsError::Table(error)]))
    }
}

fn effective(
    variable: &'static Variable,
    vars: &HashMap<OsString, OsString>,
) -> Result<Effective, SettingsError> {
    let (source, text) = match raw(variable, vars)? {
        Some((source, text)) => (source, Some(text)),
        None => (Source::Default, default(variable)),
    };
    let value = text.map(|text| {
        variable.kind.check(&text).ok_or_else(|| {
            let name = match &source {
                Source::File(path) => format!("{} (read from {})", variable.name, path.display()),
                Source::Default | Source::Environment => variable.name.to_owned(),
            };
            invalid(variable, name, &text, variable.kind.reason(&text))
        })
    });
    Ok(Effective { variable, value: value.transpose()?, source })
}

/// The text of a variable and where it stands; an empty one counts as not set.
fn raw(
    variable: &'static Variable,
    vars: &HashMap<OsString, OsString>,
) -> Result<Option<(Source, String)>, SettingsError> {
    let get = |name: &str| vars.get(OsStr::new(name)).filter(|value| !value.is_empty());
    let direct = get(variable.name);
    let file = if variable.secret { get(&variable.file_name()) } else { None };
    match (direct, file) {
        (Some(_), Some(_)) => Err(SettingsError::SetTwice { name: variable.name }),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let path = PathBuf::from(path);
            let text = read_file(&path).map_err(|cause| SettingsError::File {
                name: variable.name,
                path: path.clone(),
                cause,
                expected: variable.expected(),
                default: variable.fallback.text(),
            })?;
            Ok(Some((Source::File(path), text)))
        }
        (Some(value), None) => {
            let text = value.to_str().ok_or_else(|| SettingsError::NotUnicode {
                name: variable.name.to_owned(),
                value: if variable.secret {
                    MASK.to_owned()
                } else {
                    shown(variable, &value.to_string_lossy())
                },
                expected: variable.expected(),
                default: variable.fallback.text(),
            })?;
            let text = text.trim();
            Ok((!text.is_empty()).then(|| (Source::Environment, text.to_owned())))
        }
    }
}

fn read_file(path: &Path) -> Result<String, FileCause> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(FileCause::Read)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(FileCause::Read)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(FileCause::TooLong(MAX_FILE_BYTES));
    }
    let text = String::from_utf8(bytes).map_err(|_| FileCause::NotUnicode)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(FileCause::Empty) } else { Ok(text.to_owned()) }
}

fn default(variable: &Variable) -> Option<String> {
    match variable.fallback {
        Fallback::Value(value) => Some(value.to_owned()),
        Fallback::Absent => None,
        Fallback::HostAndProcess => {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            let host: String =
                host.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(63).collect();
            Some(format!("{host}-{}", std::process::id()))
        }
    }
}

/// Level names mean something only beside the number of levels; here they become numbers, the highest 0.
fn resolve_levels(effective: &mut [Effective]) -> Result<(), SettingsError> {
    let count = effective.iter().find(|e| e.variable.name == "QUEUE_PRIORITY_LEVELS");
    let levels = count.and_then(|e| e.value.as_ref()?.plain.parse().ok()).and_then(|n| Levels::new(n).ok());
    let chosen = effective.iter_mut().find(|e| matches!(e.variable.kind, Kind::Levels));
    // One of the two is wrong by itself, and has been reported, or the program does not read them.
    let (Some(levels), Some(chosen)) = (levels, chosen) else { return Ok(()) };
    let (variable, Some(value)) = (chosen.variable, &mut chosen.value) else { return Ok(()) };
    let mut numbers = Vec::new();
    for name in value.shown.split(',') {
        match levels.parse(name) {
            _ if name == "all" => numbers.extend(levels.iter()),
            Ok(level) => numbers.push(level),
            Err(unknown) => {
                let reason = Some(unknown.to_string());
                return Err(invalid(variable, variable.name.to_owned(), &value.shown, reason));
            }
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    value.plain = numbers.iter().map(|level| level.0.to_string()).collect::<Vec<_>>().join(",");
    Ok(())
}

fn invalid(variable: &Variable, name: String, text: &str, reason: Option<String>) -> SettingsError {
    SettingsError::Invalid {
        name,
        value: shown(variable, text),
        reason,
        expected: variable.expected(),
        default: variable.fallback.text(),
    }
}

/// A refused value as an error may show it: one short printable line, and no secret.
fn shown(variable: &Variable, text: &str) -> String {
    let text = if variable.secret { mask_url(text) } else { text.escape_debug().to_string() };
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
