//! Variables that nobody reads but that look like one of ours: most likely a typing mistake.

use std::fmt;

use super::table::{VARIABLES, variable};

/// Two edits tell `ANALYSIS_TIMOUT` and `QUEUE_MAX_SIZES` from a stranger's variable; three would reach
/// `REDIS_PORT`, which Kubernetes puts beside `REDIS_URL` by itself.
const MAX_EDITS: usize = 2;

/// Something odd about the environment that stops nothing. Its text is one line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A variable that is not read, and the one that was probably meant.
    Unknown {
        /// The name as found.
        name: String,
        /// The name that is read.
        meant: &'static str,
    },
    /// The worker analyses nothing: it is set up for a load test.
    Rehearsal,
    /// RESULT_TTL is a number without a unit: of seconds, which is hardly what was meant.
    TtlWithoutUnit {
        /// The number.
        seconds: String,
    },
    /// `NAME_FILE` of a variable that is not a secret.
    NoFile {
        /// The variable, without `_FILE`.
        name: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, meant } => {
                write!(f, "{name} is not a setting and is ignored: did you mean {meant}?")
            }
            Self::Rehearsal => f.write_str(
                "ANALYSIS_REHEARSAL is set: this worker decodes nothing, and ends every file as ok with an empty report",
            ),
            Self::TtlWithoutUnit { seconds } => {
                write!(
                    f,
                    "RESULT_TTL={seconds} has no unit and is taken as seconds: results are gone after {seconds} s. Write \
                     {seconds}d for days, or {seconds}s if seconds are meant"
                )
            }
            Self::NoFile { name } => {
                write!(f, "{name}_FILE is ignored: only secrets are read from files, set {name} itself")
            }
        }
    }
}

/// Warnings about these names, sorted: the environment itself has no order.
pub(super) fn warnings<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Warning> {
    let mut found: Vec<(&str, Warning)> = names.filter_map(|name| Some((name, warning(name)?))).collect();
    found.sort_by_key(|(name, _)| *name);
    found.into_iter().map(|(_, warning)| warning).collect()
}

fn warning(name: &str) -> Option<Warning> {
    if variable(name).is_some() {
        return None;
    }
    if let Some(known) = name.strip_suffix("_FILE").and_then(variable) {
        return (!known.secret).then_some(Warning::NoFile { name: known.name });
    }
    let close = |meant: &&'static str| edits(name, meant) <= MAX_EDITS;
    let meant = VARIABLES
        .iter()
        .map(|variable| variable.name)
        .filter(close)
        .min_by_key(|meant| edits(name, meant))?;
    Some(Warning::Unknown { name: name.to_owned(), meant })
}

/// Levenshtein distance, row by row; names that differ much in length are not compared.
fn edits(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > MAX_EDITS {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_typos_are_named_and_strangers_left_alone() {
        let cases = [
            ("ANALYSIS_TIMOUT", Some("ANALYSIS_TIMEOUT")),
            ("ANALYSIS_MAX_WORKER", Some("ANALYSIS_MAX_WORKERS")),
            ("QUEUE_MAXSIZE", Some("QUEUE_MAX_SIZE")),
            ("WORKERNAME", Some("WORKER_NAME")),
            ("AMQP_URI", Some("AMQP_URL")),
            ("redis_url", None),
            ("REDIS_PORT", None),
            ("REDIS_SERVICE_HOST", None),
            ("PATH", None),
            ("ANALYSIS_SOMETHING_ELSE", None),
            ("", None),
        ];
        for (name, meant) in cases {
            let expected = meant.map(|meant| Warning::Unknown { name: name.to_owned(), meant });
            assert_eq!(warning(name), expected, "{name}");
        }
    }

    #[test]
    fn a_file_is_for_secrets_alone() {
        assert_eq!(warning("AMQP_URL_FILE"), None);
        assert_eq!(warning("QUEUE_MAX_SIZE_FILE"), Some(Warning::NoFile { name: "QUEUE_MAX_SIZE" }));
    }

    #[test]
    fn distance_agrees_with_known_pairs() {
        for (a, b, distance) in
            [("kitten", "sitten", 1), ("abc", "acb", 2), ("", "ab", 2), ("same", "same", 0)]
        {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
    }
}
