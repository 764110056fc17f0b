//! The command line: what can be asked for, and the help that teaches it. It reads no environment and does nothing.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES_AND_CODES: &str = "\
Examples:
  export MEDIA_ROOTS=music=/srv/music
  producer enqueue /srv/music --watch
  B=$(producer enqueue /srv/music/new --priority high)
  producer watch $B
  producer results $B --format csv > results.csv

Settings come from the environment; `producer config` prints them all. Most needed:
  AMQP_URL      RabbitMQ, amqp://user:password@host:port/vhost
  REDIS_URL     Redis, redis://user:password@host:port/database
  MEDIA_ROOTS   the folders that the workers read, name=/path separated by ;

Exit codes:
   0  done, nothing failed
   1  some files failed or were not enqueued, what was asked for is not there, or a server is down (status)
   2  wrong usage
  69  RabbitMQ or Redis is unavailable
  75  a queue is full (--on-full fail): try again later
  78  a setting is wrong, or differs from what the broker has
 130  interrupted";

const ENQUEUE_EXAMPLES: &str = "\
Examples:
  producer enqueue /srv/music                          everything below a folder
  producer enqueue --dry-run /srv/music | wc -l        only count, no server needed
  producer enqueue --priority high --watch a.flac      at once, and wait for it
  find /srv/music -newer stamp -print0 | producer enqueue --files-from - -0
  B=$(producer enqueue --label 'new albums' /srv/music/new) && producer results $B

Only the batch id is written to standard output, as soon as there is one; everything else goes to standard error.

When a queue is full (QUEUE_MAX_SIZE), the producer waits until the workers have made room, and says so.

Exit codes: 0 all enqueued (with --watch: and analysed) · 1 some files were not, or failed, or none was found ·
2 usage · 69 RabbitMQ or Redis unavailable · 75 queue full (--on-full fail) · 78 settings · 130 interrupted";

const WATCH_EXAMPLES: &str = "\
Examples:
  producer watch last
  producer watch 01890a5d-ac96
  producer enqueue /srv/music --watch

On a terminal one line shows the progress; elsewhere a line is written every few seconds. Watching changes nothing:
stop it and start it again whenever you like.

Exit codes: 0 every file is analysed · 1 some files failed · 69 Redis unavailable · 130 interrupted (the work goes on)";

const RESULTS_EXAMPLES: &str = "\
Examples:
  producer results last
  producer results last --failed
  producer results $B --format csv > results.csv
  producer results $B --format ndjson | jq -r 'select(.outcome == \"ok\") | .path'
  producer results $B --limit 1000            prints on standard error how to go on

The records come in the order in which the files were finished, and can be read while the batch still runs.

Exit codes: 0 printed, also when the reader closed the pipe early · 69 Redis unavailable";

const BATCHES_EXAMPLES: &str = "\
Examples:
  producer batches
  producer batches --limit 3
  producer batches --json | jq -r '.[] | select(.sealed | not) | .batch_id'";

const STATUS_EXAMPLES: &str = "\
Examples:
  producer status
  producer status --json | jq '.queues[] | {queue, ready}'

How long the oldest message has waited is not shown: RabbitMQ does not tell it without taking the message out. The age
of the oldest unfinished batch is shown instead.

Exit codes: 0 both servers answer · 1 one of them does not";

const CONFIG_EXAMPLES: &str = "\
Examples:
  producer config
  producer config --json | jq -r '.[] | select(.source != \"default\") | .name'

Passwords are masked. Exit code 78 when a setting is wrong; all wrong ones are named at once.";

/// Submits music files to the analysis fleet, follows them and reads the results.
#[derive(Debug, Parser)]
#[command(name = "producer", version, max_term_width = 110, after_help = EXAMPLES_AND_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit files: one job per audio file, together one batch
    #[command(after_help = ENQUEUE_EXAMPLES)]
    Enqueue(EnqueueArgs),
    /// Follow a batch until every file has its end
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(WatchArgs),
    /// Print what became of the files of a batch
    #[command(after_help = RESULTS_EXAMPLES)]
    Results(ResultsArgs),
    /// List the batches, the newest first
    #[command(after_help = BATCHES_EXAMPLES)]
    Batches(BatchesArgs),
    /// Show whether the servers answer, how long the queues are and who works on them
    #[command(after_help = STATUS_EXAMPLES)]
    Status(JsonArgs),
    /// Print the settings in force, passwords masked
    #[command(after_help = CONFIG_EXAMPLES)]
    Config(JsonArgs),
}

/// What to do when the broker refuses a job because its queue is at the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFull {
    /// Wait for room
    Wait,
    /// Stop, exit 75
    Fail,
    /// Leave the file out, exit 1
    Skip,
}

#[derive(Debug, Args)]
pub(crate) struct EnqueueArgs {
    /// Files, and folders that are walked; each must lie inside a media root
    #[arg(value_name = "PATH", required_unless_present = "files_from")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read paths from a file, one a line; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) files_from: Option<PathBuf>,
    /// The paths of --files-from are separated by NUL (find -print0)
    #[arg(short = '0', long, requires = "files_from")]
    pub(crate) null: bool,
    /// Take files with any extension, not only those of audio formats
    #[arg(long)]
    pub(crate) all_files: bool,
    /// Level of the jobs: high, normal or low (p0, p1 … when QUEUE_PRIORITY_LEVELS is not 3) [default: the middle one]
    #[arg(short, long, value_name = "LEVEL")]
    pub(crate) priority: Option<String>,
    /// Name of the batch, for people [default: the paths]
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Analyse again even what the fleet already knows
    #[arg(long)]
    pub(crate) force: bool,
    /// What to do when a queue is full
    #[arg(long, value_enum, default_value_t = OnFull::Wait, value_name = "HOW")]
    pub(crate) on_full: OnFull,
    /// Follow the batch until every file has its end
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) watch: bool,
    /// Print what would be enqueued, as root/path, and contact no server
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object at the end instead of the batch id
    #[arg(long)]
    pub(crate) json: bool,
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
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<shared::record::Format>,
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
pub(crate) struct BatchesArgs {
    /// Print one JSON array
    #[arg(long)]
    pub(crate) json: bool,
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
