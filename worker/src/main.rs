//! `worker`: parse, set up, dispatch, exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use shared::manual;
use shared::printable::printable;
use shared::settings::{EXIT_CONFIG, Program, WorkerSettings, describe, rows_json, rows_table};
use shared::telemetry;
use worker::cli::{Cli, Command};
use worker::{daemon, exit, health, lanes, local};

fn main() -> ExitCode {
    // Before anything else, and nothing for people: a lane has no settings, no logs and no runtime of its own.
    if std::env::args_os().skip(1).eq([lanes::child::COMMAND]) {
        return lanes::child::main();
    }
    let code = run(Cli::parse().command);
    // Also where a command ended before it had a runtime.
    telemetry::flush();
    code
}

fn run(command: Command) -> ExitCode {
    match command {
        Command::Config { json } => config(json),
        // Its output names every failure; a log line for each would say it twice.
        Command::Analyze(args) => {
            let given: Vec<_> = args.as_environment().collect();
            with_settings(Some(local::LOG_LEVEL), given, |settings| local::main(&args, settings))
        }
        Command::Run => with_settings(None, Vec::new(), daemon::main),
        Command::Healthcheck => with_settings(None, Vec::new(), healthcheck),
        Command::Completions { shell } => {
            written(manual::completions(Cli::command(), shell, &mut std::io::stdout().lock()))
        }
        Command::Man { folder } => written(manual::pages(Cli::command(), &folder)),
    }
}

/// Reads the settings and sets up the logs, or says everything that is wrong with them. `quieter` is the log filter
/// where LOG_LEVEL is not set; `given` are settings that the command line has put in the place of the environment's.
fn with_settings(
    quieter: Option<&str>,
    given: Vec<(OsString, OsString)>,
    command: impl FnOnce(WorkerSettings) -> ExitCode,
) -> ExitCode {
    let environment = std::env::vars_os().filter(|(name, _)| given.iter().all(|(other, _)| other != name));
    let environment: Vec<_> = environment.chain(given.iter().cloned()).collect();
    let (settings, warnings) = match WorkerSettings::from_vars(environment) {
        Ok(read) => read,
        Err(errors) => return exit::say(&errors, EXIT_CONFIG),
    };
    let filter = quieter.filter(|_| std::env::var_os("LOG_LEVEL").is_none()).unwrap_or(&settings.log.filter);
    if let Err(error) = telemetry::init(settings.log.format, filter) {
        return exit::say(&error, EXIT_CONFIG);
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    command(settings)
}

fn config(json: bool) -> ExitCode {
    match describe(Program::Worker, std::env::vars_os()) {
        Ok((rows, warnings)) => {
            for warning in warnings {
                telemetry::say(&format!("WARN {}\n", printable(&warning.to_string())));
            }
            let terminal = console::Term::stdout();
            let width = terminal.size_checked().filter(|_| terminal.is_term()).map(|(_, columns)| columns);
            let text = if json { rows_json(&rows) } else { rows_table(&rows, width) };
            // A closed pipe has seen enough.
            let _ = writeln!(std::io::stdout().lock(), "{text}");
            ExitCode::SUCCESS
        }
        Err(errors) => exit::say(&errors, EXIT_CONFIG),
    }
}

fn written(done: std::io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `| head` has what it wanted.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => exit::say(&error, 1),
    }
}

fn healthcheck(settings: WorkerSettings) -> ExitCode {
    let service = settings.service;
    exit::block_on(async move {
        match health::probe(service.http_addr, service.health_check_timeout).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::say(&error, exit::UNAVAILABLE),
        }
    })
}
