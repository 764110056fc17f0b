//! A run from its beginning to the table.

use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use super::arguments::Components;
use super::broker::Queues;
use super::local::Local;
use super::part::Part;
use super::samples;
use super::store::Ends;
use crate::bench::{self, Round, Rounds};
use crate::measure::{Phase, Run};
use crate::report::ReportError;
use crate::rig::{self, Repository, RigError, Servers, io};

const ABOUT: &str = "operations a second of each part of the road alone, and the processor time of one";

/// What the parts run on.
struct Bench {
    local: Local,
    servers: Option<(Queues, Ends)>,
    // The last to be dropped: first the servers, then their folder.
    _private: Option<(Servers, TempDir)>,
}

/// Runs the command; the text to print, and whether all bars were met.
pub(crate) fn run(arguments: &Components) -> Result<(String, bool), ReportError> {
    rig::hold(hold(arguments))
}

async fn hold(arguments: &Components) -> Result<(String, bool), ReportError> {
    let parts = arguments.parts();
    let local_only = parts.iter().all(Part::is_local);
    let servers = if local_only { "none" } else { "private, on this machine; Redis without a log on disk" };
    let mut run = bench::new_run("components", ABOUT, 0, servers);
    let mut bench = open(&Repository::find()?, local_only).await?;
    let (message, report) = bench.local.sizes();
    let mut rounds = vec![Rounds::default(); parts.len()];
    let bar = bar(u64::from(arguments.rounds) * parts.len() as u64);
    for number in 0..=arguments.rounds {
        for (part, rounds) in parts.iter().zip(&mut rounds) {
            bar.set_message(part.name());
            let round = round(&mut bench, *part, arguments).await?;
            if number > 0 {
                rounds.0.push(round);
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    let phase = |(part, rounds): (&Part, &Rounds)| {
        let mut phase = rounds.phase(&part.name());
        phase.figures.insert("message_bytes".to_owned(), message as f64);
        phase.figures.insert("report_bytes".to_owned(), report as f64);
        phase
    };
    run.phases = parts.iter().zip(&rounds).map(phase).collect();
    let text = table(&run, message, report);
    drop(bench);
    bench::finish(run, &text, &arguments.outputs)
}

async fn open(repository: &Repository, local_only: bool) -> Result<Bench, RigError> {
    let record = samples::record(&repository.samples)?;
    let local = Local::new(&record)?;
    if local_only {
        return Ok(Bench { local, servers: None, _private: None });
    }
    let folder =
        tempfile::Builder::new().prefix("components-").tempdir().map_err(io("a temporary folder"))?;
    let servers = Servers::in_memory(&repository.services, &folder.path().join("services")).await?;
    let queues = Queues::open(&servers.amqp).await?;
    let ends = Ends::open(&servers.redis, &record).await?;
    Ok(Bench { local, servers: Some((queues, ends)), _private: Some((servers, folder)) })
}

async fn round(bench: &mut Bench, part: Part, arguments: &Components) -> Result<Round, RigError> {
    let bounds = arguments.bounds();
    let Some((queues, ends)) = &mut bench.servers else { return Ok(bench.local.round(part, bounds.time)) };
    match part {
        Part::Publish(window) => queues.publish(window, bounds).await,
        Part::Consume(acks) => queues.consume(acks, bounds).await,
        Part::Finish(size) => ends.finish(size, bounds).await,
        Part::Progress(size) => ends.progress(size, bounds).await,
        Part::Events => ends.events(bounds).await,
        Part::ReportRead(window) => ends.read(window, bounds).await,
        Part::JobStart(window) => ends.start(window, bounds).await,
        _ => Ok(bench.local.round(part, bounds.time)),
    }
}

fn table(run: &Run, message: usize, report: usize) -> String {
    let heading = format!(
        "{:<22} {:>12} {:>12} {:>12} {:>14}",
        "PART", "OPS/S MEDIAN", "LEAST", "MOST", "CPU µs AN OP"
    );
    let row = |phase: &Phase| {
        let figure = |name: &str| phase.figures.get(name).copied().unwrap_or(0.0);
        format!(
            "{:<22} {:>12.0} {:>12.0} {:>12.0} {:>14.2}",
            phase.name,
            figure("ops_per_second"),
            figure("ops_per_second_min"),
            figure("ops_per_second_max"),
            figure("cpu_us_per_op")
        )
    };
    let sizes =
        format!("a message has {message} bytes, a report {report}; processor time is this process's alone");
    let rows = run.phases.iter().map(row);
    [heading].into_iter().chain(rows).chain([sizes]).collect::<Vec<_>>().join("\n")
}

fn bar(rounds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} rounds · {msg} · {eta} left");
    ProgressBar::new(rounds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
