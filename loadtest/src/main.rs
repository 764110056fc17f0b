//! `loadtest`: music with a known truth, and load for the fleet.

mod chaos;
mod cli;
mod corpus;
mod engine;
mod hostile;
mod measure;
mod rig;
mod scenarios;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli::Cli { command } = cli::Cli::parse();
    match command {
        cli::Command::Corpus(arguments) => match corpus::run(&arguments) {
            Ok(summary) => finished(&summary, true),
            Err(error) => failed(&error, error.exit_code()),
        },
        cli::Command::Throughput(throughput) => tested(throughput.run()),
        cli::Command::Burst(burst) => tested(burst.run()),
        cli::Command::Sustained(sustained) => tested(sustained.run()),
        cli::Command::Variable(variable) => tested(variable.run()),
        cli::Command::Scalability(scalability) => tested(scalability.run()),
        cli::Command::Memory(memory) => tested(memory.run()),
        cli::Command::Soak(soak) => tested(soak.run()),
        cli::Command::Chaos(arguments) => tested(chaos::run(&arguments)),
        cli::Command::Hostile(arguments) => tested(hostile::run(&arguments)),
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
