//! What load tests measure, and how it is written down: the one form that reports, comparisons and the README are made from.
//! It starts nothing and judges nothing.

mod latency;
mod machine;
mod run;

pub(crate) use latency::{Histogram, Latency};
pub(crate) use machine::{machine, own_version, processors, versions};
pub(crate) use run::{Corpus, Jobs, Machine, Moment, Phase, Run, SCHEMA, SCHEMA_VERSION, Usage, Verdict};
