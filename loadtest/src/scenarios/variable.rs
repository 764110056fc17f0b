//! `loadtest variable`: high and low rates in turn.

use clap::Args;

use super::sustained::{media, note, rate, ready};
use super::{Held, record, verdict};
use crate::engine::{Common, Mix, Pace, Plan, Site, Work, held, measure, reckon};
use crate::measure::Run;
use crate::rig::RigError;

const ABOUT: &str = "low and high rates in turn, without a pause in between (open loop): what a peak leaves behind for the time after it";

/// Shares of the calibrated pace: what is left idle, and a peak that a fleet just carries.
const SHARES: (f64, f64) = (0.3, 0.9);

const EXAMPLES: &str = "\
Without --low and --high, they are 30 % and 90 % of the pace of a closed backlog of four seconds, measured first on the same workers.

Examples:
  loadtest variable
  loadtest variable --low 10 --high 150 --cycles 5 --each 20

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// Low and high rates in turn (open loop): a phase each
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Variable {
    /// Files a second in quiet times
    #[arg(long, value_parser = rate, requires = "high")]
    low: Option<f64>,
    /// Files a second at peaks
    #[arg(long, value_parser = rate, requires = "low")]
    high: Option<f64>,
    /// How often both come
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    cycles: u16,
    /// Length of each, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    each: u16,
    #[command(flatten)]
    pace: Pace,
    #[command(flatten)]
    work: Work,
    #[command(flatten)]
    common: Common,
}

impl Variable {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let (work, common, each) = (&self.work, &self.common, f64::from(self.each));
        let rates = self.low.zip(self.high);
        let mean = rates.map(|(low, high)| (low + high) / 2.0);
        let media = media(common, work, mean, each * 2.0 * f64::from(self.cycles), site).await?;
        let (crew, calibrated) = Box::pin(ready(site, work, &media, rates.is_none())).await?;
        let chosen = calibrated.map(|pace| (pace * SHARES.0, pace * SHARES.1));
        let (low, high) = rates.or(chosen).unwrap_or((1.0, 2.0));
        let steps: Vec<_> = (1..=self.cycles)
            .flat_map(|cycle| [(format!("low {cycle}"), low, each), (format!("high {cycle}"), high, each)])
            .collect();
        let plan = Plan::rates(&steps, self.pace.arrivals, Mix::USUAL, common.seed);
        let measured = measure(site, &crew, &media, plan).await?;
        crew.stop().await;
        let mut phases = reckon(&measured, site.topology.levels);
        for phase in &mut phases {
            note(&mut phase.figures, calibrated);
        }
        // A peak may be carried a little later; a quiet time must be.
        let low = phases.iter().filter(|phase| phase.name.starts_with("low"));
        let kept_up: Vec<_> = low.flat_map(verdict::kept_up).collect();
        let mut run = record(site, "variable", ABOUT, media.corpus, measured.profile, phases);
        run.verdicts.extend(kept_up);
        Ok(run)
    }
}
