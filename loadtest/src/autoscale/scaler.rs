//! The loop: ask, decide, start or stop workers.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use shared::topology::Topology;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::api::Queue;
use super::hpa::Hpa;
use super::scaled::RATE;
use super::{Api, Scaled};
use crate::engine::Site;
use crate::rig::{Environment, RigError, Worker};

/// As for any worker of a load test.
const END_WITHIN: Duration = Duration::from_secs(40);

/// What was decided at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Seconds since the run began.
    pub(crate) at: f64,
    pub(crate) metric: f64,
    pub(crate) workers: u32,
}

/// Workers that come and go, beside those that are always there.
pub(crate) struct Scaler<'a> {
    site: &'a Site,
    scaled: Scaled,
    api: Api,
    environment: Environment,
    hpa: Hpa,
    /// Those above the least number, the newest last.
    workers: Vec<Worker>,
    leaving: JoinSet<Option<ExitStatus>>,
    started: usize,
    pub(crate) steps: Vec<Step>,
}

impl<'a> Scaler<'a> {
    /// The least number of workers runs already, with this environment.
    pub(crate) fn new(site: &'a Site, scaled: Scaled, api: Api, environment: Environment) -> Self {
        let hpa = Hpa::new(scaled.behavior.clone(), (scaled.least, scaled.most), scaled.target);
        let (workers, leaving) = (Vec::new(), JoinSet::new());
        Self { site, scaled, api, environment, hpa, workers, leaving, started: 0, steps: Vec::new() }
    }

    /// Until it is told to stop, and then until only the least number is left.
    pub(crate) async fn run(&mut self, over: &mut watch::Receiver<bool>) -> Result<(), RigError> {
        let mut polls = interval(Duration::from_secs_f64(self.scaled.polling_interval));
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            polls.tick().await;
            self.turn().await?;
            if *over.borrow() && self.workers.is_empty() {
                return Ok(());
            }
        }
    }

    async fn turn(&mut self) -> Result<(), RigError> {
        if let Some(dead) = self.workers.iter().find(|worker| worker.process.has_ended()) {
            return Err(RigError::NotReady(format!("a worker ended by itself:\n{}", dead.tail())));
        }
        let metric = self.scaled.metric(&readings(&self.site.topology, &self.api.queues().await?));
        let at = self.site.begun.elapsed().as_secs_f64();
        let current = self.scaled.least + u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
        let workers = self.hpa.pods(at, current, metric);
        for _ in current..workers {
            self.start().await?;
        }
        for _ in workers..current {
            self.stop_one();
        }
        self.steps.push(Step { at, metric, workers });
        Ok(())
    }

    /// As in a cluster, nobody waits until it is ready.
    async fn start(&mut self) -> Result<(), RigError> {
        self.started += 1;
        let name = format!("scaled-{}", self.started);
        let log = self.site.folder().join(format!("{name}.log"));
        self.environment.insert("WORKER_NAME".into(), name);
        self.workers.push(Worker::start(&self.site.worker, &self.environment, &log).await?);
        Ok(())
    }

    /// The newest leaves, in its own time.
    fn stop_one(&mut self) {
        if let Some(mut worker) = self.workers.pop() {
            self.leaving.spawn(async move { worker.end(Signal::TERM, END_WITHIN).await });
        }
    }

    /// Waits for those that leave; how many did not end in order.
    pub(crate) async fn unclean(&mut self) -> usize {
        let mut unclean = 0;
        while let Some(ended) = self.leaving.join_next().await {
            unclean += usize::from(!matches!(ended, Ok(Some(status)) if status.success()));
        }
        unclean
    }
}

/// What the triggers of the ScaledObject read, by their names: the length of each level's queue, and its rate.
fn readings(topology: &Topology, queues: &BTreeMap<String, Queue>) -> BTreeMap<String, f64> {
    let mut readings = BTreeMap::new();
    for level in topology.levels.iter() {
        let name = topology.levels.name(level);
        let queue = queues.get(&topology.level_queue(level)).cloned().unwrap_or_default();
        readings.insert(name.to_owned(), queue.messages as f64);
        readings.insert(format!("{name}{RATE}"), queue.rate());
    }
    readings
}
