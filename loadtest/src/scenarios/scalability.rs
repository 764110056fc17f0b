//! `loadtest scalability`: more lanes and more workers, and what of each is gained.

use std::time::Duration;

use clap::Args;
use shared::settings::format_duration;

use super::{Held, record};
use crate::corpus::Kind;
use crate::engine::{
    Common, Crew, Media, Mix, Plan, Shape, Site, Told, Work, duration, held, measure, reckon, warm_up,
};
use crate::measure::{Phase, Run, processors};
use crate::rig::RigError;

const ABOUT: &str = "pace of more and more lanes and workers, against the first step: in a rehearsal, where each file takes a fixed time, and \
                     with real analysis, as far as there are processors";

/// Jobs of the first step at least: fewer would end within what a start takes.
const LEAST: usize = 50;

/// Real files that one lane works on in a step: songs, of which each takes half a second, and files of a second or less.
const SONGS_PER_LANE: usize = 10;
const SHORT_PER_LANE: usize = 150;

const EXAMPLES: &str = "\
Efficiency is the pace of a lane in a step, of that of a lane in the first step of its series.

Examples:
  loadtest scalability
  loadtest scalability --kind flac-100k                 files of a second: the servers' share of two processors shows
  loadtest scalability --lanes 1,2,4,8,16 --workers 1,2,3,4 --rehearsal 20ms --seconds 10 --json scale.json

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// 1 to 16 lanes and 1 to 4 workers: how much of each more is gained
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Scalability {
    /// Lanes of one worker, step by step
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16", value_parser = clap::value_parser!(u32).range(1..=256))]
    lanes: Vec<u32>,
    /// Workers with four lanes each, step by step
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,4", value_parser = clap::value_parser!(u32).range(1..=32))]
    workers: Vec<u32>,
    /// What a file takes in the rehearsal
    #[arg(long, value_name = "DURATION", default_value = "20ms", value_parser = duration)]
    rehearsal: Duration,
    /// Length of a step of the rehearsal, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// No steps with real analysis
    #[arg(long)]
    no_real: bool,
    /// What the files of real analysis are
    #[arg(long, value_enum, default_value_t = Kind::Mp3)]
    kind: Kind,
    #[command(flatten)]
    common: Common,
}

/// Steps that are held against the first of them.
struct Series {
    name: &'static str,
    steps: Vec<Shape>,
    per_lane: usize,
}

impl Scalability {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let (mut phases, mut profile, mut corpus) = (Vec::new(), None, None);
        for series in self.series() {
            let media = self.media(site, &series).await?;
            let mut first = None;
            for (shape, media) in series.steps.iter().zip(&media) {
                let crew = Crew::start(site, media, *shape).await?;
                warm_up(site, &crew, media, shape.lanes() as usize * 2).await?;
                let name = format!("{}, {} × {} lanes", series.name, shape.workers, shape.lanes);
                let plan = Plan::backlog(&name, series.jobs(shape), Mix::NORMAL, self.common.seed);
                let measured = measure(site, &crew, media, plan).await?;
                crew.stop().await;
                let mut step = reckon(&measured, site.topology.levels);
                step.iter_mut().for_each(|phase| weigh(phase, shape, &mut first));
                phases.extend(step);
                profile = measured.profile.or(profile);
                corpus = Some(media.corpus.clone());
            }
        }
        let mut corpus = corpus.unwrap_or_default();
        corpus.about =
            format!("a rehearsal of {} a file; real: {}", format_duration(self.rehearsal), corpus.about);
        Ok(record(site, "scalability", ABOUT, corpus, profile, phases))
    }

    fn series(&self) -> Vec<Series> {
        let rehearsal = Some(self.rehearsal);
        let each = self.rehearsal.as_secs_f64().max(0.0005);
        let per_lane = ((f64::from(self.seconds) / each) as usize).max(LEAST);
        let shape = |workers, lanes, rehearsal| Shape { workers, lanes, rehearsal, told: Told::Nothing };
        let mut series = vec![
            Series {
                name: "lanes, rehearsal",
                steps: self.lanes.iter().map(|lanes| shape(1, *lanes, rehearsal)).collect(),
                per_lane,
            },
            Series {
                name: "workers, rehearsal",
                steps: self.workers.iter().map(|workers| shape(*workers, 4, rehearsal)).collect(),
                per_lane,
            },
        ];
        if !self.no_real {
            let lanes = self.lanes.iter().filter(|lanes| **lanes <= processors());
            let steps = lanes.map(|lanes| shape(1, *lanes, None)).collect();
            let songs = matches!(self.kind, Kind::Mp3 | Kind::Aac);
            let per_lane = if songs { SONGS_PER_LANE } else { SHORT_PER_LANE };
            series.push(Series { name: "lanes, real", steps, per_lane });
        }
        series
    }

    /// Files for each step.
    async fn media(&self, site: &Site, series: &Series) -> Result<Vec<Media>, RigError> {
        let most = series.steps.iter().map(|shape| series.jobs(shape)).max().unwrap_or(1);
        let lanes = series.steps.iter().map(Shape::lanes).max().unwrap_or(1);
        let rehearsal = series.steps.iter().find_map(|shape| shape.rehearsal);
        let work = Work { kind: self.kind, files: u32::MAX, rehearsal, ..Work::default() };
        let jobs = most * series.steps.len();
        let media = Media::for_jobs(&self.common, &work, jobs, lanes, site.folder()).await?;
        Ok(media.parts(series.steps.len()))
    }
}

impl Series {
    fn jobs(&self, shape: &Shape) -> usize {
        self.per_lane * shape.lanes() as usize
    }
}

/// Adds what the step has gained, against the first.
fn weigh(phase: &mut Phase, shape: &Shape, first: &mut Option<f64>) {
    let per_lane = phase.files_per_hour() / 3600.0 / f64::from(shape.lanes());
    let efficiency = per_lane / *first.get_or_insert(per_lane);
    let mut add = |name: &str, value: f64| phase.figures.insert(name.to_owned(), value);
    add("efficiency", efficiency);
    if let Some(time) = shape.rehearsal.filter(|time| !time.is_zero()) {
        // Of the time that lanes were there, how much they worked: what the road costs shows here even in the first step.
        add("utilisation", per_lane * time.as_secs_f64());
    }
}
