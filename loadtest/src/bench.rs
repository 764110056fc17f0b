//! What commands share that measure in rounds: clocks, programs that are run, the spread of rounds, and the run they are
//! written into. It knows nothing of what is measured.

mod begin;
mod child;
mod clock;
mod finish;
mod job;
mod rounds;

pub(crate) use begin::new_run;
pub(crate) use child::{finished, tail};
pub(crate) use clock::{Meter, reaped_cpu, tree_cpu};
pub(crate) use finish::finish;
pub(crate) use job::{LEVELS, job};
pub(crate) use rounds::{Round, Rounds, Spread};
