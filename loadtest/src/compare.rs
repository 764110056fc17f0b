//! `loadtest compare`: what is different between two runs of a scenario, or two groups of them, and what of it is noise.
//!
//! Several runs of a side measure its noise: half of the range of their figures. Of a single run it is estimated from how its
//! own seconds differ among themselves, and the output says so; what has no time line has no estimate, and the tolerance alone
//! decides.

mod arguments;
mod context;
mod figures;
mod judge;
mod noise;
mod page;
mod text;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use arguments::Compare;

use crate::measure::Run;
use crate::report::{Look, ReportError, read, writing};
use judge::{Difference, differences};

/// One side: at least one run, all of the same scenario.
#[derive(Debug)]
struct Side {
    first: Run,
    more: Vec<Run>,
}

impl Side {
    fn read(first: &Path, more: &[PathBuf]) -> Result<Self, ReportError> {
        let more = more.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        Ok(Self { first: read(first)?, more })
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        std::iter::once(&self.first).chain(&self.more)
    }

    fn is_single(&self) -> bool {
        self.more.is_empty()
    }
}

/// Two sides and what is different between them.
#[derive(Debug)]
struct Comparison {
    a: Side,
    b: Side,
    /// Part of a figure that may change without being a regression.
    tolerance: f64,
    /// Circumstances that differ, in words.
    context: Vec<String>,
    differences: Vec<Difference>,
}

impl Comparison {
    /// Refuses what is not the same thing measured twice.
    fn new(a: Side, b: Side, tolerance: f64) -> Result<Self, ReportError> {
        let first = &a.first;
        for other in a.more.iter().chain(b.runs()) {
            if first.schema_version != other.schema_version {
                return Err(ReportError::OtherVersion { a: first.schema_version, b: other.schema_version });
            }
            if first.scenario != other.scenario {
                let (a, b) = (first.scenario.clone(), other.scenario.clone());
                return Err(ReportError::OtherScenario { a, b });
            }
        }
        let (context, differences) = (context::context(&a, &b), differences(&a, &b, tolerance));
        Ok(Self { a, b, tolerance, context, differences })
    }

    fn regressions(&self) -> usize {
        self.differences.iter().filter(|difference| difference.change.is_regression()).count()
    }
}

/// Compares, and returns the text for the terminal and whether nothing became worse.
pub(crate) fn run(arguments: &Compare) -> Result<(String, bool), ReportError> {
    let a = Side::read(&arguments.a, &arguments.with_a)?;
    let b = Side::read(&arguments.b, &arguments.with_b)?;
    let comparison = Comparison::new(a, b, arguments.tolerance)?;
    let mut text = text::text(&comparison, arguments.all, &Look::of_terminal());
    if let Some(path) = &arguments.html {
        fs::write(path, page::page(&comparison)).map_err(writing(path))?;
        text.push_str(&format!("\nreport: {}", path.display()));
    }
    Ok((text, comparison.regressions() == 0))
}
