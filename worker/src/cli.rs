//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use shared::record::Format;

const EXIT_CODES: &str = "\
Exit codes:
  0    all fine
  1    some files failed, or there was nothing to analyse
  2    the command line is wrong
  69   a service is not available (healthcheck: the worker is not ready)
  78   a setting is wrong: all wrong ones are named; or a server refuses what
       it says (a password, a certificate)
  130  interrupted";

/// Analyses music files: on this machine, or as one of a fleet.
#[derive(Debug, Parser)]
#[command(name = "worker", version = shared::VERSION, about, after_help = EXIT_CODES, max_term_width = 80)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse files and folders here, without any server
    Analyze(AnalyzeArgs),
    /// Run as one of a fleet: jobs from RabbitMQ, results to Redis
    #[command(after_help = RUN_HELP)]
    Run,
    /// Print the settings as they are in effect, secrets masked
    Config {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask the worker on this machine whether it is ready
    Healthcheck,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder; it is made where it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

const RUN_HELP: &str = "\
All settings are environment variables; `worker config` lists them. Only
MEDIA_ROOTS has no default:

  MEDIA_ROOTS='music=/srv/music' AMQP_URL='amqp://user:password@rabbit/%2f' \\
  REDIS_URL='redis://redis/' worker run

SIGTERM, Ctrl-C or SIGHUP (a terminal that was closed) drains: nothing new is
taken, what runs is finished (SHUTDOWN_TIMEOUT), the rest is given back. A
second one stops at once, and what ran is given back, too. Under nohup SIGHUP
is ignored; so are SIGUSR1, SIGUSR2 and SIGPIPE always.";

const ANALYZE_HELP: &str = "\
Examples:
  worker analyze ~/Music                        a table, as files end
  worker analyze ~/Music --out results.ndjson   into a file; run it again and
                                                it goes on where it stopped
  worker analyze song.mp3 --format json         everything about one file
  find . -newer stamp -print0 | worker analyze -0

ANALYSIS_MAX_WORKERS sets how many files are analysed at a time,
ANALYSIS_TIMEOUT how long one may take, MAX_MEMORY_MB what all of it may take;
`worker config` lists the rest.

With --out, files that are unchanged since an earlier run are skipped, and
failed ones are tried again unless trying cannot help. A file that changed gets
a new line: the last line of a path is the one that counts.";

/// Arguments of `worker analyze`.
#[derive(Debug, Args)]
#[command(after_help = ANALYZE_HELP)]
pub struct AnalyzeArgs {
    /// Files and folders; `-` reads names from standard input
    #[arg(required_unless_present_any = ["files_from", "null"])]
    pub paths: Vec<PathBuf>,
    /// Read the names of files from FILE, one per line (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,
    /// Names in a list end with NUL instead of a newline; without other names, read standard input
    #[arg(short = '0', long)]
    pub null: bool,
    /// How to print: table, ndjson, csv or json [default: table; with --out: ndjson]
    #[arg(long, value_parser = format, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write to FILE instead of standard output, and go on where an earlier run stopped (ndjson)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Take every file of a folder, not only those with an audio extension
    #[arg(long)]
    pub all_files: bool,
    /// Leave out symbolic links in folders; without it they are followed
    #[arg(long)]
    pub no_follow: bool,
    /// No progress bar and no summary
    #[arg(short, long)]
    pub quiet: bool,
}

fn format(name: &str) -> Result<Format, String> {
    name.parse()
}
