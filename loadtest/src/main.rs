//! `loadtest`: music with a known truth, and load for the fleet.

mod accuracy;
mod autoscale;
mod bench;
mod cache;
mod chaos;
mod cli;
mod compare;
mod components;
mod corpus;
mod engine;
mod hostile;
mod measure;
mod peers;
mod readme;
mod report;
mod requirements;
mod rig;
mod rolling;
mod scenarios;
mod size;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli::Cli { command } = cli::Cli::parse();
    match command {
        cli::Command::Corpus(arguments) => match corpus::run(&arguments) {
            Ok(summary) => finished(&summary, true),
            Err(error) => failed(&error, error.exit_code()),
        },
        cli::Command::Throughput(throughput) => reported(throughput.run()),
        cli::Command::Burst(burst) => reported(burst.run()),
        cli::Command::Sustained(sustained) => reported(sustained.run()),
        cli::Command::Variable(variable) => reported(variable.run()),
        cli::Command::Scalability(scalability) => reported(scalability.run()),
        cli::Command::Tuning(tuning) => reported(tuning.run()),
        cli::Command::ReadAhead(read_ahead) => reported(read_ahead.run()),
        cli::Command::Memory(memory) => reported(memory.run()),
        cli::Command::Soak(soak) => reported(soak.run()),
        cli::Command::Autoscale(autoscale) => reported(autoscale.run()),
        cli::Command::Cache(arguments) => reported(cache::run(&arguments)),
        cli::Command::Chaos(arguments) => tested(chaos::run(&arguments)),
        cli::Command::Rolling(arguments) => tested(rolling::run(&arguments)),
        cli::Command::Hostile(arguments) => tested(hostile::run(&arguments)),
        cli::Command::Components(arguments) => reported(components::run(&arguments)),
        cli::Command::Accuracy(arguments) => reported(accuracy::run(&arguments)),
        cli::Command::Peers(arguments) => reported(peers::run(&arguments)),
        cli::Command::Size(arguments) => reported(size::run(&arguments)),
        cli::Command::Report(arguments) => reported(report::run(&arguments)),
        cli::Command::Compare(arguments) => reported(compare::run(&arguments)),
        cli::Command::Readme(arguments) => reported(readme::run(&arguments)),
    }
}

/// What was measured, shown: 1 also when it is not what it should be.
fn reported(result: Result<(String, bool), report::ReportError>) -> ExitCode {
    match result {
        Ok((text, fine)) => finished(&text, fine),
        Err(error) => failed(&error, error.exit_code()),
    }
}

/// A test of the fleet: 1 also when it was held and found something.
fn tested(result: Result<(String, bool), rig::RigError>) -> ExitCode {
    match result {
        Ok((text, passed)) => finished(&text, passed),
        Err(error) => failed(&error, error.exit_code()),
    }
}

fn finished(text: &str, fine: bool) -> ExitCode {
    cli::say(&mut std::io::stdout().lock(), text);
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn failed(error: &dyn std::error::Error, code: u8) -> ExitCode {
    cli::say(&mut std::io::stderr().lock(), &format!("error: {error}"));
    ExitCode::from(code)
}
