//! The command line: what can be asked for, and the help that teaches it. It reads no environment and does nothing.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use shared::job::JobId;
use shared::outcome::FailureKind;
use shared::record::{Format, Part};

mod help;

use help::{
    BATCHES, CANCEL, COMPLETIONS, CONFIG, ENQUEUE, EXPORT, FAILURES, MAN, OVERVIEW, PURGE, RESULTS, RETRY,
    STATUS, TOPOLOGY, WATCH,
};

/// Submits music files to the analysis fleet, follows them and reads the results.
#[derive(Debug, Parser)]
#[command(name = "producer", version = shared::VERSION, max_term_width = 110, after_help = OVERVIEW)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit files: one job per audio file, together one batch
    #[command(after_help = ENQUEUE)]
    Enqueue(EnqueueArgs),
    /// Follow a batch until every file has its end
    #[command(after_help = WATCH)]
    Watch(WatchArgs),
    /// Print what became of the files of a batch
    #[command(after_help = RESULTS)]
    Results(ResultsArgs),
    /// Write a complete batch as a document: CSV, JSON or a playlist
    #[command(after_help = EXPORT)]
    Export(ExportArgs),
    /// List what failed and why, of one batch or of all
    #[command(after_help = FAILURES)]
    Failures(FailuresArgs),
    /// Publish failed jobs again
    #[command(after_help = RETRY)]
    Retry(RetryArgs),
    /// End a batch: what has not started is not analysed
    #[command(after_help = CANCEL)]
    Cancel(CancelArgs),
    /// Empty the queues; the jobs in them end as cancelled
    #[command(after_help = PURGE)]
    Purge(PurgeArgs),
    /// List the batches, the newest first
    #[command(after_help = BATCHES)]
    Batches(BatchesArgs),
    /// Show whether the servers answer, how long the queues are and who works on them
    #[command(after_help = STATUS)]
    Status(JsonArgs),
    /// Compare the queues on the broker with those that the settings ask for, or make them
    #[command(subcommand, after_help = TOPOLOGY)]
    Topology(Topology),
    /// Print the settings in force, passwords masked
    #[command(after_help = CONFIG)]
    Config(JsonArgs),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_help = MAN)]
    Man {
        /// The folder; it is made where it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// What is done about the exchanges and queues.
#[derive(Debug, Subcommand)]
pub(crate) enum Topology {
    /// Say of each exchange and queue whether it is there as wanted; change nothing
    #[command(after_help = TOPOLOGY)]
    Check(JsonArgs),
    /// Make what is missing; leave alone what differs, and say so
    #[command(after_help = TOPOLOGY)]
    Apply(JsonArgs),
}

/// What to do when the broker refuses a job because its queue is at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFull {
    /// Until the workers have made room.
    Wait,
    /// Stop at once, with what was accepted so far.
    Fail,
    /// Leave the file out and go on.
    Skip,
}

