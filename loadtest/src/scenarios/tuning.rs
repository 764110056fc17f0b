//! `loadtest tuning`: the batch that follows the lanes against the one that the settings begin with, in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;

use super::{Held, in_turn, only, record};
use crate::bench::Spread;
use crate::corpus::Kind;
use crate::engine::{
    Common, Crew, Media, Mix, Plan, Shape, Site, Told, Work, held, measure, reckon, warm_up,
};
use crate::measure::{Corpus, Phase, Run, processors};
use crate::rig::RigError;

const ABOUT: &str = "the same backlogs with a batch that follows the lanes and with the one that the settings begin with, in turn";

/// Lanes of a rehearsal: the default of ANALYSIS_MAX_WORKERS.
const REHEARSING: u32 = 4;

/// Different files of a series; they are used in turn, and the cache is not asked.
const FILES: u32 = 400;

const EXAMPLES: &str = "\
Each round works off the same backlog twice, once with ANALYSIS_BATCH_MAX at its default and once with 1, which leaves the
batch at ANALYSIS_BATCH_SIZE; every other round in the other order. `of_fixed` is the median of the rounds' ratios.

Examples:
  loadtest tuning
  loadtest tuning --rounds 9 --json tuning.json

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// The batch that tunes itself, against a fixed one: never worse?
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tuning {
    /// Pairs of phases of each series
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=99))]
    rounds: u8,
    /// Seconds that a phase of each series takes about, on two processors
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Only files that take a fixed time, nothing is analysed
    #[arg(long)]
    no_real: bool,
    #[command(flatten)]
    common: Common,
}

/// Files of one kind.
struct Series {
    name: &'static str,
    kind: Kind,
    rehearsal: Option<Duration>,
    /// About what two processors end in a second.
    pace: usize,
}

impl Tuning {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let (mut phases, mut profile, mut abouts) = (Vec::new(), None, Vec::new());
        let mut corpus = Corpus::default();
        for series in self.series() {
            let media = self.media(site, &series).await?;
            let mut ratios = Vec::new();
            for round in 1..=self.rounds {
                let [fixed, tuned] = self.pair(site, &series, &media, round, &mut profile).await?;
                ratios.push(tuned.files_per_hour() / fixed.files_per_hour());
                phases.extend([fixed, tuned]);
            }
            if let Some(last) = phases.last_mut() {
                Spread::of(ratios).figures("of_fixed", &mut last.figures);
            }
            abouts.push(media.corpus.about.clone());
            corpus = media.corpus;
        }
        corpus.about = abouts.join("; ");
        Ok(record(site, "tuning", ABOUT, corpus, profile, phases))
    }

    fn series(&self) -> Vec<Series> {
        let rehearsed = |name, millis, pace| {
            let rehearsal = Some(Duration::from_millis(millis));
            Series { name, kind: Kind::Flac1k, rehearsal, pace }
        };
        let real = |name, kind, pace| Series { name, kind, rehearsal: None, pace };
        let mut series = vec![
            rehearsed("nothing to do", 0, 5000),
            rehearsed("2 ms a file", 2, 1500),
            rehearsed("50 ms a file", 50, 80),
        ];
        if !self.no_real {
            series.extend([real("flac-1k", Kind::Flac1k, 700), real("flac-100k", Kind::Flac100k, 150)]);
        }
        series
    }

    async fn media(&self, site: &Site, series: &Series) -> Result<Media, RigError> {
        let work = Work { kind: series.kind, files: FILES, rehearsal: series.rehearsal, ..Work::default() };
        let lanes = series.lanes();
        // One more than there are files at least, so that the jobs are forced: a second round would be the cache's.
        let jobs = self.jobs(series).max(FILES as usize + 1);
        Media::for_jobs(&self.common, &work, jobs, lanes, site.folder()).await
    }

    fn jobs(&self, series: &Series) -> usize {
        series.pace * usize::from(self.seconds)
    }

    async fn pair(
        &self,
        site: &Site,
        series: &Series,
        media: &Media,
        round: u8,
        profile: &mut Option<String>,
    ) -> Result<[Phase; 2], RigError> {
        in_turn([(Told::FixedBatch, "fixed"), (Told::Nothing, "tuned")], round, async |(told, side)| {
            let shape = Shape { workers: 1, lanes: series.lanes(), rehearsal: series.rehearsal, told };
            let crew = Crew::start(site, media, shape).await?;
            warm_up(site, &crew, media, shape.lanes as usize * 2).await?;
            let last = if round == self.rounds { ", last round" } else { "" };
            let name = format!("{}, {side}, {round}{last}", series.name);
            let plan = Plan::backlog(&name, self.jobs(series), Mix::NORMAL, self.common.seed);
            let seen = measure(site, &crew, media, plan).await?;
            crew.stop().await;
            let phase = only(reckon(&seen, site.topology.levels))?;
            *profile = seen.profile.or(profile.take());
            Ok(totals(phase))
        })
        .await
    }
}

/// Totals are compared; of a backlog of some seconds the course and the waits say nothing more, and would make a long record.
fn totals(phase: Phase) -> Phase {
    Phase { timeline: Vec::new(), latency: BTreeMap::new(), ..phase }
}

impl Series {
    fn lanes(&self) -> u32 {
        if self.rehearsal.is_some() { REHEARSING } else { processors() }
    }
}
