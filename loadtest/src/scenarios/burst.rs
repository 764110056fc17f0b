//! `loadtest burst`: many files at once, at mixed priorities.

use clap::Args;

use super::{Held, record, verdict};
use crate::engine::{Common, Crew, Media, Mix, Plan, Shape, Site, Work, held, measure, reckon, warm_up};
use crate::measure::{Phase, Run, Verdict};
use crate::rig::RigError;

const ABOUT: &str = "many files at once, 20 % high, 50 % normal, 30 % low: how long each level waits, and whether the order holds";

const EXAMPLES: &str = "\
Examples:
  loadtest burst
  loadtest burst --count 2000 --workers 2 --lanes 4 --json burst.json

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// Many files at once, at mixed priorities: waits per level, and whether the order holds
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Burst {
    /// Files that arrive at the same moment
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    common: Common,
}

impl Burst {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let Self { count, work, common } = self;
        let shape = Shape::of(work);
        let media = Media::for_jobs(common, work, *count as usize, shape.lanes(), site.folder()).await?;
        let crew = Crew::start(site, &media, shape).await?;
        warm_up(site, &crew, &media, media.warm.len()).await?;
        let plan = Plan::backlog("burst", *count as usize, Mix::USUAL, common.seed);
        let measured = measure(site, &crew, &media, plan).await?;
        crew.stop().await;
        let phases = reckon(&measured, site.topology.levels);
        let order = phases.iter().map(order).collect::<Vec<_>>();
        let mut run = record(site, "burst", ABOUT, media.corpus, measured.profile, phases);
        run.verdicts.extend(order);
        Ok(run)
    }
}

/// The high ones have waited less than the low ones.
fn order(phase: &Phase) -> Verdict {
    let median = |level: &str| {
        let wait = phase.latency.get(level).and_then(|parts| parts.get("wait"));
        wait.map_or(0.0, |wait| wait.p50)
    };
    let share = median("high") / median("low").max(f64::MIN_POSITIVE);
    verdict::ours(
        "order_holds",
        "median wait of high, of that of low",
        &phase.name,
        (share * 100.0, "≤", 99.9, "%"),
    )
}
