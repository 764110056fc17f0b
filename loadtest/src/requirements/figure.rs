//! A figure of a phase by its path, or a sum made of several: `files_per_hour`, `jobs.ended / jobs.offered`,
//! `(usage.worker.peak_rss_bytes - usage.worker.begin_rss_bytes) / 1e6`.

use serde::Deserialize;

use crate::measure::{Jobs, Latency, Phase, Usage};

/// Brackets in brackets: far more than anybody writes, and far less than a stack holds.
const DEEPEST: usize = 32;

/// A figure that can be read off a phase.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Figure {
    text: String,
    sum: Sum,
}

#[derive(Debug, Clone, PartialEq)]
enum Sum {
    Number(f64),
    Path(String),
    Pair(Box<Sum>, char, Box<Sum>),
}

/// Text that is no figure; found when the file is read, so that the error has its line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FigureError {
    #[error("'{0}' is no figure of a phase")]
    Unknown(String),
    #[error("'{0}' is not a figure: a number, a path or a bracket is missing")]
    Incomplete(String),
    #[error("'{0}' is not a figure: what is behind '{1}' is too much, or cannot be read")]
    Trailing(String, String),
    #[error("'{0}' has too many brackets in brackets")]
    Deep(String),
}

/// Why a phase does not have a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Absent {
    /// No phase ever has it.
    Unknown,
    /// This one was not measured so.
    Here(String),
}

impl TryFrom<String> for Figure {
    type Error = FigureError;

    fn try_from(text: String) -> Result<Self, FigureError> {
        let mut parser = Parser { text: &text, rest: text.trim(), depth: 0 };
        let sum = parser.sum()?;
        if !parser.rest.is_empty() {
            let read = text.trim().len() - parser.rest.len();
            return Err(FigureError::Trailing(text.clone(), text.trim()[..read].trim().to_owned()));
        }
        Ok(Self { text, sum })
    }
}

impl Figure {
    /// The value in a phase, or why it has none.
    pub(crate) fn of(&self, phase: &Phase) -> Result<f64, String> {
        match value(&self.sum, phase) {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(format!("{} divides by zero", self.text)),
            Err(Absent::Here(why)) => Err(why),
            Err(Absent::Unknown) => Err(format!("there is no figure {}", self.text)),
        }
    }
}

fn value(sum: &Sum, phase: &Phase) -> Result<f64, Absent> {
    Ok(match sum {
        Sum::Number(number) => *number,
        Sum::Path(path) => look(phase, path)?,
        Sum::Pair(left, sign, right) => {
            let (left, right) = (value(left, phase)?, value(right, phase)?);
            match sign {
                '+' => left + right,
                '-' => left - right,
                '*' => left * right,
                _ => left / right,
            }
        }
    })
}

/// The figure at a path of [`Phase`].
fn look(phase: &Phase, path: &str) -> Result<f64, Absent> {
    let here = |what: String| Absent::Here(what);
    match path.split('.').collect::<Vec<_>>()[..] {
        ["files_per_hour"] => Ok(phase.files_per_hour()),
        ["workers"] => Ok(f64::from(phase.workers)),
        ["lanes"] => Ok(f64::from(phase.lanes)),
        ["seconds"] => Ok(phase.seconds),
        ["audio_seconds"] => Ok(phase.audio_seconds),
        ["bytes"] => Ok(phase.bytes as f64),
        ["offered_per_second"] => {
            phase.offered_per_second.ok_or_else(|| here("nothing was offered at a rate".to_owned()))
        }
        // An end that did not occur is not listed.
        ["jobs", "outcomes", code] => Ok(phase.jobs.outcomes.get(code).copied().unwrap_or(0) as f64),
        ["jobs", figure] => of_jobs(&phase.jobs, figure).ok_or(Absent::Unknown),
        ["latency", level, part, figure] => {
            of_latency(&Latency::default(), figure).ok_or(Absent::Unknown)?;
            let latency = phase.latency.get(level).and_then(|parts| parts.get(part));
            let latency = latency.filter(|latency| latency.count > 0);
            latency
                .and_then(|latency| of_latency(latency, figure))
                .ok_or_else(|| here(format!("there is no latency {level}.{part}")))
        }
        ["usage", role, figure] => {
            of_usage(&Usage::default(), figure).ok_or(Absent::Unknown)?;
            let usage = phase.usage.get(role).and_then(|usage| of_usage(usage, figure));
            usage.ok_or_else(|| here(format!("what '{role}' used was not measured")))
        }
        ["figures", name] => {
            phase.figures.get(name).copied().ok_or_else(|| here(format!("there is no figure '{name}'")))
        }
        _ => Err(Absent::Unknown),
    }
}

fn of_jobs(jobs: &Jobs, figure: &str) -> Option<f64> {
    let count = match figure {
        "offered" => jobs.offered,
        "accepted" => jobs.accepted,
        "refused" => jobs.refused,
        "ended" => jobs.ended,
        "cached" => jobs.cached,
        "lost" => jobs.lost,
        "doubled" => jobs.doubled,
        _ => return None,
    };
    Some(count as f64)
}

fn of_latency(latency: &Latency, figure: &str) -> Option<f64> {
    Some(match figure {
        "count" => latency.count as f64,
        "mean" => latency.mean,
        "min" => latency.min,
        "p50" => latency.p50,
        "p90" => latency.p90,
        "p95" => latency.p95,
        "p99" => latency.p99,
        "p999" => latency.p999,
        "max" => latency.max,
        _ => return None,
    })
}

fn of_usage(usage: &Usage, figure: &str) -> Option<f64> {
    Some(match figure {
        "processes" => f64::from(usage.processes),
        "cpu_seconds" => usage.cpu_seconds,
        "peak_rss_bytes" => usage.peak_rss_bytes as f64,
        "begin_rss_bytes" => usage.begin_rss_bytes as f64,
        _ => return None,
    })
}

/// By precedence: a sum of products of numbers, paths and bracketed sums.
struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Sum, FigureError> {
        let mut left = self.product()?;
        while let Some(sign) = self.sign(['+', '-']) {
            left = Sum::Pair(Box::new(left), sign, Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Sum, FigureError> {
        let mut left = self.value()?;
        while let Some(sign) = self.sign(['*', '/']) {
            left = Sum::Pair(Box::new(left), sign, Box::new(self.value()?));
        }
        Ok(left)
    }

    fn value(&mut self) -> Result<Sum, FigureError> {
        let incomplete = || FigureError::Incomplete(self.text.to_owned());
        if self.sign(['(', '(']).is_some() {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(FigureError::Deep(self.text.to_owned()));
            }
            let sum = self.sum()?;
            self.depth -= 1;
            return self.sign([')', ')']).map(|_| sum).ok_or(FigureError::Incomplete(self.text.to_owned()));
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        if token.is_empty() {
            return Err(incomplete());
        }
        let sum = match token.parse::<f64>() {
            // `inf` and `nan` are numbers to the parser, and none to us.
            Ok(number) if number.is_finite() => Sum::Number(number),
            _ if look(&Phase::default(), token) == Err(Absent::Unknown) => {
                return Err(FigureError::Unknown(token.to_owned()));
            }
            _ => Sum::Path(token.to_owned()),
        };
        self.rest = rest.trim_start();
        Ok(sum)
    }

    fn sign(&mut self, wanted: [char; 2]) -> Option<char> {
        let sign = self.rest.chars().next().filter(|sign| wanted.contains(sign))?;
        self.rest = self.rest[1..].trim_start();
        Some(sign)
    }
}
