//! `loadtest throughput`: closed backlogs, by kind of file and by the shape of the fleet.

use clap::{Args, ValueEnum};

use super::{Held, record};
use crate::corpus::{self, Kind};
use crate::engine::{
    Common, Crew, Measured, Media, Mix, Plan, Shape, Site, Told, Work, held, measure, reckon, warm_up,
};
use crate::measure::{Corpus, Run, processors};
use crate::rig::RigError;

const ABOUT: &str =
    "closed backlogs: files an hour and times real time, by kind of file and shape of the fleet";

/// A batch of that many is flushed, stored and acknowledged together.
const BATCH: u32 = 100;

const EXAMPLES: &str = "\
Every phase has workers of its own, a warm-up, and files of its own, so that the cache does not answer.

Examples:
  loadtest throughput
  loadtest throughput --kinds flac-100k,mp3 --modes single,batch --json throughput.json
  loadtest throughput --kinds flac-1k --jobs 10000

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// The shape of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// One worker with one lane
    Single,
    /// One worker with four lanes, the default of ANALYSIS_MAX_WORKERS
    Four,
    /// One worker with a lane for each processor, and batches of 100 (ANALYSIS_BATCH_SIZE)
    Batch,
    /// Two workers, whose lanes together are one for each processor
    Concurrent,
}

/// Closed backlogs: files an hour by kind of file and shape of the fleet
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Throughput {
    /// Kinds of files, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "flac-1k,flac-100k,wav-1m,mp3,aac,mixed")]
    kinds: Vec<Kind>,
    /// Shapes of the fleet, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "single,four,batch,concurrent")]
    modes: Vec<Mode>,
    /// Files of a phase [default: 1000 of flac-1k, 400 of flac-100k, 80 of wav-1m, 12 of mp3 and of aac, 400 of mixed]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    jobs: Option<u32>,
    /// Length of a song (mp3 and aac), in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 210, value_parser = clap::value_parser!(u16).range(1..=3000))]
    song: u16,
    #[command(flatten)]
    common: Common,
}

impl Mode {
    fn shape(self) -> Shape {
        let shape = |workers, lanes, told| Shape { workers, lanes, rehearsal: None, told };
        match self {
            Self::Single => shape(1, 1, Told::Nothing),
            Self::Four => shape(1, 4, Told::Nothing),
            Self::Batch => shape(1, processors(), Told::Batch(BATCH)),
            Self::Concurrent => shape(2, (processors() / 2).max(1), Told::Nothing),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Throughput {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let (mut phases, mut profile) = (Vec::new(), None);
        let mut whole = Corpus::default();
        for kind in &self.kinds {
            let media = match self.media(*kind, site).await {
                Err(RigError::Corpus(error @ corpus::Error::NoFfmpeg { .. })) => {
                    site.live.tell(&format!("left out {}: {error}", kind.name()));
                    continue;
                }
                other => other?,
            };
            whole = sum(whole, &media.corpus);
            for (mode, media) in self.modes.iter().zip(media.parts(self.modes.len())) {
                let measured = self.phase(site, *kind, *mode, &media).await?;
                profile = profile.or(measured.profile.clone());
                phases.extend(reckon(&measured, site.topology.levels));
            }
            // The next kind needs the room.
            let _ = tokio::fs::remove_dir_all(site.folder().join("media")).await;
        }
        if phases.is_empty() {
            return Err(RigError::Refused("no kind of file could be made".to_owned()));
        }
        Ok(record(site, "throughput", ABOUT, whole, profile, phases))
    }

    async fn media(&self, kind: Kind, site: &Site) -> Result<Media, RigError> {
        let jobs = self.each(kind) * self.modes.len();
        let lanes = self.modes.iter().map(|mode| mode.shape().lanes()).max().unwrap_or(1);
        let work = Work { files: u32::MAX, kind, song: f64::from(self.song), ..Work::default() };
        Media::for_jobs(&self.common, &work, jobs, lanes, site.folder()).await
    }

    fn each(&self, kind: Kind) -> usize {
        self.jobs.map_or_else(
            || match kind {
                Kind::Flac1k => 1000,
                Kind::Flac100k | Kind::Mixed => 400,
                Kind::Wav1m => 80,
                Kind::Mp3 | Kind::Aac => 12,
            },
            |jobs| jobs as usize,
        )
    }

    async fn phase(&self, site: &Site, kind: Kind, mode: Mode, media: &Media) -> Result<Measured, RigError> {
        let crew = Crew::start(site, media, mode.shape()).await?;
        warm_up(site, &crew, media, crew.shape.lanes() as usize * 2).await?;
        let jobs = if media.forced { self.each(kind) } else { media.files.len() };
        let name = format!("{} {}", kind.name(), mode.name());
        let plan = Plan::backlog(&name, jobs, Mix::NORMAL, self.common.seed);
        let measured = measure(site, &crew, media, plan).await?;
        crew.stop().await;
        Ok(measured)
    }
}

fn sum(whole: Corpus, part: &Corpus) -> Corpus {
    let about =
        if whole.about.is_empty() { part.about.clone() } else { format!("{}; {}", whole.about, part.about) };
    Corpus {
        files: whole.files + part.files,
        bytes: whole.bytes + part.bytes,
        audio_seconds: whole.audio_seconds + part.audio_seconds,
        about,
    }
}
