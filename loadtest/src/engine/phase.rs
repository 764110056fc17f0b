//! One uninterrupted stretch of load from the warm-up to the last end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shared::job::{BatchId, FileRef};
use shared::store::BatchState;

use super::audit::{Ended, Sent};
use super::drain::{Drained, drain};
use super::ends::{self, Clock};
use super::observe::{Glance, Observer, View};
use super::plan::Plan;
use super::proc::Roles;
use super::publish::{Counts, Load};
use super::thief::Thief;
use super::{Crew, Media, Mix, Shape, Site};
use crate::rig::RigError;

/// The tail of a backlog may take so long; that of a schedule at least the shorter, or twice the schedule itself.
const TAIL: (Duration, Duration) = (Duration::from_secs(1800), Duration::from_secs(120));

/// Everything that was seen of a plan.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Seconds since the run began.
    pub(crate) began: f64,
    pub(crate) plan: Plan,
    pub(crate) shape: Shape,
    pub(crate) sent: Vec<Sent>,
    pub(crate) ends: Vec<Ended>,
    pub(crate) glances: Vec<Glance>,
    /// The batch as it was when the wait was over.
    pub(crate) state: BatchState,
    /// The wait was broken off although there was progress.
    pub(crate) broken_off: bool,
    /// What the worker calls its analysis.
    pub(crate) profile: Option<String>,
    /// Redis' clock − ours, seconds.
    pub(crate) clock_offset: f64,
}

/// Carries a plan out on these workers and waits for its tail.
pub(crate) async fn measure(
    site: &Site,
    crew: &Crew,
    media: &Media,
    plan: Plan,
) -> Result<Measured, RigError> {
    let name = plan.segments.first().map(|segment| segment.name.clone()).unwrap_or_default();
    let thief = thief(site).await?;
    // On the heap: everything of a phase lives in this future.
    let measured = Box::pin(carry_out(site, crew, (&media.files, media.forced), plan, &name)).await?;
    if let Some(thief) = thief {
        thief.gone().await?;
    }
    Ok(measured)
}

/// Warms the workers up: nothing of it is measured, but how fast it went.
pub(crate) async fn warm_up(
    site: &Site,
    crew: &Crew,
    media: &Media,
    jobs: usize,
) -> Result<Measured, RigError> {
    let plan = Plan::backlog("warm-up", jobs, Mix::NORMAL, site.common.seed);
    // Where the cache is not asked, files may be seen before they are measured; and a pace is that of all of them.
    let files = if media.forced { &media.files } else { &media.warm };
    Box::pin(carry_out(site, crew, (files, true), plan, "warm-up")).await
}

/// Follows a batch that another program has published, to its end.
pub(crate) async fn follow(
    site: &Site,
    crew: &Crew,
    batch: BatchId,
    name: &str,
    accepted: u64,
) -> Result<Measured, RigError> {
    let plan = Plan::backlog(name, 0, Mix::NORMAL, site.common.seed);
    let counts = Arc::new(Counts::default());
    counts.accepted.store(accepted, Ordering::Relaxed);
    let view = View { total: accepted, ..view(site, crew, name, batch, &plan, &counts).await? };
    let (observer, clock) = Observer::start(view, Vec::new(), Clock::start(&site.store)).await?;
    let began = clock.begun.saturating_duration_since(site.begun).as_secs_f64();
    let drained = drain(site, crew, batch, accepted, tail(&plan)).await?;
    gather(site, crew, (batch, clock, began), (plan, Vec::new()), drained, observer).await
}

/// Removes a message that waits, where `--drop-one` asks for it.
pub(crate) async fn steal_one(site: &Site) -> Result<(), RigError> {
    match thief(site).await? {
        Some(thief) => thief.gone().await,
        None => Ok(()),
    }
}

async fn gather(
    site: &Site,
    crew: &Crew,
    (batch, clock, began): (BatchId, Clock, f64),
    (plan, sent): (Plan, Vec<Sent>),
    Drained { state, broken_off }: Drained,
    observer: Observer,
) -> Result<Measured, RigError> {
    let glances = observer.stop().await;
    let (ends, profile) = ends::read(&site.store, batch, &clock).await?;
    let (shape, clock_offset) = (crew.shape, clock.offset);
    Ok(Measured { began, plan, shape, sent, ends, glances, state, broken_off, profile, clock_offset })
}

async fn thief(site: &Site) -> Result<Option<Thief>, RigError> {
    if !site.drop_one.swap(false, Ordering::Relaxed) {
        return Ok(None);
    }
    let queue = site.topology.level_queue(site.topology.levels.default_level());
    Thief::at(&site.broker, &queue).await.map(Some)
}

async fn carry_out(
    site: &Site,
    crew: &Crew,
    (files, forced): (&[FileRef], bool),
    plan: Plan,
    name: &str,
) -> Result<Measured, RigError> {
    let (batch, counts) = (BatchId::new(), Arc::new(Counts::default()));
    let now = jiff::Timestamp::now().as_millisecond();
    site.store.create_batch(batch, &format!("loadtest {name}"), now).await?;
    let marks = plan.segments.iter().map(|segment| segment.begins).collect();
    let view = view(site, crew, name, batch, &plan, &counts).await?;
    let (observer, clock) = Observer::start(view, marks, Clock::start(&site.store)).await?;
    let began = clock.begun.saturating_duration_since(site.begun).as_secs_f64();
    let load = Load {
        publisher: &site.publisher,
        store: &site.store,
        batch,
        plan: &plan,
        files,
        forced,
        clock,
        counts: Arc::clone(&counts),
    };
    let sent = load.publish().await?;
    let accepted = counts.accepted.load(Ordering::Relaxed);
    let drained = drain(site, crew, batch, accepted, tail(&plan)).await?;
    gather(site, crew, (batch, clock, began), (plan, sent), drained, observer).await
}

async fn view(
    site: &Site,
    crew: &Crew,
    name: &str,
    batch: BatchId,
    plan: &Plan,
    counts: &Arc<Counts>,
) -> Result<View, RigError> {
    let roles = Roles {
        workers: crew.pids(),
        rabbitmq: site.pid("rabbitmq"),
        redis: site.pid("redis"),
        producer: None,
    };
    Ok(View {
        name: name.to_owned(),
        total: plan.jobs.len() as u64,
        channel: site.broker.channel().await?,
        topology: site.topology.clone(),
        store: site.store.clone(),
        batch,
        roles,
        counts: Arc::clone(counts),
        live: site.live.clone(),
    })
}

fn tail(plan: &Plan) -> Duration {
    let (backlog, least) = TAIL;
    let length = plan.length();
    if length > 0.0 { least.max(Duration::from_secs_f64(length * 2.0)) } else { backlog }
}
