//! The runs one after another, and what they show.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

use super::arguments::Cache;
use super::files::Sounds;
use super::listed::{self, Listed};
use super::rig::{Pass, Rig};
use crate::bench;
use crate::engine::resident_bytes;
use crate::measure::{Corpus, Jobs, Phase, Run};
use crate::report::ReportError;
use crate::rig::{Repository, RigError, Worker, hold};

const ABOUT: &str = "a second run over known files, one over the same files renamed, moved and retagged, and one with --changed";

/// The worker is idle then; on a busy machine it takes a moment.
const END_WITHIN: Duration = Duration::from_secs(60);

/// Holds the runs; the text to print, and whether what was promised holds.
pub(crate) fn run(arguments: &Cache) -> Result<(String, bool), ReportError> {
    hold(measure(arguments))
}

async fn measure(arguments: &Cache) -> Result<(String, bool), ReportError> {
    let repository = Repository::find()?;
    let sounds = Sounds::read(&repository.samples.join("reggae.aac"), arguments.copies)?;
    let mut run = bench::new_run("cache", ABOUT, 0, "private, on this machine");
    let rig = Rig::up(arguments, &repository).await?;
    let mut worker = rig.worker().await?;
    sounds.write(&rig.media, arguments.files)?;
    run.corpus = Corpus {
        files: arguments.files.into(),
        about: format!("AAC of {} bytes and less, each different audio", sounds.longest()),
        ..Corpus::default()
    };
    run.settings.insert("ANALYSIS_MAX_WORKERS".to_owned(), arguments.lanes.to_string());
    run.phases = passes(&rig, &worker, &sounds, arguments).await?;
    if arguments.listed > 0 {
        run.phases.push(listed_phase(&listed::measure(&rig, arguments.listed).await?));
    }
    worker.end(Signal::TERM, END_WITHIN).await;
    let text = table(&run);
    bench::finish(run, &text, &arguments.outputs)
}

/// All runs in their order. The second and third are held against the first.
async fn passes(
    rig: &Rig,
    worker: &Worker,
    sounds: &Sounds,
    arguments: &Cache,
) -> Result<Vec<Phase>, RigError> {
    let resident = || resident_bytes(worker.process.id()).unwrap_or(0);
    let (empty, unused) = (resident(), listed::redis_memory(rig).await?);
    let first = rig.pass(worker, "first", &[]).await?;
    let stored = listed::redis_memory(rig).await?.saturating_sub(unused) as f64;
    let mut phases = vec![phase(&first, &first, arguments)];
    let cache = worker.value("analysis_memory_usage_bytes{kind=\"cache\"}").await.unwrap_or(0.0);
    let grown = resident().saturating_sub(empty) as f64;
    let of_first = [
        ("cache_bytes", cache),
        ("rss_grown_bytes", grown),
        ("redis_bytes_per_report", stored / first.files.max(1) as f64),
    ];
    phases[0].figures.extend(of_first.map(|(name, value)| (name.to_owned(), value)));
    phases.push(phase(&rig.pass(worker, "again", &[]).await?, &first, arguments));
    sounds.retag(&rig.media, arguments.files)?;
    phases.push(phase(&rig.pass(worker, "renamed, moved, retagged", &[]).await?, &first, arguments));
    phases.push(phase(&rig.pass(worker, "--changed", &["--changed"]).await?, &first, arguments));
    Ok(phases)
}

/// A run, with how much faster it was than the first and how many files it decoded.
fn phase(pass: &Pass, first: &Pass, arguments: &Cache) -> Phase {
    let (files, seconds) = ((pass.files + pass.unchanged) as f64, pass.wall.as_secs_f64());
    let figures = BTreeMap::from([
        ("times_faster".to_owned(), first.wall.as_secs_f64() / seconds),
        ("decoded".to_owned(), pass.decoded),
        ("unchanged".to_owned(), pass.unchanged as f64),
        ("files_per_second".to_owned(), files / seconds),
        ("cpu_ms_per_file".to_owned(), pass.processor * 1000.0 / files.max(1.0)),
    ]);
    Phase {
        name: pass.name.to_owned(),
        workers: 1,
        lanes: arguments.lanes.into(),
        seconds,
        jobs: Jobs { offered: pass.files, accepted: pass.files, ended: pass.files, ..Jobs::default() },
        figures,
        ..Phase::default()
    }
}

fn listed_phase(listed: &Listed) -> Phase {
    let (files, seconds) = (f64::from(listed.files), listed.wall.as_secs_f64());
    let figures = BTreeMap::from([
        ("unchanged".to_owned(), files - listed.changed as f64),
        ("enqueued".to_owned(), listed.changed as f64),
        ("files_per_second".to_owned(), files / seconds),
        ("redis_bytes_per_file".to_owned(), listed.bytes as f64 / files),
    ]);
    Phase { name: "listed".to_owned(), seconds, figures, ..Phase::default() }
}

fn table(run: &Run) -> String {
    let heading = format!(
        "{:<26}{:>9}{:>9}{:>11}{:>10}{:>10}{:>13}{:>9}",
        "RUN", "FILES", "DECODED", "UNCHANGED", "SECONDS", "FILES/S", "CPU MS/FILE", "FASTER"
    );
    let row = |phase: &Phase| {
        let figure = |name: &str| phase.figures.get(name).copied().unwrap_or(0.0);
        format!(
            "{:<26}{:>9}{:>9}{:>11}{:>10.2}{:>10.0}{:>13.3}{:>7.1} ×",
            phase.name,
            phase.jobs.accepted,
            figure("decoded"),
            figure("unchanged"),
            phase.seconds,
            figure("files_per_second"),
            figure("cpu_ms_per_file"),
            figure("times_faster")
        )
    };
    let runs = run.phases.iter().filter(|phase| phase.figures.contains_key("times_faster")).map(row);
    std::iter::once(heading).chain(runs).collect::<Vec<_>>().join("\n")
}
