//! `loadtest cache`: what a second run over known files costs, and one over files that have not changed.
//!
//! Real programs on private servers. It measures and says whether what was promised holds; it injects nothing.

mod arguments;
mod files;
mod listed;
mod run;
mod usage;

pub(crate) use arguments::Cache;
pub(crate) use run::run;
