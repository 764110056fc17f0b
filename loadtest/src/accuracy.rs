//! `loadtest accuracy`: how right the analysis is, on music whose truth is known because it was composed here.
//!
//! [`run()`] makes a corpus by `loadtest corpus`, has the real worker analyse it, and holds the records against the truth; [`score`] has
//! the measures with their sources, [`tally`] adds them up, [`bars`] says what is asked for.

mod arguments;
mod bars;
mod calibration;
mod run;
mod score;
mod tally;

pub(crate) use arguments::Accuracy;
pub(crate) use run::run;
