//! The command line.

use crate::accuracy::Accuracy;
use crate::cache::Cache;
use crate::chaos::Chaos;
use crate::compare::Compare;
use crate::components::Components;
use crate::corpus::Corpus;
use crate::hostile::Hostile;
use crate::peers::Peers;
use crate::readme::Readme;
use crate::report::Report;
use crate::rolling::Rolling;
use crate::scenarios::{
    Autoscale, Burst, Memory, ReadAhead, Scalability, Soak, Sustained, Throughput, Tuning, Variable,
};
use crate::size::Size;
use clap::{Parser, Subcommand};
use std::io::Write;

/// Load tests, chaos, accuracy and comparisons with peers: what the fleet is asked for, measured with real music and servers.
#[derive(Debug, Parser)]
#[command(version = shared::VERSION, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Corpus(Corpus),
    Throughput(Throughput),
    Burst(Burst),
    Sustained(Sustained),
    Variable(Variable),
    Scalability(Scalability),
    Tuning(Tuning),
    ReadAhead(ReadAhead),
    Memory(Memory),
    Soak(Soak),
    Autoscale(Autoscale),
    Cache(Cache),
    Chaos(Chaos),
    Rolling(Rolling),
    Hostile(Hostile),
    Components(Components),
    Accuracy(Accuracy),
    Peers(Peers),
    Size(Size),
    Report(Report),
    Compare(Compare),
    Readme(Readme),
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 something failed, and its file is named · 2 wrong usage";

/// Writes a line. Nobody left to read it (`| head`) is no failure.
pub(crate) fn say(to: &mut impl Write, line: &str) {
    let _ = writeln!(to, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
