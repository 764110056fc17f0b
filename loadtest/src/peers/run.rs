//! A run: environments, files, servers, rounds in turn, tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use tempfile::TempDir;
use tokio::process::Command;

use super::arguments::Peers;
use super::celery::Celery;
use super::envs::Envs;
use super::files::Subject;
use super::fleet::{Fleet, rehearses};
use super::noop::{self, Side};
use super::peer::Peer;
use super::text::{OURS, files_phase, noop_phase, noop_ratio, text};
use crate::bench::{self, Rounds, finished};
use crate::corpus::{TRUTH_FILE, Truth};
use crate::measure::Run;
use crate::report::ReportError;
use crate::rig::{self, Repository, RigError, Servers, io, program};

const ABOUT: &str = "the same files through other programs, and no-op jobs through Celery, beside ours";

/// What the spinner shows is drawn so often.
const TICK: std::time::Duration = std::time::Duration::from_millis(200);

/// Everything that a run has.
struct Field<'a> {
    arguments: &'a Peers,
    worker: PathBuf,
    /// Processes of Celery, and our lanes.
    processors: u32,
    /// Programs of the peers that are there.
    there: BTreeMap<Peer, PathBuf>,
    envs: Envs,
    /// Who was left out, and why.
    left_out: BTreeMap<String, String>,
    bar: ProgressBar,
    servers: Option<Servers>,
    // The last to be dropped: servers are stopped by what they wrote in it.
    folder: TempDir,
}

/// Runs the command; the text to print, and whether anybody was there to compare with.
pub(crate) fn run(arguments: &Peers) -> Result<(String, bool), ReportError> {
    rig::hold(Box::pin(hold(arguments)))
}

async fn hold(arguments: &Peers) -> Result<(String, bool), ReportError> {
    let servers = "private, on this machine; Redis without a log on disk";
    let mut run = bench::new_run("peers", ABOUT, arguments.seed, servers);
    let mut field = field(arguments, run.machine.processors).await?;
    describe(&mut run, &field).await?;
    let analysing = field.there.keys().any(|peer| *peer != Peer::Celery);
    if analysing {
        let files = files(&field).await?;
        run.corpus.files = files.len() as u64;
        run.corpus.bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum();
        run.phases.extend(analyse(&mut field, &files).await?);
    }
    if field.there.contains_key(&Peer::Celery) {
        run.phases.extend(do_nothing(&mut field).await?);
    }
    field.bar.finish_and_clear();
    for (name, reason) in &field.left_out {
        run.settings.insert(format!("left_out_{name}"), reason.clone());
    }
    let (text, anybody) = (text(&run.phases, &field.left_out), !field.there.is_empty());
    drop(field);
    let (text, fine) = bench::finish(run, &text, &arguments.outputs)?;
    Ok((text, fine && anybody))
}

/// Installs who is wanted, and starts the servers if they are needed.
async fn field(arguments: &Peers, processors: u32) -> Result<Field<'_>, RigError> {
    let worker = program("worker", arguments.worker.as_deref())?;
    let envs = Envs::at(arguments.envs.as_deref(), arguments.python.as_deref())?;
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(TICK);
    let (mut there, mut left_out) = (BTreeMap::new(), BTreeMap::new());
    for peer in Peer::ALL.into_iter().filter(|peer| arguments.wants(*peer)) {
        bar.set_message(format!("installing {} (the first time takes minutes)", peer.name()));
        match envs.program(peer).await {
            Ok(program) => drop(there.insert(peer, program)),
            Err(reason) => {
                drop(left_out.insert(peer.name().to_owned(), format!("cannot be installed: {reason}")))
            }
        }
    }
    let folder = tempfile::Builder::new().prefix("peers-").tempdir().map_err(io("a temporary folder"))?;
    let servers = if there.contains_key(&Peer::Celery) || there.contains_key(&Peer::Librosa) {
        bar.set_message("starting RabbitMQ and Redis");
        Some(Servers::in_memory(&Repository::find()?.services, &folder.path().join("services")).await?)
    } else {
        None
    };
    Ok(Field { arguments, worker, processors, there, envs, left_out, bar, servers, folder })
}

async fn describe(run: &mut Run, field: &Field<'_>) -> Result<(), RigError> {
    let version = finished(Command::new(&field.worker).arg("--version"), &[0]).await?;
    run.versions.insert("worker".to_owned(), String::from_utf8_lossy(&version.stdout).trim().to_owned());
    let versions = field.there.keys().filter_map(|peer| Some((peer.name().to_owned(), peer.version()?)));
    run.versions.extend(versions);
    run.settings.insert("ANALYSIS_BATCH_SIZE".to_owned(), field.arguments.batch.to_string());
    run.settings.insert("ANALYSIS_MAX_WORKERS".to_owned(), field.processors.to_string());
    run.settings.insert("noop_lanes".to_owned(), field.arguments.lanes.to_string());
    run.corpus.about = match &field.arguments.music {
        Some(music) => format!("files of {}", music.display()),
        None => format!("composed pieces of {} s, {}", field.arguments.seconds, field.arguments.formats),
    };
    Ok(())
}

/// What everybody analyses.
async fn files(field: &Field<'_>) -> Result<Vec<PathBuf>, RigError> {
    let arguments = field.arguments;
    if let Some(music) = &arguments.music {
        return listed(music);
    }
    field.bar.set_message("composing music");
    let out = field.folder.path().join("music");
    let mut command = Command::new(std::env::current_exe().map_err(io("this program"))?);
    command.args(["corpus", "--formats", &arguments.formats, "--count", &arguments.files.to_string()]);
    command.args(["--seconds", &arguments.seconds.to_string(), "--seed", &arguments.seed.to_string()]);
    finished(command.arg("--out").arg(&out), &[0]).await?;
    let path = out.join(TRUTH_FILE);
    let text = std::fs::read(&path).map_err(io(path.display().to_string()))?;
    let truth: Truth = serde_json::from_slice(&text).map_err(|error| io(TRUTH_FILE)(error.into()))?;
    Ok(truth.files.iter().map(|file| out.join(&file.path)).collect())
}

