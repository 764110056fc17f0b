//! `loadtest autoscale`: workers come and go as the ScaledObject has it.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;

use super::{Held, record};
use crate::autoscale::{Api, Scaled, Scaler, Step};
use crate::engine::{
    Common, Crew, Measured, Media, Mix, Pace, Plan, Shape, Site, Told, Work, held, measure, reckon,
};
use crate::measure::{Phase, Run};
use crate::rig::{Repository, RigError};

const ABOUT: &str = "workers that come and go by the formula, the windows and the policies of the ScaledObject in k8s/, with time running faster";

/// What a file takes, in the fleet's time: what the ScaledObject's target was reckoned with.
const FILE_SECONDS: f64 = 1.0;

/// In the fleet's time, seconds: nothing before the burst, and nothing after the steady rate.
const IDLE: f64 = 60.0;
const QUIET: f64 = 120.0;

/// A steady rate that so many workers carry; a whole number of them would be on the edge of the next.
const SUSTAINED_WORKERS: f64 = 4.5;

const EXAMPLES: &str = "\
Asks RabbitMQ's HTTP API, as KEDA does: the private server has it; with AMQP_URL, set RABBITMQ_API_URL to http://user:password@host:port.
Files are rehearsed (nothing is decoded, each takes a second of the fleet's time): this is about when workers come and go.

Examples:
  loadtest autoscale --html autoscale.html              47 minutes of a fleet in two
  loadtest autoscale --burst 20000 --speed 10

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// A burst, a steady rate and silence, while workers are started and stopped as in Kubernetes
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Autoscale {
    /// How many times faster the time runs, for waits, windows and files
    #[arg(long, default_value_t = 20.0, value_parser = speed)]
    speed: f64,
    /// Files that arrive within a moment
    #[arg(long, default_value_t = 6000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    burst: u32,
    /// The fleet's seconds from the burst to the steady rate: long enough that the workers which it called for are gone again
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pause: u32,
    /// The fleet's seconds at a steady rate that takes four and a half workers
    #[arg(long, default_value_t = 720, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    sustained: u32,
    /// Lanes of each worker
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    lanes: u8,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    common: Common,
}

/// Faster than this, a file would take less than the road itself.
fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| format!("'{text}' is no number"))?;
    (1.0..=100.0).contains(&speed).then_some(speed).ok_or_else(|| "expected 1 to 100".to_owned())
}

