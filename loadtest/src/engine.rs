//! What all load scenarios run on, and the method by which they measure. A scenario says what is to arrive when, and on which
//! workers; everything else is here.
//!
//! **Load.** A [`plan::Plan`] fixes before the start when each job is to arrive, by the seed alone: all at once (a closed
//! backlog) or on a schedule (an open loop, evenly or as a Poisson process). [`publish`] keeps to it whatever the fleet does:
//! a job that leaves late, because the confirm window is full or the broker stands, is measured from its *intended* arrival,
//! so nothing that was slow is left out (no coordinated omission). Jobs are published by the product's own publisher, in a
//! batch that is opened, counted and sealed as `producer enqueue` does it.
//!
//! **Files** are real encoded music (`corpus`), each different audio. Where there are more jobs than files, files are used in
//! turn and jobs are forced, so that the cache does not answer; their corpus says so. A rehearsal (`ANALYSIS_REHEARSAL` of the
//! worker) decodes nothing and takes a fixed time on a lane, a real process behind real pipes; its corpus says that.
//!
//! **Warm-up** is a batch of its own that has ended before the first measured job is due; nothing of it is counted.
//!
//! **The tail** is part of it: a phase ends with the last end of its jobs. What has no end when nothing has ended for
//! `--patience` is lost. What still makes progress after a limit is unfinished, and no requirement is met by it.
//!
//! **Clocks.** An end is when Redis stored it, by Redis' clock: the id of the event, cut to a millisecond (up to 1 ms too
//! early). Arrivals are by our clock, shifted by the difference to Redis', which is measured before each phase (the answer
//! with the shortest way of five). *total* = end − intended arrival. *service* = the record's `elapsed_seconds`, by the
//! worker's clock: identification, cache and lane. *wait* = total − service: publishing, queue, prefetch, and storing the
//! end. *confirm* = the broker's confirm − intended arrival.
//!
//! **Percentiles** are of HDR histograms of every job, by level; nothing is sampled.
//!
//! **Processes** are read from `/proc` once a second and at both ends of a phase: processor time and resident memory of
//! workers, lanes, RabbitMQ, Redis and this program. A lane that ended in between counts with what was seen last.
//!
//! **The audit** holds every accepted job against the stored ends: without one it is lost, with more than one doubled.

mod arguments;
mod arrivals;
mod audit;
mod crew;
mod drain;
mod ends;
mod given;
mod live;
mod media;
mod observe;
mod phase;
mod place;
mod plan;
mod proc;
mod publish;
mod reckon;
mod site;
mod thief;
mod timeline;

pub(crate) use arguments::{Common, Pace, Work, duration};
pub(crate) use arrivals::Arrivals;
pub(crate) use audit::Ended;
pub(crate) use crew::{Crew, Shape, Told};
pub(crate) use media::Media;
pub(crate) use phase::{Measured, follow, measure, steal_one, warm_up};
pub(crate) use plan::{Mix, Plan};
pub(crate) use proc::{peak_bytes, resident_bytes};
pub(crate) use reckon::reckon;
pub(crate) use site::{Site, held};
