//! `worker analyze`: folders, the pipeline, text. One of the two places that name adapters.

use std::io::{self, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use shared::job::Levels;
use shared::printable::printable;
use shared::record::{Part, Record};
use shared::scan::{Links, Scan};
use shared::settings::{EXIT_CONFIG, WorkerSettings};
use shared::telemetry;

use crate::analyst::Analyst;
use crate::asked::Asked;
use crate::cli::AnalyzeArgs;
use crate::descriptors;
use crate::exit;
use crate::lane_settings;
use crate::lanes::{LaneSettings, Lanes};
use crate::pipeline::{self, Control, Policy};
use crate::read_ahead;
use crate::sink::SinkError;
use crate::sink::records::{Document, RecordsSink};
use crate::source::folder::{self, Scanned};
use crate::stop::Stop;

mod output;
mod progress;
mod tally;

use output::Output;
use tally::Tally;

/// The output names every failure already.
pub const LOG_LEVEL: &str = "warn,worker::metrics=error";

/// The local mode has no queue, so it has one level.
const ONE_LEVEL: u8 = 1;

/// After the first Ctrl-C: longer than any file should take, since the second one ends it at once.
const DRAIN: Duration = Duration::from_secs(3600);

/// Analyses what the arguments name.
#[must_use]
pub fn main(args: &AnalyzeArgs, mut settings: WorkerSettings) -> ExitCode {
    match without(&settings.analysis.features, &args.without) {
        Ok(features) => settings.analysis.features = features,
        Err(error) => return exit::say(&error, exit::USAGE),
    }
    // A list may name any file of the machine; nothing is written, and nobody called, all the same.
    let lane_settings = match lane_settings::of(&settings, vec!["/".into()]) {
        Ok(lane_settings) => lane_settings,
        Err(error) => return exit::say(&error, EXIT_CONFIG),
    };
    descriptors::raise();
    if let Err(error) = descriptors::check(lane_settings.lanes) {
        return exit::say(&error, EXIT_CONFIG);
    }
    exit::block_on(async move {
        match run(args, &settings, lane_settings).await {
            Ok(code) => ExitCode::from(code),
            Err((text, code)) => exit::say(&text, code),
        }
    })
}

type Failure = (String, u8);

/// The features that are left: what nobody wants to see is not computed either.
fn without(features: &str, parts: &[Part]) -> Result<String, &'static str> {
    if parts.is_empty() {
        return Ok(features.to_owned());
    }
    let all: Vec<&str> = Part::ALL.iter().map(|part| part.name()).collect();
    let names = features.split(',').map(str::trim);
    let names = names.flat_map(|name| if name == "all" { all.clone() } else { vec![name] });
    let left: Vec<&str> = names.filter(|name| parts.iter().all(|part| part.name() != *name)).collect();
    if left.is_empty() { Err("--without leaves nothing to analyse") } else { Ok(left.join(",")) }
}

async fn run(args: &AnalyzeArgs, settings: &WorkerSettings, lanes: LaneSettings) -> Result<u8, Failure> {
    let asked = Asked::of(&lanes.engine);
    let scan = scan(args)?;
    let mut output = output::open(args)?;
    let system = |error: io::Error| (error.to_string(), exit::SYSTEM);
    let window = lanes.lanes + settings.analysis.batch_size;
    let unchanged = std::mem::take(&mut output.earlier.unchanged);
    let (receiver, settler, scanned) =
        folder::open(scan, window, unchanged, asked.revision.clone()).map_err(system)?;
    let stop = Stop::default();
    stop.on_signals(DRAIN).map_err(system)?;
    let tally = Arc::new(Mutex::new(Tally::default()));
    let bar = progress::bar(args.quiet || !output.has_room_for_a_bar, &scanned, &tally);
    let count = {
        let (tally, scanned, counted) = (Arc::clone(&tally), Arc::clone(&scanned), bar.clone());
        move |record: &Record| {
            tally.lock().unwrap_or_else(PoisonError::into_inner).count(record);
            counted.set_length(scanned.found.load(Ordering::Relaxed));
            counted.inc(1);
        }
    };
    let (out, document) = document(args, output);
    let sink = RecordsSink::new(out, document, Arc::clone(&scanned.order), count, bar.clone(), stop.clone());
    let pool = Lanes::start(lanes.clone()).await.map_err(|error| (error.to_string(), EXIT_CONFIG))?;
    let (ahead, reader) = read_ahead::start(&lanes, settings.resources.read_ahead_bytes);
    // Without a server there is nobody to ask what is known, and nobody who could start a file twice.
    let analyst = Analyst { lanes: pool.clone(), cache: None, starts: None, ahead, asked, worker: None };
    let control = Control { stop: stop.clone(), ..Control::default() };
    let policy = policy(&lanes, settings);
    let ended = pipeline::run(receiver, settler, sink, Arc::new(analyst), policy, control).await;
    drop(reader);
    pool.stop(true).await;
    bar.finish_and_clear();
    match ended {
        Err(SinkError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error @ SinkError::Unread) => Err((error.to_string(), exit::INTERRUPTED)),
        Err(error) => Err((error.to_string(), exit::SYSTEM)),
        Ok(()) => Ok(conclude(args, &scanned, &tally, stop.is_draining())),
    }
}

