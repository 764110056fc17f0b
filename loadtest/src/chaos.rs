//! `loadtest chaos`: a whole fleet under faults, and an audit of what became of every job.
//!
//! A [`schedule`] follows from the seed; [`faults`] are injected into a [`fleet`] of real workers while real producers
//! [`submit`] work; the [`books`] are read when everything is healed and done, and the [`audit`] judges them.

mod arguments;
mod audit;
mod books;
mod disk;
mod faults;
mod fleet;
mod media;
mod progress;
mod proxy;
mod report;
mod run;
mod scenario;
mod schedule;
mod settle;
mod side;
mod submit;

pub(crate) use arguments::Chaos;
pub(crate) use media::{Accepted, Media, ROOT};
pub(crate) use run::run;
