//! `loadtest`: music with a known truth, and load for the fleet.

mod cli;
mod corpus;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli::Cli { command } = cli::Cli::parse();
    let result = match command {
        cli::Command::Corpus(arguments) => corpus::run(&arguments),
    };
    match result {
        Ok(summary) => {
            cli::say(&mut std::io::stdout().lock(), &summary);
            ExitCode::SUCCESS
        }
        Err(error) => {
            cli::say(&mut std::io::stderr().lock(), &format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
