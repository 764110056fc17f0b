//! The workers of a run, each behind wires of its own, and the watch over them: one that ends unasked is noted, started
//! again and held against the fleet.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep};

use super::proxy::Proxy;
use super::schedule::Server;
use crate::rig::{Environment, Process, RigError, Seen, Servers, Totals, Worker, io};

/// The orderly end of a worker: SHUTDOWN_TIMEOUT of these runs is 5 s, and each server may be waited for a few more.
pub(crate) const END_WITHIN: Duration = Duration::from_secs(40);

/// A process that was killed is gone at once; a busy machine takes a little longer to notice.
const KILLED_WITHIN: Duration = Duration::from_secs(10);

/// A worker that answers no question over HTTP for so long hangs. What it is asked costs it nothing, and no fault of ours that
/// stops it lasts as long.
const HUNG_AFTER: Duration = Duration::from_secs(60);

/// Open files that a worker may have when it starts (soft limit), as on most machines. It may raise that itself.
pub(crate) const DESCRIPTORS: u32 = 1024;

/// Between two looks at a worker.
const WATCH: Duration = Duration::from_millis(250);

/// Between two looks at its counters.
const GLANCE: Duration = Duration::from_millis(50);

/// Jobs that a worker has ended.
const ENDS: &str = "analysis_files_processed_total";

/// The wires of one client: the addresses that it is given, with a proxy before each server that is a single one. A client of a
/// cluster finds the nodes by itself.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) amqp_url: String,
    pub(crate) redis_url: String,
    amqp: Option<Proxy>,
    redis: Option<Proxy>,
    /// One fault at a time on each.
    pub(crate) turns: [AsyncMutex<()>; 2],
}

impl Wires {
    pub(crate) async fn to(servers: &Servers) -> Result<Self, RigError> {
        let (amqp, redis) = (proxy(&servers.amqp).await?, proxy(&servers.redis).await?);
        let url = |proxy: &Option<Proxy>, direct: &String| match proxy {
            Some(proxy) => proxy.url.clone(),
            None => direct.clone(),
        };
        let (amqp_url, redis_url) = (url(&amqp, &servers.amqp), url(&redis, &servers.redis));
        Ok(Self { amqp_url, redis_url, amqp, redis, turns: Default::default() })
    }

    pub(crate) fn wire(&self, server: Server) -> (Option<&Proxy>, &AsyncMutex<()>) {
        match server {
            Server::Rabbitmq => (self.amqp.as_ref(), &self.turns[0]),
            Server::Redis => (self.redis.as_ref(), &self.turns[1]),
        }
    }
}

async fn proxy(url: &str) -> Result<Option<Proxy>, RigError> {
    match url.contains(',') {
        true => Ok(None),
        false => Proxy::before(url).await.map(Some).map_err(io("a proxy")),
    }
}

/// A worker's place: the worker in it changes, its name and its wires stay.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) wires: Wires,
    program: PathBuf,
    environment: Environment,
    log: PathBuf,
    seen: Arc<Seen>,
    /// Held by whoever does something to the worker, so that the watch does not take it for an accident.
    pub(crate) worker: AsyncMutex<Worker>,
    /// Counters of the worker that is there now, and of those before it.
    totals: Mutex<(Totals, Totals)>,
    unasked: Mutex<Vec<String>>,
    /// Workers that did not answer, or did not end when they were told to.
    hung: AtomicU64,
    /// When the worker that is there now was started, or last answered.
    answered: Mutex<Instant>,
}

impl Slot {
    /// Starts the first worker.
    pub(crate) async fn open(
        number: usize,
        program: PathBuf,
        mut environment: Environment,
        servers: &Servers,
        folder: &std::path::Path,
        seen: Arc<Seen>,
    ) -> Result<Self, RigError> {
        let (name, wires) = (format!("worker-{number}"), Wires::to(servers).await?);
        environment.insert("WORKER_NAME".into(), name.clone());
        environment.insert("AMQP_URL".into(), wires.amqp_url.clone());
        environment.insert("REDIS_URL".into(), wires.redis_url.clone());
        let log = folder.join(format!("{name}.log"));
        let worker = AsyncMutex::new(Worker::start(&program, &environment, &log).await?);
        let (totals, unasked) = (Mutex::default(), Mutex::default());
        let (hung, answered) = (AtomicU64::new(0), Mutex::new(Instant::now()));
        Ok(Self { name, wires, program, environment, log, seen, worker, totals, unasked, hung, answered })
    }

