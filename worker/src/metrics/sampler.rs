//! What is sampled rather than counted: utilisation, processor time, memory, lane restarts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use rustix::time::{ClockId, clock_gettime};
use shared::telemetry::metrics as names;

use crate::lanes::Lanes;
use crate::read_ahead::ReadAhead;

/// Short enough for a dashboard, long enough that a file of a second does not make the figure jump.
const EVERY: Duration = Duration::from_secs(5);

/// Lane time in use, integrated between changes. One per process, as the recorder is.
#[derive(Debug)]
pub(super) struct Utilisation(Mutex<Busy>);

#[derive(Debug)]
struct Busy {
    lane_seconds: f64,
    running: usize,
    since: Option<Instant>,
}

pub(super) static UTILISATION: Utilisation =
    Utilisation(Mutex::new(Busy { lane_seconds: 0.0, running: 0, since: None }));

impl Utilisation {
    fn lock(&self) -> MutexGuard<'_, Busy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many lanes work from now on.
    pub(super) fn running(&self, running: usize) {
        let mut busy = self.lock();
        busy.integrate();
        busy.running = running;
    }

    /// Lane seconds of work since the last call.
    fn take(&self) -> f64 {
        let mut busy = self.lock();
        busy.integrate();
        std::mem::take(&mut busy.lane_seconds)
    }
}

impl Busy {
    fn integrate(&mut self) {
        let now = Instant::now();
        let elapsed = self.since.map_or(0.0, |since| now.duration_since(since).as_secs_f64());
        self.lane_seconds += elapsed * self.running as f64;
        self.since = Some(now);
    }
}

/// Samples until it is dropped.
#[derive(Debug)]
pub struct Sampler(tokio::task::JoinHandle<()>);

impl Sampler {
    /// Starts sampling these lanes; the reader's memory counts as theirs.
    #[must_use]
    pub fn start(lanes: Lanes, ahead: ReadAhead, lane_count: usize) -> Self {
        // Every series is there before the first interval is over.
        gauge!(names::WORKER_UTILIZATION).set(0.0);
        gauge!(names::CPU_USAGE).set(0.0);
        memory(&lanes, &ahead);
        Self(tokio::spawn(run(lanes, ahead, lane_count)))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(lanes: Lanes, ahead: ReadAhead, lane_count: usize) {
    let mut last = (Instant::now(), cpu_seconds(&lanes));
    loop {
        tokio::time::sleep(EVERY).await;
        let elapsed = last.0.elapsed().as_secs_f64();
        let busy = UTILISATION.take();
        if elapsed > 0.0 {
            gauge!(names::WORKER_UTILIZATION).set((busy / (elapsed * lane_count as f64)).clamp(0.0, 1.0));
        }
        let cpu = cpu_seconds(&lanes);
        if let (Some(before), Some(now)) = (last.1, cpu)
            && elapsed > 0.0
        {
            gauge!(names::CPU_USAGE).set(((now - before) / elapsed * 100.0).max(0.0));
        }
        last = (Instant::now(), cpu);
        memory(&lanes, &ahead);
    }
}

fn memory(lanes: &Lanes, ahead: &ReadAhead) {
    counter!(names::LOG_LINES_DROPPED).absolute(shared::telemetry::dropped_lines());
    let stats = lanes.stats();
    for (cause, count) in &stats.restarts {
        counter!(names::LANE_RESTARTS, "cause" => cause.code()).absolute(*count);
    }
    let resident: u64 = stats.lanes.iter().filter_map(|lane| lane.resident_bytes).sum();
    gauge!(names::MEMORY_USAGE, "kind" => "lanes").set((resident + ahead.resident_bytes()) as f64);
    if let Some(own) = crate::lanes::resident_bytes(std::process::id()) {
        gauge!(names::MEMORY_USAGE, "kind" => "worker").set(own as f64);
    }
}

/// The worker's and its lanes', in seconds; `None` without procfs.
fn cpu_seconds(lanes: &Lanes) -> Option<f64> {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    Some(own.tv_sec as f64 + own.tv_nsec as f64 / 1e9 + lanes.stats().cpu_seconds?)
}