#[derive(Debug, Args)]
pub(crate) struct EnqueueArgs {
    /// Files, and folders that are walked; each must lie inside a media root
    #[arg(value_name = "PATH", required_unless_present = "files_from")]
    pub(crate) paths: Vec<PathBuf>,
    /// high, normal or low (p0, p1 … when QUEUE_PRIORITY_LEVELS is not 3) [default: the middle one]
    #[arg(short, long, value_name = "LEVEL", value_parser = LevelName, hide_possible_values = true)]
    pub(crate) priority: Option<String>,
    /// Name of the batch, for people [default: the paths]
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Follow the batch until every file has its end
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) watch: bool,
    /// Print what would be enqueued, as root/path, and contact no server
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object at the end instead of the batch id
    #[arg(long)]
    pub(crate) json: bool,
    /// What to do when a queue is full: wait for room, fail (exit 75), or skip the file (exit 1 at the end)
    #[arg(long, value_enum, default_value_t = OnFull::Wait, value_name = "HOW", hide_possible_values = true)]
    pub(crate) on_full: OnFull,
    /// Analyse again even what the fleet already knows
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave out files that are as they were when they last came to an end (size, time of change, the fleet's analyser)
    #[arg(long, conflicts_with_all = ["force", "dry_run"])]
    pub(crate) changed: bool,
    /// Take files with any extension, not only those of audio formats
    #[arg(long)]
    pub(crate) all_files: bool,
    /// Leave out symbolic links in folders; without it, those that lead below a media root are followed
    #[arg(long)]
    pub(crate) no_follow: bool,
    /// Read paths from a file, one a line; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
    /// The paths of --files-from are separated by NUL (find -print0)
    #[arg(short = '0', long, requires = "files_from")]
    pub(crate) null: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last`
    #[arg(value_name = "BATCH")]
    pub(crate) batch: String,
}

#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last`
    #[arg(value_name = "BATCH")]
    pub(crate) batch: String,
    /// table, ndjson, csv or json [default: table on a terminal, else ndjson]
    #[arg(short, long, value_parser = one_of(&["table", "ndjson", "csv", "json"]), value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// Leave parts of the reports out, separated by commas: waveform, structure … (a wrong one lists them all)
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',', hide_possible_values = true)]
    pub(crate) without: Vec<Part>,
    /// Only the files that failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// Go on where an earlier call with --limit stopped
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<shared::store::Cursor>,
    /// Print at most this many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last`
    #[arg(value_name = "BATCH")]
    pub(crate) batch: String,
    /// csv, ndjson, json or m3u
    #[arg(short, long, value_parser = one_of(&["csv", "ndjson", "json", "m3u"]), value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Format,
    /// Leave parts of the reports out, separated by commas: waveform, structure … (a wrong one lists them all)
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',', hide_possible_values = true)]
    pub(crate) without: Vec<Part>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Also while the batch is not complete: what has ended
    #[arg(long)]
    pub(crate) partial: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FailuresArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last` [default: all batches]
    #[arg(value_name = "BATCH")]
    pub(crate) batch: Option<String>,
    /// Only failures of this kind; may be given several times
    #[arg(short, long, value_enum, value_name = "KIND", hide_possible_values = true)]
    pub(crate) kind: Vec<FailureKind>,
    /// table, ndjson or csv [default: table on a terminal, else ndjson]
    #[arg(short, long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<crate::failures::Format>,
    /// Go on where an earlier call with --limit stopped
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<crate::failures::Place>,
    /// Print at most this many failures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").args(["batch", "job", "kind"]).multiple(true).required(true))]
pub(crate) struct RetryArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last` [default: all batches]
    #[arg(value_name = "BATCH")]
    pub(crate) batch: Option<String>,
    /// Only this job; may be given several times
    #[arg(short, long, value_name = "ID", value_parser = job_id)]
    pub(crate) job: Vec<JobId>,
    /// Only failures of this kind; may be given several times
    #[arg(short, long, value_enum, value_name = "KIND", hide_possible_values = true)]
    pub(crate) kind: Vec<FailureKind>,
    /// What was cancelled or purged, too
    #[arg(long)]
    pub(crate) cancelled: bool,
    /// All jobs that have no end, also while messages wait or a worker may hold them
    #[arg(long)]
    pub(crate) lost: bool,
    /// What to do when a queue is full: wait for room, fail (exit 75), or skip the job (exit 1 at the end)
    #[arg(long, value_enum, default_value_t = OnFull::Wait, value_name = "HOW", hide_possible_values = true)]
    pub(crate) on_full: OnFull,
    /// Follow the batch until every file has its end
    #[arg(short, long, requires = "batch")]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last`
    #[arg(value_name = "BATCH")]
    pub(crate) batch: String,
    /// End what runs, too, within about a second
    #[arg(long)]
    pub(crate) now: bool,
    /// Follow the batch until every file has its end
    #[arg(short, long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// The queue of this level; may be given several times
    #[arg(short, long, value_name = "LEVEL", value_parser = LevelName, hide_possible_values = true)]
    pub(crate) level: Vec<String>,
    /// The queues of jobs that wait for a retry
    #[arg(long)]
    pub(crate) retries: bool,
    /// The queue of what the broker gave up on
    #[arg(long)]
    pub(crate) dead: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// The name of a level: completions offer those of three levels, and the settings say which there are.
#[derive(Debug, Clone, Copy)]
struct LevelName;

impl TypedValueParser for LevelName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["high", "normal", "low"].map(PossibleValue::new).into_iter()))
    }
}

fn job_id(text: &str) -> Result<JobId, String> {
    let expected = "expected a job's whole id, such as 01890a5d-ac96-774b-bcce-b302099a8057: `producer failures` lists them";
    text.parse().map_err(|_| expected.to_owned())
}

/// Some of the formats of records, which completions know.
fn one_of(names: &'static [&'static str]) -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Format>())
}

#[derive(Debug, Args)]
pub(crate) struct BatchesArgs {
    /// Print one JSON array
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the ids alone, one a line: for scripts and completions
    #[arg(long, conflicts_with = "json")]
    pub(crate) ids: bool,
    /// List at most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct JsonArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
