//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use shared::record::{Format, Part};

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
  worker analyze ~/Music                     a table, in the order of the folders
  worker analyze ~/Music --out results.csv   into a file; run it again, and it
                                             goes on where it stopped
  worker analyze ~/Music --out mix.m3u8      a playlist of what can be played
  worker analyze song.mp3 --format json      everything about one file
  worker analyze ~/Music --without waveform --out results.ndjson
  find . -newer stamp -print0 | worker analyze -0

The columns of the table:
  OUTCOME   ok: analysed whole. partial: some of it could not be decoded.
            not_applicable: silence, or too short. failed: no report; the
            reason stands behind it
  FORMAT    the codec
  LENGTH    of what was decoded, minutes:seconds
  BPM  %    beats per minute, and the chance in percent that they are right
  KEY  %    the key as musicians and as DJs write it (Am 8A, of the Camelot
            wheel), and the chance that it is right. Below 50 % a value is dim
  LUFS      integrated loudness (EBU R 128)
  PEAK      true peak, dBTP
  TITLE / REASON   title and artist of the tags; what is wrong with the file
A terminal that is too narrow for all of them shows the first ones; what goes
to a pipe or a file is whole. NO_COLOR=1 leaves the colours out.

Formats: table; ndjson, one JSON object a line, and json, one array, with all
that was found; csv, the flat fields (UTF-8); m3u, a playlist of the files that
ended as ok or partial, with absolute paths.

Files are analysed by as many processes as there are processors and memory
(MAX_MEMORY_MB) for; --jobs or ANALYSIS_MAX_WORKERS sets another number.
ANALYSIS_TIMEOUT sets how long one file may take; `worker config` lists the rest.

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
    /// How to print: table, ndjson, csv, json or m3u [default: what the name of --out says (.ndjson, .jsonl, .csv, .json, .m3u,
    /// .m3u8, .txt), or else ndjson; without --out: table]
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Write to FILE instead of standard output, and go on where an earlier run stopped (any format but table)
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Files analysed at the same time: a number, or `auto` [default: auto, one per processor]
    #[arg(short, long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<String>,
    /// Compute only these parts of a report, separated by commas: tags, loudness, silence, quality, waveform, tempo, key,
    /// spectral, descriptors, structure, similarity, fingerprint [default: all]
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',', hide_possible_values = true)]
    pub features: Vec<Part>,
    /// Leave out parts of a report, separated by commas: the waveform is two thirds of a record
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',', hide_possible_values = true)]
    pub without: Vec<Part>,
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

fn jobs(text: &str) -> Result<String, String> {
    match text.parse::<u16>() {
        _ if text == AUTO => Ok(text.to_owned()),
        Ok(1..=MOST_JOBS) => Ok(text.to_owned()),
        _ => Err(format!("expected {AUTO}, or a number from 1 to {MOST_JOBS}")),
    }
}

impl AnalyzeArgs {
    /// Settings that the command line has another word for, as the environment would have them. Unlike a worker, which shares
    /// its machine with others, an analysis that somebody waits for takes all processors.
    pub fn as_environment(&self) -> impl Iterator<Item = (OsString, OsString)> {
        let is_set = std::env::var_os(JOBS).is_some_and(|value| !value.is_empty());
        let jobs = self.jobs.clone().or_else(|| (!is_set).then(|| AUTO.to_owned()));
        let names: Vec<&str> = self.features.iter().map(|part| part.name()).collect();
        let features = (!names.is_empty()).then(|| names.join(","));
        let settings = [(JOBS, jobs), ("ANALYSIS_FEATURES", features)];
        settings.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())))
    }
}

/// The setting behind `--jobs`, the word for as many as fit, and the most that there may be.
const JOBS: &str = "ANALYSIS_MAX_WORKERS";
const AUTO: &str = "auto";
const MOST_JOBS: u16 = 1024;
