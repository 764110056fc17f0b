//! Looks at queues and processes while a plan is carried out: about once a second, and exactly where a segment begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shared::broker::Channel;
use shared::job::BatchId;
use shared::store::Store;
use shared::topology::Topology;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::ends::Clock;
use super::live::Live;
use super::proc::{self, Accounts, Roles, Sample};
use super::publish::Counts;

/// Between two looks.
const EVERY: f64 = 1.0;

/// The plan and the fleet at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Glance {
    /// Seconds since the plan began.
    pub(crate) at: f64,
    /// Messages ready, by level.
    pub(crate) depth: BTreeMap<String, u64>,
    /// Processor seconds since the plan began, by role.
    pub(crate) cpu: BTreeMap<&'static str, f64>,
    pub(crate) processes: Vec<Sample>,
}

/// What is looked at.
pub(crate) struct View {
    pub(crate) name: String,
    pub(crate) total: u64,
    pub(crate) channel: Channel,
    pub(crate) topology: Topology,
    pub(crate) store: Store,
    pub(crate) batch: BatchId,
    pub(crate) roles: Roles,
    pub(crate) counts: Arc<Counts>,
    pub(crate) live: Live,
}

/// Looks until it is stopped.
pub(crate) struct Observer {
    stop: oneshot::Sender<()>,
    looking: JoinHandle<Vec<Glance>>,
}

impl Observer {
    /// The first look is over when this returns; then second 0 is made, and the others follow. `marks` are moments to look at
    /// besides.
    pub(crate) async fn start(
        view: View,
        marks: Vec<f64>,
        zero: impl Future<Output = Result<Clock, crate::rig::RigError>>,
    ) -> Result<(Self, Clock), crate::rig::RigError> {
        let mut accounts = Accounts::default();
        let first = view.look(0.0, &mut accounts).await;
        let clock = zero.await?;
        let (stop, stopped) = oneshot::channel();
        let looking = tokio::spawn(view.watch(first, accounts, marks, clock, stopped));
        Ok((Self { stop, looking }, clock))
    }

    /// A last look, and all of them.
    pub(crate) async fn stop(self) -> Vec<Glance> {
        // Refused only when it has ended, and then by a panic.
        let _ = self.stop.send(());
        self.looking.await.unwrap_or_default()
    }
}

impl View {
    async fn watch(
        self,
        first: Glance,
        mut accounts: Accounts,
        mut marks: Vec<f64>,
        clock: Clock,
        mut stopped: oneshot::Receiver<()>,
    ) -> Vec<Glance> {
        let mut glances = vec![first];
        marks.sort_by(f64::total_cmp);
        let (mut marks, mut ticks) =
            (marks.into_iter().filter(|at| *at > 0.0 && at.is_finite()).peekable(), 1.0);
        loop {
            let at = marks.peek().map_or(ticks, |mark| mark.min(ticks));
            let over = tokio::select! {
                () = sleep_until(clock.begun + Duration::from_secs_f64(at)) => false,
                _ = &mut stopped => true,
            };
            while marks.next_if(|mark| *mark <= at).is_some() {}
            while ticks <= at {
                ticks += EVERY;
            }
            let before = glances.last().map_or(0.0, |glance| glance.at);
            let glance = self.look(clock.seconds(), &mut accounts).await;
            self.show(&glance, before, &glances).await;
            glances.push(glance);
            if over {
                return glances;
            }
        }
    }

    async fn look(&self, at: f64, accounts: &mut Accounts) -> Glance {
        let processes = proc::look(&self.roles);
        accounts.note(&processes);
        // A broker that is away has no depth to tell.
        let depths = self.topology.depths(&self.channel).await.unwrap_or_default();
        let level = |queue: &str| {
            let mut levels = self.topology.levels.iter();
            let level = levels.find(|level| self.topology.level_queue(*level) == queue)?;
            Some(self.topology.levels.name(level).to_owned())
        };
        let depth = depths.iter().filter_map(|it| Some((level(&it.queue)?, u64::from(it.ready)))).collect();
        Glance { at, depth, cpu: accounts.seconds(), processes }
    }

    /// One line for who waits.
    async fn show(&self, glance: &Glance, before: f64, earlier: &[Glance]) {
        let ended = self.store.batch(self.batch).await.ok().flatten().map_or(0, |state| state.done());
        let span = (glance.at - before).max(0.001);
        let before = earlier.last().map(|glance| &glance.cpu);
        let percent = |role: &str| {
            let seconds = |cpu: &BTreeMap<&'static str, f64>| cpu.get(role).copied().unwrap_or(0.0);
            (seconds(&glance.cpu) - before.map_or(0.0, seconds)) / span * 100.0
        };
        let waiting: u64 = glance.depth.values().sum();
        let text = format!(
            "{}: {:.0} s, {} offered, {} accepted, {ended} of {} ended, {waiting} queued · CPU % worker {:.0}, lanes {:.0}, rabbitmq {:.0}, redis {:.0}",
            self.name,
            glance.at,
            self.counts.offered.load(Ordering::Relaxed),
            self.counts.accepted.load(Ordering::Relaxed),
            self.total,
            percent("worker"),
            percent("lanes"),
            percent("rabbitmq"),
            percent("redis"),
        );
        self.live.show(ended, self.total, &text);
    }
}

/// The last of the looks that were over by then; the first where there is none.
pub(crate) fn by_then(glances: &[Glance], at: f64) -> Option<&Glance> {
    // A look that was meant for that moment comes a little later.
    glances.iter().rev().find(|glance| glance.at <= at + LATE).or_else(|| glances.first())
}

/// A look may be this late and still be the one of its moment.
pub(super) const LATE: f64 = 0.1;
