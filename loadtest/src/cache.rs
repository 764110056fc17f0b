//! `loadtest cache`: what a second run over known files costs, and one over files that have not changed.
//!
//! Real programs on private servers. It injects nothing.

mod arguments;
mod files;
mod listed;
mod rig;
mod run;

pub(crate) use arguments::Cache;
pub(crate) use run::run;