/// The audio files of a folder and those below it.
fn listed(music: &Path) -> Result<Vec<PathBuf>, RigError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(music).map_err(io(music.display().to_string()))? {
        let path = entry.map_err(io(music.display().to_string()))?.path();
        let audio = path
            .extension()
            .is_some_and(|end| ["wav", "flac", "mp3", "ogg"].iter().any(|known| end == *known));
        match path.is_dir() {
            true => found.extend(listed(&path)?),
            false => found.extend(audio.then(|| path.canonicalize().unwrap_or(path))),
        }
    }
    found.sort();
    Ok(found)
}

async fn subjects(field: &Field<'_>) -> Result<Vec<Subject>, RigError> {
    let mut subjects = Vec::from(Subject::ours(&field.worker, field.processors));
    for (peer, program) in &field.there {
        let (program, folder) = (program.clone(), field.envs.folder(*peer));
        subjects.push(match (peer, &field.servers) {
            (Peer::Librosa, Some(servers)) => {
                let celery = Box::new(Celery::new(program, folder, servers));
                let log = field.folder.path().join("librosa.log");
                // One at a time for each process: a file takes seconds.
                let worker = Box::new(celery.worker(field.processors, 1, &log).await?);
                Subject::Librosa { celery, worker }
            }
            (Peer::Essentia, _) => Subject::Essentia { python: program, folder },
            (Peer::Bliss, _) => Subject::Bliss { program },
            (Peer::Ffmpeg, _) => Subject::Ffmpeg,
            _ => continue,
        });
    }
    Ok(subjects)
}

/// The rounds over the files. Who fails is left out from then on.
async fn analyse(field: &mut Field<'_>, files: &[PathBuf]) -> Result<Vec<crate::measure::Phase>, RigError> {
    if files.is_empty() {
        return Err(RigError::NotReady("there is no file to analyse".to_owned()));
    }
    let mut subjects: Vec<(Subject, Rounds)> =
        subjects(field).await?.into_iter().map(|subject| (subject, Rounds::default())).collect();
    for number in 0..=field.arguments.rounds {
        let mut kept = Vec::new();
        for (mut subject, mut rounds) in subjects {
            field.bar.set_message(format!("round {number}: {}", subject.name()));
            // The first is a warm-up with so many files that each process of a pool has had one.
            let some = if number == 0 { &files[..files.len().min(field.processors as usize)] } else { files };
            match subject.round(some).await {
                Ok(round) => {
                    rounds.0.extend((number > 0).then_some(round));
                    kept.push((subject, rounds));
                }
                Err(error) if OURS.contains(&subject.name()) => return Err(error),
                Err(error) => leave_out(field, &subject, &error),
            }
        }
        subjects = kept;
    }
    let cpu = |rounds: &Rounds| rounds.cpu_micros().median / 1e6;
    let ours: BTreeMap<&str, f64> = subjects
        .iter()
        .filter(|(subject, _)| OURS.contains(&subject.name()))
        .map(|(subject, rounds)| (subject.name(), cpu(rounds)))
        .collect();
    let phases =
        subjects.iter().map(|(subject, rounds)| files_phase(subject.name(), rounds, &ours)).collect();
    for (subject, _) in subjects {
        subject.end().await;
    }
    Ok(phases)
}

fn leave_out(field: &mut Field<'_>, subject: &Subject, error: &RigError) {
    field.left_out.insert(subject.name().to_owned(), format!("failed: {error}"));
    field.there.retain(|peer, _| peer.name() != subject.name());
}

/// The rounds of jobs that do nothing.
async fn do_nothing(field: &mut Field<'_>) -> Result<Vec<crate::measure::Phase>, RigError> {
    let (Some(servers), Some(python)) = (&field.servers, field.there.get(&Peer::Celery)) else {
        return Ok(Vec::new());
    };
    let celery = Celery::new(python.clone(), field.envs.folder(Peer::Celery), servers);
    let ours_too = rehearses(&field.worker).await?;
    let (mut theirs, mut ours) = (Side::default(), Side::default());
    let (jobs, folder) = (field.arguments.jobs, field.folder.path());
    let (batch, lanes) = (field.arguments.batch, field.arguments.lanes.into());
    let pool = (field.arguments.processes.map_or(field.processors, u32::from), batch);
    for number in 1..=field.arguments.rounds {
        field.bar.set_message(format!("round {number}: no-op jobs through Celery"));
        if let Err(error) = noop::celery(&celery, &mut theirs, jobs, pool, folder).await {
            field.left_out.insert("celery".to_owned(), format!("failed: {error}"));
            field.there.remove(&Peer::Celery);
            return Ok(Vec::new());
        }
        if ours_too {
            field.bar.set_message(format!("round {number}: no-op jobs through our fleet"));
            let fleet = Fleet::new(&field.worker, servers, folder, lanes, batch).await?;
            noop::ours(&fleet, &mut ours, jobs * 10).await?;
        }
    }
    let mut phases = vec![noop_phase("noop_celery", &theirs)];
    if ours_too {
        phases.extend([noop_phase("noop_ours", &ours), noop_ratio(&ours, &theirs)]);
    } else {
        let reason = "this worker does not know ANALYSIS_REHEARSAL, so it cannot be compared with no-op jobs";
        field.left_out.insert("noop_ours".to_owned(), reason.to_owned());
    }
    Ok(phases)
}
