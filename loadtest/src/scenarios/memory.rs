//! `loadtest memory`: what thousands of queued items cost the worker and the producer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use shared::job::BatchId;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::{Held, record, verdict};
use crate::engine::{
    Common, Crew, Ended, Measured, Media, Shape, Site, Told, duration, follow, held, peak_bytes, reckon,
    steal_one,
};
use crate::measure::{Jobs, Phase, Run, Verdict, processors};
use crate::rig::{RigError, io, program};

const ABOUT: &str = "items are queued by a real producer while no worker runs, then worked off: resident memory of both at its highest, above that \
                     of the same programs with nothing to do";

/// The peak of a program that lives for a tenth of a second is not to be missed.
const LOOK: Duration = Duration::from_millis(1);

/// A worker that has just become ready still settles.
const IDLE: Duration = Duration::from_secs(2);

/// What either may take above its idle.
const MOST_BYTES: f64 = (64 << 20) as f64;

/// Files in a folder.
const PER_FOLDER: u32 = 1000;

const EXAMPLES: &str = "\
Examples:
  loadtest memory
  loadtest memory --items 100000 --json memory.json

Exit codes: 0 done, and every requirement met · 1 one was missed, or the run could not be held · 2 wrong usage · 130 interrupted";

/// 10,000 queued items: memory of worker and producer above idle
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Memory {
    /// Queued items
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    items: u32,
    /// What a file takes: nothing is decoded
    #[arg(long, value_name = "DURATION", default_value = "2ms", value_parser = duration)]
    rehearsal: Duration,
    /// The producer to test [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    producer: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// What `producer enqueue --json` prints.
#[derive(Debug, Deserialize)]
struct Enqueued {
    batch_id: BatchId,
    accepted: u64,
}

impl Memory {
    pub(crate) fn run(&self) -> Held {
        if self.common.no_workers {
            return Err(RigError::Refused(
                "the memory of workers elsewhere cannot be seen: leave --no-workers out".to_owned(),
            )
            .into());
        }
        held(&self.common, async |site| Box::pin(self.on(site)).await)
    }

    async fn on(&self, site: &Site) -> Result<Run, RigError> {
        let producer = program("producer", self.producer.as_deref())?;
        let folder = site.folder().join("media");
        let [one, many] = [1, self.items].map(|count| files(&folder, count));
        let (one, many) = (one?, many?);
        let about =
            format!("a rehearsal: nothing is decoded, every file takes {:?} on its lane", self.rehearsal);
        let media = Media::imagined(0, 1, &folder, about)?;
        let shape =
            Shape { workers: 1, lanes: processors(), rehearsal: Some(self.rehearsal), told: Told::Nothing };
        let idle = idle(site, &media, shape).await?;
        let (_, producer_idle) = enqueue(site, &producer, &media, &one).await?;
        let (enqueued, producer_peak) = enqueue(site, &producer, &media, &many).await?;
        let queued = depth(site).await?;
        steal_one(site).await?;
        let crew = Crew::start(site, &media, shape).await?;
        let measured = follow(site, &crew, enqueued.batch_id, "memory", enqueued.accepted).await?;
        let peak = peaks(&crew);
        crew.stop().await;
        let mut phases = reckon(&measured, site.topology.levels);
        for phase in &mut phases {
            fill(phase, &measured, u64::from(self.items), enqueued.accepted);
            let mut add = |name: &str, value: u64| phase.figures.insert(name.to_owned(), value as f64);
            add("queued", queued);
            add("worker_idle_rss_bytes", idle["worker"]);
            add("worker_rss_above_idle_bytes", peak["worker"].saturating_sub(idle["worker"]));
            add("lanes_idle_rss_bytes", idle["lanes"]);
            add("lanes_rss_above_idle_bytes", peak["lanes"].saturating_sub(idle["lanes"]));
            add("producer_idle_rss_bytes", producer_idle);
            add("producer_rss_above_idle_bytes", producer_peak.saturating_sub(producer_idle));
        }
        let bounds: Vec<Verdict> = phases.iter().flat_map(bounds).collect();
        let mut run = record(site, "memory", ABOUT, media.corpus, measured.profile, phases);
        run.corpus.files = self.items.into();
        run.verdicts.extend(bounds);
        Ok(run)
    }
}

fn bounds(phase: &Phase) -> Vec<Verdict> {
    let bound = |name: &str| {
        let figure = phase.figures.get(&format!("{name}_rss_above_idle_bytes")).copied().unwrap_or(f64::MAX);
        let about = format!("resident memory of the {name} above idle, at its highest");
        verdict::ours(&format!("{name}_memory"), &about, &phase.name, (figure, "≤", MOST_BYTES, "bytes"))
    };
    vec![bound("worker"), bound("producer")]
}

/// So many files of nothing, which a rehearsal does not open.
fn files(folder: &Path, count: u32) -> Result<PathBuf, RigError> {
    let below = folder.join(format!("items-{count}"));
    for number in 0..count {
        let folder = below.join(format!("{:04}", number / PER_FOLDER));
        if number % PER_FOLDER == 0 {
            std::fs::create_dir_all(&folder).map_err(io(folder.display().to_string()))?;
        }
        let path = folder.join(format!("{number:07}.flac"));
        std::fs::write(&path, b"-").map_err(io(path.display().to_string()))?;
    }
    Ok(below)
}

/// Memory of a worker and its lanes with nothing to do.
async fn idle(site: &Site, media: &Media, shape: Shape) -> Result<BTreeMap<&'static str, u64>, RigError> {
    let crew = Crew::start(site, media, shape).await?;
    sleep(IDLE).await;
    let idle = peaks(&crew);
    crew.stop().await;
    Ok(idle)
}

