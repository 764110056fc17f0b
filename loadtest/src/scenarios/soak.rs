//! `loadtest soak`: a steady load for long, and whether anything grows.

use std::collections::BTreeMap;

use clap::Args;

use super::slope::{Slope, slope};
use super::sustained::{media, note, rate, ready};
use super::{Held, record, verdict};
use crate::engine::{Common, Measured, Mix, Pace, Plan, Site, Work, held, measure, reckon};
use crate::measure::{Run, Verdict};
use crate::rig::RigError;

const ABOUT: &str =
    "a steady load for long: how fast the memory of every process grows, with the confidence of it";

/// Half of what the fleet can do: it shall work all the time and never be short of it.
const SHARE: f64 = 0.5;

/// Of the time, at the beginning, in which caches and heaps find their size.
const SETTLING: f64 = 0.2;

/// Growth that counts: what a worker that runs for a month would feel.
const MOST_BYTES_PER_HOUR: f64 = (4 << 20) as f64;

/// Processes whose memory shall not grow. Redis keeps every result, and this program every measurement.
const BOUNDED: [&str; 2] = ["worker", "lanes"];

const EXAMPLES: &str = "\
A process grows if its resident memory does by more than 4 MiB an hour for certain: the whole 95 % confidence interval of a straight line
through it, without the first fifth of the time, is above. A short soak is not certain of much.

Examples:
  loadtest soak --minutes 60 --json soak.json
  loadtest soak --minutes 5 --rate 100 --rehearsal 5ms

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// A steady load for long: does the memory of any process grow?
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Soak {
    /// How long
    #[arg(long, default_value_t = 60.0, value_parser = minutes)]
    minutes: f64,
    /// Files a second [default: 50 % of what a short calibration finds]
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    common: Common,
}

/// A day is what fits into memory at any rate.
fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.05..=1440.0).contains(&minutes) => Ok(minutes),
        _ => Err("expected 0.05 to 1440 minutes".to_owned()),
    }
}

impl Soak {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let (work, common, seconds) = (&self.work, &self.common, self.minutes * 60.0);
        let media = media(common, work, self.rate, seconds, site).await?;
        let (crew, calibrated) = Box::pin(ready(site, work, &media, self.rate.is_none())).await?;
        let rate = self.rate.or(calibrated.map(|pace| pace * SHARE)).unwrap_or(1.0);
        let steps = [("soak".to_owned(), rate, seconds)];
        let plan = Plan::rates(&steps, self.pace.arrivals, Mix::USUAL, common.seed);
        let measured = measure(site, &crew, &media, plan).await?;
        crew.stop().await;
        let mut phases = reckon(&measured, site.topology.levels);
        let slopes = slopes(&measured, seconds);
        for phase in &mut phases {
            note(&mut phase.figures, calibrated);
            phase.figures.extend(slopes.iter().flat_map(|(name, slope)| figures(name, slope)));
        }
        let still: Vec<Verdict> = slopes.iter().filter_map(|(name, slope)| still(name, slope)).collect();
        let kept_up: Vec<_> = phases.iter().flat_map(verdict::kept_up).collect();
        let mut run = record(site, "soak", ABOUT, media.corpus, measured.profile, phases);
        run.verdicts.extend(kept_up);
        run.verdicts.extend(still);
        Ok(run)
    }
}

/// Role, pid and start: one process and no other.
type Process<'a> = (&'a str, u32, u64);

/// The slope of each process that was there all the time, by its role and its place in it.
fn slopes(measured: &Measured, seconds: f64) -> BTreeMap<String, Slope> {
    let mut series: BTreeMap<Process<'_>, Vec<(f64, f64)>> = BTreeMap::new();
    let settled =
        measured.glances.iter().filter(|glance| glance.at >= seconds * SETTLING && glance.at <= seconds);
    for glance in settled {
        for process in &glance.processes {
            let points = series.entry((process.role, process.pid, process.started)).or_default();
            points.push((glance.at, process.rss_bytes as f64));
        }
    }
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    let named = series.into_iter().filter_map(|((role, ..), points)| {
        let place = places.entry(role).or_default();
        *place += 1;
        Some((format!("{role}_{place}"), slope(&points)?))
    });
    named.collect()
}

fn figures(name: &str, slope: &Slope) -> [(String, f64); 2] {
    [
        (format!("{name}_rss_bytes_per_hour"), slope.per_second * 3600.0),
        (format!("{name}_rss_bytes_per_hour_half_width"), slope.half_width * 3600.0),
    ]
}

fn still(name: &str, slope: &Slope) -> Option<Verdict> {
    let role = name.rsplit_once('_').map_or(name, |(role, _)| role);
    let certain = (slope.per_second - slope.half_width) * 3600.0;
    BOUNDED.contains(&role).then(|| {
        let about = format!("growth of {name} that is certain (95 %)");
        verdict::ours("no_growth", &about, "soak", (certain, "≤", MOST_BYTES_PER_HOUR, "bytes/h"))
    })
}
