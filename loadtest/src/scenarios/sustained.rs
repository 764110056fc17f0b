//! `loadtest sustained`: a steady rate, whatever the fleet makes of it.

use clap::Args;

use super::calibrate::calibrate;
use super::{Held, record, verdict};
use crate::engine::{
    Common, Crew, Media, Mix, Pace, Plan, Shape, Site, Work, held, measure, reckon, warm_up,
};
use crate::measure::Run;
use crate::rig::RigError;

const ABOUT: &str = "files arrive at a steady rate, independent of the fleet (open loop); latencies count from the intended arrival";

/// What a fleet should carry for long: above it queues of a Poisson process grow long by chance alone.
pub(super) const SHARE: f64 = 0.7;

const EXAMPLES: &str = "\
Without --rate, the rate is 70 % of the pace of a closed backlog of four seconds, measured first on the same workers.

Examples:
  loadtest sustained
  loadtest sustained --rate 50 --seconds 300 --arrivals even --json sustained.json

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// A steady rate for a minute (open loop): latencies from the intended arrival, the tail included
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sustained {
    /// Files a second [default: 70 % of what a short calibration finds]
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// How long files arrive, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    common: Common,
}

/// A rate above what one publisher can do is a backlog.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected 0.01 to 100000 files a second".to_owned()),
    }
}

impl Sustained {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let (work, common) = (&self.work, &self.common);
        let media = media(common, work, self.rate, f64::from(self.seconds), site).await?;
        let (crew, calibrated) = Box::pin(ready(site, work, &media, self.rate.is_none())).await?;
        let rate = self.rate.or(calibrated.map(|pace| pace * SHARE)).unwrap_or(1.0);
        let steps = [("sustained".to_owned(), rate, f64::from(self.seconds))];
        let plan = Plan::rates(&steps, self.pace.arrivals, Mix::USUAL, common.seed);
        let measured = measure(site, &crew, &media, plan).await?;
        crew.stop().await;
        let mut phases = reckon(&measured, site.topology.levels);
        for phase in &mut phases {
            note(&mut phase.figures, calibrated);
        }
        let kept_up: Vec<_> = phases.iter().flat_map(verdict::kept_up).collect();
        let mut run = record(site, "sustained", ABOUT, media.corpus, measured.profile, phases);
        run.verdicts.extend(kept_up);
        Ok(run)
    }
}

/// Files for a schedule: all different if the rate is known and they are few enough, else in turn.
pub(super) async fn media(
    common: &Common,
    work: &Work,
    rate: Option<f64>,
    seconds: f64,
    site: &Site,
) -> Result<Media, RigError> {
    // A Poisson process brings more than its mean half the time.
    let jobs = rate.map_or(usize::MAX >> 1, |rate| (rate * seconds * 1.2) as usize + 20);
    Media::for_jobs(common, work, jobs, Shape::of(work).lanes(), site.folder()).await
}

/// Warm workers, and what they can do where that is asked. `--slow` comes after it.
pub(super) async fn ready(
    site: &Site,
    work: &Work,
    media: &Media,
    wanted: bool,
) -> Result<(Crew, Option<f64>), RigError> {
    let shape = Shape::of(work);
    let mut calibrated = None;
    if wanted {
        let crew = Crew::sound(site, media, shape).await?;
        calibrated = Some(calibrate(site, &crew, media).await?);
        if site.common.slow.is_none() {
            return Ok((crew, calibrated));
        }
        crew.stop().await;
    }
    let crew = Crew::start(site, media, shape).await?;
    warm_up(site, &crew, media, media.warm.len()).await?;
    Ok((crew, calibrated))
}

/// What the rate was chosen by.
pub(super) fn note(figures: &mut std::collections::BTreeMap<String, f64>, calibrated: Option<f64>) {
    if let Some(pace) = calibrated {
        figures.insert("calibrated_files_per_second".to_owned(), pace);
    }
}