fn document(args: &AnalyzeArgs, output: Output) -> (Box<dyn io::Write + Send>, Document) {
    let Output { out, format, medium, earlier, .. } = output;
    let document = Document::new(format, |writer| {
        let writer = writer.on(medium).after(earlier.records, earlier.listed);
        // On standard output nothing is gone on with.
        if args.out.is_some() { writer.noting(output::state_if_lasting) } else { writer }
    });
    (out, document)
}

fn policy(lanes: &LaneSettings, settings: &WorkerSettings) -> Policy {
    let levels = Levels::new(ONE_LEVEL).unwrap_or(settings.queue.levels);
    Policy {
        lanes: lanes.lanes,
        batch_size: settings.analysis.batch_size,
        batch_max: 0,
        pace: settings.resources.pace,
        tiers: 0,
        levels,
        aging: None,
        consumer_timeout: None,
    }
}

fn scan(args: &AnalyzeArgs) -> Result<Scan, Failure> {
    let stdin = Path::new("-");
    let separator = if args.null { b'\0' } else { b'\n' };
    let list = match (&args.files_from, args.paths.as_slice()) {
        (Some(list), []) => Some(list.as_path()),
        (Some(_), _) => return Err(("give either paths or --files-from, not both".to_owned(), exit::USAGE)),
        (None, [only]) if only == stdin => Some(stdin),
        (None, []) => Some(stdin),
        (None, paths) if paths.iter().any(|path| path == stdin) => {
            return Err((
                "'-' (a list on standard input) cannot be mixed with paths".to_owned(),
                exit::USAGE,
            ));
        }
        (None, _) => None,
    };
    let scan = match list {
        None => Scan::from_paths(args.paths.clone()),
        Some(list) if list == stdin => {
            Scan::from_list(BufReader::new(io::stdin()), separator, "standard input")
        }
        Some(list) => {
            let file = std::fs::File::open(list).map_err(|error| {
                (format!("cannot read --files-from {}: {error}", list.display()), exit::USAGE)
            })?;
            Scan::from_list(BufReader::new(file), separator, PathBuf::from(list))
        }
    };
    let links = if args.no_follow { Links::None } else { Links::All };
    Ok(scan.all_files(args.all_files).links(links))
}

fn conclude(args: &AnalyzeArgs, scanned: &Scanned, tally: &Mutex<Tally>, interrupted: bool) -> u8 {
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let errors = scanned.take_errors();
    for error in &errors {
        telemetry::say(&format!("worker: {}\n", printable(&error.to_string())));
    }
    if !args.quiet {
        telemetry::say(&tally.summary(scanned, args.out.as_deref(), interrupted));
    }
    let has_failed = tally.failed() + scanned.unchanged_failed.load(Ordering::Relaxed) > 0;
    match () {
        () if interrupted => exit::INTERRUPTED,
        () if has_failed || !errors.is_empty() || tally.nothing_to_do(scanned) => exit::FAILED,
        () => 0,
    }
}

/// Nothing is drawn where nobody looks.
fn hidden_unless_terminal(is_hidden: bool) -> ProgressBar {
    let visible = !is_hidden && io::stderr().is_terminal();
    ProgressBar::with_draw_target(
        None,
        if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_nobody_wants_are_not_computed() {
        assert_eq!(without("all", &[]).unwrap(), "all");
        assert_eq!(without("tempo, key,waveform", &[Part::Waveform]).unwrap(), "tempo,key");
        let most: analysis::Features = without("all", &[Part::Waveform]).unwrap().parse().unwrap();
        assert!(!most.to_string().contains("waveform") && most.to_string().contains("fingerprint"), "{most}");
        assert!(without("tempo", &[Part::Tempo]).is_err());
        // Each part of a report is a feature of that name, and there are no others.
        let names: Vec<&str> = Part::ALL.iter().map(|part| part.name()).collect();
        assert_eq!(names.join(",").parse(), Ok(analysis::Features::ALL));
    }
}