/// The highest so far of the workers together, and of their lanes.
fn peaks(crew: &Crew) -> BTreeMap<&'static str, u64> {
    let sum = |pids: Vec<u32>| pids.into_iter().filter_map(peak_bytes).sum();
    BTreeMap::from([("worker", sum(crew.pids())), ("lanes", sum(crew.lanes()))])
}

/// Runs a producer to its end, and its highest memory.
async fn enqueue(
    site: &Site,
    program: &Path,
    media: &Media,
    folder: &Path,
) -> Result<(Enqueued, u64), RigError> {
    let named = || format!("{} enqueue", program.display());
    let mut command = Command::new(program);
    command.args(["enqueue", "--json", "--label", "loadtest memory"]).arg(folder).env_clear();
    command.envs(&site.environment).env("MEDIA_ROOTS", &media.root).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(io(named()))?;
    let pid = child.id().unwrap_or_default();
    let ending = child.wait_with_output();
    let mut ending = std::pin::pin!(ending);
    let mut peak = 0;
    let output = loop {
        tokio::select! {
            output = &mut ending => break output.map_err(io(named()))?,
            () = sleep(LOOK) => peak = peak_bytes(pid).unwrap_or(0).max(peak),
        }
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout)
        .map(|enqueued| (enqueued, peak))
        .map_err(|error| RigError::NotReady(format!("{} said no numbers ({error}): {said}", named())))
}

/// Messages that wait, once the broker has counted them: it may lag behind its own confirms a little.
async fn depth(site: &Site) -> Result<u64, RigError> {
    let (mut last, since) = (0, Instant::now());
    let channel = site.broker.channel().await?;
    loop {
        let depths = site.topology.depths(&channel).await?;
        let now: u64 = depths.iter().map(|depth| u64::from(depth.ready)).sum();
        if now == last && now > 0 || since.elapsed() > IDLE {
            return Ok(now);
        }
        last = now;
        sleep(IDLE / 10).await;
    }
}

/// The account of jobs that another program published: by their number.
fn fill(phase: &mut Phase, measured: &Measured, offered: u64, accepted: u64) {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let distinct: BTreeSet<_> = measured.ends.iter().map(|end: &Ended| end.job).collect();
    for end in &measured.ends {
        *outcomes.entry(end.outcome.to_owned()).or_default() += 1;
    }
    let ended = distinct.len() as u64;
    phase.jobs = Jobs {
        offered,
        accepted,
        refused: offered - accepted.min(offered),
        ended,
        outcomes,
        cached: 0,
        lost: accepted.saturating_sub(ended),
        doubled: measured.ends.len() as u64 - ended,
    };
    let per_second = ended as f64 / phase.seconds.max(f64::MIN_POSITIVE);
    phase.figures.insert("files_per_second".to_owned(), per_second);
}