impl Autoscale {
    pub(crate) fn run(&self) -> Held {
        let common = Common { api: true, ..self.common.clone() };
        held(&common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let scaled = Scaled::read(&Repository::find()?.root)?.faster(self.speed);
        let api = Api::parse(site.api().ok_or_else(no_api)?)?;
        let rehearsal = Some(Duration::from_secs_f64(FILE_SECONDS / self.speed));
        let shape = Shape { workers: scaled.least, lanes: self.lanes.into(), rehearsal, told: Told::Nothing };
        let plan = self.plan();
        let work = Work { files: u32::MAX, rehearsal, ..Work::default() };
        let media =
            Media::for_jobs(&self.common, &work, plan.jobs.len(), shape.lanes(), site.folder()).await?;
        let crew = Crew::start(site, &media, shape).await?;
        let mut scaler = Scaler::new(site, scaled.clone(), api, Crew::environment(site, &media, shape));
        let measured = follow(site, &crew, &media, plan, &mut scaler).await?;
        let unclean = scaler.unclean().await;
        let steps = std::mem::take(&mut scaler.steps);
        drop(scaler);
        crew.stop().await;
        let mut phases = reckon(&measured, site.topology.levels);
        phases.iter_mut().for_each(|phase| show(phase, &steps));
        phases.push(self.scaling(&scaled, &steps, unclean, &phases));
        Ok(record(site, "autoscale", ABOUT, media.corpus, measured.profile, phases))
    }

    /// In seconds of this machine.
    fn plan(&self) -> Plan {
        let real = |seconds: f64| seconds / self.speed;
        let rate = SUSTAINED_WORKERS * f64::from(self.lanes) / FILE_SECONDS * self.speed;
        let moment = real(FILE_SECONDS);
        let steps = [
            ("idle", 0.0, real(IDLE)),
            ("burst", f64::from(self.burst) / moment, moment),
            ("after the burst", 0.0, real(self.pause.into())),
            ("sustained", rate, real(self.sustained.into())),
            ("quiet", 0.0, real(QUIET)),
        ];
        let steps: Vec<_> = steps.map(|(name, rate, seconds)| (name.to_owned(), rate, seconds)).into();
        Plan::rates(&steps, self.pace.arrivals, Mix::USUAL, self.common.seed)
    }

    /// What the workers' coming and going amounts to. Times are the fleet's.
    fn scaling(&self, scaled: &Scaled, steps: &[Step], unclean: usize, phases: &[Phase]) -> Phase {
        let window = scaled.behavior.scale_down.stabilization_window_seconds;
        let drain = phases.iter().find(|phase| phase.name == "burst").map_or(0.0, |phase| phase.seconds);
        let most = steps.iter().map(|step| step.workers).max().unwrap_or(0);
        let figures = BTreeMap::from([
            ("workers_most".to_owned(), f64::from(most)),
            ("workers_at_the_end".to_owned(), steps.last().map_or(0.0, |step| f64::from(step.workers))),
            ("changes".to_owned(), changes(steps).len() as f64),
            ("flaps".to_owned(), flaps(steps, window) as f64),
            ("stopped_out_of_order".to_owned(), unclean as f64),
            ("burst_drained_after_fleet_seconds".to_owned(), drain * self.speed),
            ("speed".to_owned(), self.speed),
        ]);
        Phase { name: "scaling".to_owned(), figures, ..Phase::default() }
    }
}

fn no_api() -> RigError {
    RigError::Refused("set RABBITMQ_API_URL beside AMQP_URL: http://user:password@host:port".to_owned())
}

/// Carries the plan out while the scaler works, and lets the scaler come down to its least number afterwards.
async fn follow(
    site: &Site,
    crew: &Crew,
    media: &Media,
    plan: Plan,
    scaler: &mut Scaler<'_>,
) -> Result<Measured, RigError> {
    let (over, mut told) = watch::channel(false);
    let measuring = async {
        let measured = measure(site, crew, media, plan).await;
        over.send_replace(true);
        measured
    };
    let (measured, ()) = tokio::try_join!(Box::pin(measuring), scaler.run(&mut told))?;
    Ok(measured)
}

/// How many workers there were at each moment.
fn show(phase: &mut Phase, steps: &[Step]) {
    for moment in &mut phase.timeline {
        let last = steps.iter().rev().find(|step| step.at <= moment.at_seconds);
        moment.workers = last.map(|step| step.workers);
    }
}

/// When there were more or fewer than before.
fn changes(steps: &[Step]) -> Vec<(f64, bool)> {
    let pairs = steps.windows(2).filter(|pair| pair[0].workers != pair[1].workers);
    pairs.map(|pair| (pair[1].at, pair[1].workers > pair[0].workers)).collect()
}

/// Changes that undo the one before within the window of scaling down.
fn flaps(steps: &[Step], window: f64) -> usize {
    changes(steps).windows(2).filter(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < window).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flap_is_a_change_that_is_soon_undone() {
        let step = |at, workers| Step { at, metric: 0.0, workers };
        let steps = [step(0.0, 1), step(1.0, 5), step(2.0, 5), step(3.0, 4), step(40.0, 5), step(41.0, 6)];
        assert_eq!(changes(&steps), [(1.0, true), (3.0, false), (40.0, true), (41.0, true)]);
        assert_eq!(flaps(&steps, 10.0), 1);
        assert_eq!(flaps(&steps, 60.0), 2);
    }
}
