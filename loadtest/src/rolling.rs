//! `loadtest rolling`: two versions of the worker and of the producer side by side, rolled forward and back under load.
//!
//! [`fn@run`] holds it: workers of one version take the place of the other's, one by one, while producers of both submit work. The
//! [`audit`] then compares what each producer reads of every batch. It knows no version by name: whatever two builds it is given.

mod arguments;
mod audit;
mod fleet;
mod run;

pub(crate) use arguments::Rolling;
pub(crate) use run::run;
