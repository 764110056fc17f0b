//! `loadtest read-ahead`: files that are not in memory, with the next ones read ahead and without, in turn.

use std::fs::File;
use std::path::Path;

use clap::Args;
use rustix::fs::{Advice, fadvise};
use shared::roots::MediaRoots;

use super::{Held, in_turn, only, record};
use crate::bench::Spread;
use crate::corpus::Kind;
use crate::engine::{
    Common, Crew, Media, Mix, Plan, Shape, Site, Told, Work, held, measure, reckon, warm_up,
};
use crate::measure::{Phase, Run, processors};
use crate::rig::{RigError, io};

const ABOUT: &str = "files that are not in memory, with the next ones read ahead and without, in turn";

const EXAMPLES: &str = "\
Each round works off the same files twice, once with READ_AHEAD_MB as it is set (32 by default) and once with 0; every other round in the
other order. Before each, the files are put out of the machine's memory. `of_without` is the median of the rounds' ratios. What
comes of it is a matter of the storage: --media tells it of yours, and nothing is written there.

Examples:
  loadtest read-ahead
  loadtest read-ahead --media music=/mnt/nas/music/2019 --rounds 3

Exit codes: 0 done · 1 the run could not be held · 2 wrong usage · 130 interrupted";

/// Files that have to be fetched: what does it bring to read the next ones ahead?
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReadAhead {
    /// Pairs of phases
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=99))]
    rounds: u8,
    /// What the files are, where they are made
    #[arg(long, value_enum, default_value = "wav-1m")]
    kind: Kind,
    /// Files of a phase
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    files: u32,
    /// Lanes of the worker [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    lanes: Option<u16>,
    #[command(flatten)]
    common: Common,
}

impl ReadAhead {
    pub(crate) fn run(&self) -> Held {
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let work = Work { kind: self.kind, files: self.files, ..Work::default() };
        let lanes = self.lanes.map_or_else(processors, u32::from);
        // One more job than files, so that they are forced: a second round would be the cache's.
        let media =
            Media::for_jobs(&self.common, &work, self.files as usize + 1, lanes, site.folder()).await?;
        let (mut phases, mut profile, mut ratios) = (Vec::new(), None, Vec::new());
        for round in 1..=self.rounds {
            let [without, with] = self.pair(site, &media, lanes, round, &mut profile).await?;
            ratios.push(with.files_per_hour() / without.files_per_hour());
            phases.extend([without, with]);
        }
        if let Some(last) = phases.last_mut() {
            Spread::of(ratios).figures("of_without", &mut last.figures);
        }
        Ok(record(site, "read-ahead", ABOUT, media.corpus, profile, phases))
    }

    async fn pair(
        &self,
        site: &Site,
        media: &Media,
        lanes: u32,
        round: u8,
        profile: &mut Option<String>,
    ) -> Result<[Phase; 2], RigError> {
        in_turn([(Told::NoReadAhead, "without"), (Told::Nothing, "with")], round, async |(told, side)| {
            let crew = Crew::start(site, media, Shape { workers: 1, lanes, rehearsal: None, told }).await?;
            warm_up(site, &crew, media, lanes as usize * 2).await?;
            forget(media)?;
            let jobs = media.files.len().min(self.files as usize);
            let plan = Plan::backlog(&format!("{side}, {round}"), jobs, Mix::NORMAL, self.common.seed);
            let seen = measure(site, &crew, media, plan).await?;
            crew.stop().await;
            let phase = only(reckon(&seen, site.topology.levels))?;
            *profile = seen.profile.or(profile.take());
            Ok(phase)
        })
        .await
    }
}

/// Puts the files out of the machine's memory. Clean pages only, so that nobody loses anything.
fn forget(media: &Media) -> Result<(), RigError> {
    let roots = MediaRoots::parse(&media.root).map_err(|error| RigError::Refused(error.to_string()))?;
    for file in &media.files {
        let root = roots.get(&file.root).unwrap_or(Path::new("/"));
        let path = root.join(file.path.as_path());
        let opened = File::open(&path).and_then(|file| {
            file.sync_all()?;
            Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
        });
        opened.map_err(io(path.display().to_string()))?;
    }
    Ok(())
}
