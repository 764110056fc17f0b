//! The workers of a phase: started, ready, and stopped in order.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::Signal;
use shared::settings::{Program, describe, format_duration};

use super::{Media, Site, Work};
use crate::rig::{Environment, RigError, Worker};

/// SHUTDOWN_TIMEOUT is 25 s by default, and each server may be waited for a few more.
const END_WITHIN: Duration = Duration::from_secs(40);

/// A lane may not get less than 96 MiB, and 16 of them get more by default.
const MEMORY_MB: (u64, u64) = (8192, 128);

/// How many workers of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) workers: u32,
    /// Of each.
    pub(crate) lanes: u32,
    pub(crate) rehearsal: Option<Duration>,
    pub(crate) told: Told,
}

/// The one setting, if any, that is not as in the environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Told {
    #[default]
    Nothing,
    /// So many jobs are held beyond the lanes, at first (ANALYSIS_BATCH_SIZE).
    Batch(u32),
    /// Never more are than at first (ANALYSIS_BATCH_MAX).
    FixedBatch,
    /// Nothing is read ahead (READ_AHEAD_MB).
    NoReadAhead,
}

impl Told {
    const fn variable(self) -> Option<(&'static str, u32)> {
        match self {
            Self::Nothing => None,
            Self::Batch(jobs) => Some(("ANALYSIS_BATCH_SIZE", jobs)),
            Self::FixedBatch => Some(("ANALYSIS_BATCH_MAX", 1)),
            Self::NoReadAhead => Some(("READ_AHEAD_MB", 0)),
        }
    }
}

impl Shape {
    /// That of the arguments.
    pub(crate) fn of(work: &Work) -> Self {
        Self {
            workers: work.workers.into(),
            lanes: work.lanes(),
            rehearsal: work.rehearsal,
            told: Told::Nothing,
        }
    }

    pub(crate) const fn lanes(&self) -> u32 {
        self.workers * self.lanes
    }
}

/// Workers that run.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) shape: Shape,
    workers: Vec<Worker>,
}

impl Crew {
    /// Starts them, as slow as `--slow` asks for, and waits until they take work.
    pub(crate) async fn start(site: &Site, media: &Media, shape: Shape) -> Result<Self, RigError> {
        let rehearsal = site.common.slow.or(shape.rehearsal);
        Self::sound(site, media, Shape { rehearsal, ..shape }).await
    }

    /// The same whatever `--slow` says.
    pub(crate) async fn sound(site: &Site, media: &Media, shape: Shape) -> Result<Self, RigError> {
        if site.common.no_workers {
            // How many there are and what they do is not known here.
            let shape = Shape { workers: 0, lanes: 0, rehearsal: None, told: Told::Nothing };
            return Ok(Self { shape, workers: Vec::new() });
        }
        let mut crew = Self { shape, workers: Vec::new() };
        let mut environment = Self::environment(site, media, shape);
        *site.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings(&environment);
        for number in 0..shape.workers {
            let name = format!("load-{number}");
            let log = site.folder().join(format!("{name}.log"));
            environment.insert("WORKER_NAME".into(), name);
            crew.workers.push(Worker::start(&site.worker, &environment, &log).await?);
        }
        for worker in &mut crew.workers {
            worker.ready().await?;
        }
        Ok(crew)
    }

    /// What each of them is told, but for its name.
    pub(crate) fn environment(site: &Site, media: &Media, shape: Shape) -> Environment {
        let mut environment = site.environment.clone();
        let (least, per_lane) = MEMORY_MB;
        let memory = least.max(1024 + per_lane * u64::from(shape.lanes));
        environment.insert("MEDIA_ROOTS".into(), media.root.clone());
        environment.insert("ANALYSIS_MAX_WORKERS".into(), shape.lanes.to_string());
        environment.insert("MAX_MEMORY_MB".into(), memory.to_string());
        if let Some((name, value)) = shape.told.variable() {
            environment.insert(name.into(), value.to_string());
        }
        if let Some(time) = shape.rehearsal {
            environment.insert("ANALYSIS_REHEARSAL".into(), format_duration(time));
        }
        environment
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.workers.iter().map(|worker| worker.process.id()).collect()
    }

    /// The lanes that they have now.
    pub(crate) fn lanes(&self) -> Vec<u32> {
        let children = self.workers.iter().flat_map(|worker| worker.process.children());
        children.map(|lane| lane.id()).collect()
    }

    /// A worker that has ended by itself has failed the run.
    pub(crate) fn check(&self) -> Result<(), RigError> {
        match self.workers.iter().find(|worker| worker.process.has_ended()) {
            Some(dead) => Err(RigError::NotReady(format!(
                "a worker ended by itself; its log ends so:\n{}",
                dead.tail()
            ))),
            None => Ok(()),
        }
    }

    /// SIGTERM and the end of all of them. What does not end is killed.
    pub(crate) async fn stop(mut self) {
        join_all(self.workers.iter_mut().map(|worker| worker.end(Signal::TERM, END_WITHIN))).await;
    }
}

/// The effective settings, secrets masked; those that differ from worker to worker left out.
fn settings(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let variables = environment.iter().map(|(name, value)| (name.into(), value.into()));
    let (rows, _) = describe(Program::Worker, variables).unwrap_or_default();
    let rows = rows.into_iter().filter(|row| row.name != "WORKER_NAME");
    rows.filter_map(|row| Some((row.name.to_owned(), row.value?))).collect()
}
