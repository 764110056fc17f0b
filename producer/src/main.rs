//! The command-line program of the fleet: submits files, follows batches, reads results.
//!
//! It analyses nothing and keeps nothing on disk; what it knows of a batch is in Redis.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use shared::settings::ProducerSettings;
use shared::telemetry::LogFormat;

mod audience;
mod batches;
mod cancel;
mod cli;
mod completions;
mod config;
mod connect;
mod enqueue;
mod export;
mod failure;
mod failures;
mod losses;
mod pick;
mod publish;
mod purge;
mod resolve;
mod results;
mod retry;
mod screen;
mod status;
mod stop;
mod text;
mod topology;
mod verdict;
mod waiting;
mod watch;

use cli::{Cli, Command};
use failure::{End, Failure};
use screen::Screen;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = Screen::new();
    let code = match run(cli.command, &screen) {
        Ok(end) => end.into(),
        // `| head` has what it wanted.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            screen.clear();
            screen.line(&format!("error: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    };
    // Signals are still heard: the runtime's threads are there, and so is the second Ctrl-C.
    shared::telemetry::flush();
    code
}

fn run(command: Command, screen: &Screen) -> Result<End, Failure> {
    // These need no settings, or say what is wrong with them.
    match &command {
        Command::Config(args) => return config::run(args.json, screen),
        Command::Completions { shell } => {
            completions::print(*shell, &mut std::io::stdout().lock())?;
            return Ok(End::Done);
        }
        Command::Man { folder } => {
            shared::manual::pages(Cli::command(), folder)?;
            return Ok(End::Done);
        }
        _ => {}
    }
    let read = ProducerSettings::from_env();
    let (settings, warnings) = read.map_err(|errors| Failure::Settings(errors.to_string()))?;
    // What it says to its user is text, on a terminal or not, and the log stands among it.
    let format = match settings.log.format {
        LogFormat::Auto => LogFormat::Text,
        chosen => chosen,
    };
    shared::telemetry::init_with(format, &config::log_filter()?, screen.clone())
        .map_err(|error| Failure::Settings(error.to_string()))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    // One thread for the connections, one for the command: publishing is the broker's work, not ours.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let end = runtime.block_on(dispatch(command, &settings, screen));
    // lapin's own thread may be in the middle of connecting, and panics when the runtime's clock goes away under it. The
    // process ends now anyway.
    std::mem::forget(runtime);
    end
}

async fn dispatch(command: Command, settings: &ProducerSettings, screen: &Screen) -> Result<End, Failure> {
    match command {
        // Boxed: they are much larger than the others.
        Command::Enqueue(args) => Box::pin(enqueue::run(settings, &args, screen)).await,
        Command::Watch(args) => Box::pin(watch::run(settings, &args, screen)).await,
        Command::Results(args) => results::run(settings, &args, screen).await,
        Command::Failures(args) => failures::run(settings, &args, screen).await,
        Command::Retry(args) => retry::run(settings, &args, screen).await,
        Command::Cancel(args) => cancel::run(settings, &args, screen).await,
        Command::Purge(args) => purge::run(settings, &args, screen).await,
        Command::Batches(args) => batches::run(settings, &args, screen).await,
        Command::Status(args) => status::run(settings, args.json, screen).await,
        Command::Export(args) => export::run(settings, &args, screen).await,
        Command::Topology(what) => topology::run(settings, &what, screen).await,
        // Done with before there are settings.
        Command::Config(_) | Command::Completions { .. } | Command::Man { .. } => Ok(End::Done),
    }
}