    /// A new worker in place of one that has ended.
    pub(crate) async fn restart(&self, worker: &mut Worker) -> Result<(), RigError> {
        self.close_account();
        *worker = Worker::start(&self.program, &self.environment, &self.log).await?;
        self.note_answer();
        Ok(())
    }

    fn close_account(&self) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, before) = &mut *totals;
        for (name, value) in std::mem::take(now) {
            *before.entry(name).or_default() += value;
        }
    }

    /// SIGKILL; what it leaves is looked for at the end.
    pub(crate) async fn kill(&self, worker: &mut Worker) {
        self.note(worker);
        if worker.end(Signal::KILL, KILLED_WITHIN).await.is_none() {
            self.hold_against("survived SIGKILL".to_owned());
        }
    }

    /// SIGTERM; anything but an orderly end is held against it.
    pub(crate) async fn terminate(&self, worker: &mut Worker) {
        self.note(worker);
        self.count(worker).await;
        let ended = worker.end(Signal::TERM, END_WITHIN).await;
        match ended.map(|status| status.code()) {
            Some(Some(0)) => {}
            Some(_) => {
                self.hold_against(format!("ended badly after SIGTERM ({ended:?}):\n{}", worker.tail()))
            }
            None => {
                let within = END_WITHIN.as_secs();
                self.hung.fetch_add(1, Ordering::Relaxed);
                self.hold_against(format!("had not ended {within} s after SIGTERM:\n{}", worker.tail()));
                self.kill(worker).await;
            }
        }
    }

    /// Looks after the worker until dropped.
    pub(crate) async fn watch(&self) -> Result<(), RigError> {
        loop {
            sleep(WATCH).await;
            // Somebody does something to it: what happens now was asked for.
            let Ok(mut worker) = self.worker.try_lock() else { continue };
            if let Some(status) = worker.ended() {
                self.hold_against(format!("ended unasked: {status}; its log ends so:\n{}", worker.tail()));
                self.restart(&mut worker).await?;
            }
            self.note(&worker);
            self.count(&worker).await;
            if self.silent_for() > HUNG_AFTER {
                let seconds = HUNG_AFTER.as_secs();
                self.hold_hung(format!(
                    "answered nothing for {seconds} s; its log ends so:\n{}",
                    worker.tail()
                ));
                self.kill(&mut worker).await;
                self.restart(&mut worker).await?;
            }
        }
    }

    /// The worker is given this long to say that it is alive; one that does not hangs.
    pub(crate) async fn must_live(&self, worker: &Worker, within: Duration) {
        if !worker.lives(within).await {
            let seconds = within.as_secs();
            self.hold_hung(format!(
                "did not answer /livez within {seconds} s; its log ends so:\n{}",
                worker.tail()
            ));
        }
        self.note_answer();
    }

    fn note_answer(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn silent_for(&self) -> Duration {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn hold_hung(&self, what: String) {
        self.hung.fetch_add(1, Ordering::Relaxed);
        self.hold_against(what);
    }

    /// How many of its workers hung.
    pub(crate) fn hung(&self) -> u64 {
        self.hung.load(Ordering::Relaxed)
    }

    fn note(&self, worker: &Worker) {
        let own = Process::of(worker.process.id());
        self.seen.note(worker.process.children().into_iter().chain(own));
    }

    async fn count(&self, worker: &Worker) {
        if let Some(now) = worker.totals().await {
            self.totals.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
            self.note_answer();
        }
    }

    fn hold_against(&self, what: String) {
        let what = format!("{} {what}", self.name);
        self.unasked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What its workers did that they should not have.
    pub(crate) fn unasked(&self) -> Vec<String> {
        self.unasked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time until a job of one of its workers ends; `None` when none does within `limit`.
    pub(crate) async fn next_end(&self, limit: Duration) -> Option<Duration> {
        let (begun, before) = (Instant::now(), self.total(ENDS));
        while self.total(ENDS) <= before {
            if begun.elapsed() >= limit {
                return None;
            }
            sleep(GLANCE).await;
        }
        Some(begun.elapsed())
    }

    /// The sum of a series over all its workers; what one counted in its last quarter of a second may be missing.
    pub(crate) fn total(&self, series: &str) -> f64 {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        [&totals.0, &totals.1].into_iter().filter_map(|some| some.get(series)).sum()
    }
}
