//! The command line: what can be asked for, and the help that teaches it. It reads no environment and does nothing.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::job::JobId;
use shared::outcome::FailureKind;

// Lines up to 79 columns are kept as they are; paragraphs are one line each, for clap to wrap.
const OVERVIEW: &str = "\
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
    1  some files failed, were cancelled or not enqueued, what was asked for is
       not there, or (status) a server is down
    2  wrong usage
   69  RabbitMQ or Redis is unavailable
   75  a queue is full (--on-full fail): try again later
   78  a setting is wrong (a password or a certificate, too), or differs from
      what the broker has
  130  interrupted";

const ENQUEUE: &str = "\
Examples:
  producer enqueue /srv/music                       all below a folder
  producer enqueue --dry-run /srv/music | wc -l     count, without a server
  producer enqueue --priority high --watch a.flac   before others; wait for it
  producer enqueue --changed /srv/music             what is new or changed: every night
  find /srv/music -newer stamp -print0 | producer enqueue --files-from - -0
  B=$(producer enqueue --label 'new albums' /srv/music/new)

Only the batch id is written to standard output, as soon as there is one; everything else goes to standard error.

When a queue is full (QUEUE_MAX_SIZE), the producer waits until the workers have made room, and says so.

--changed costs a walk and no analysis: a file is left out when its size and its time of last change (to the nanosecond) are those it had when it last ended as ok, partial, not_applicable, unsupported or corrupt, and the workers' analyser is still the same. Whatever else failed, or was cancelled, is enqueued again; so is a file that was changed within 3 s of being enqueued. What is known of a file is forgotten one to two RESULT_TTL after the last run that came across it: run it more often than RESULT_TTL. Reports and batches expire after RESULT_TTL all the same: fetch them before.

Exit codes:
    0  all enqueued, or unchanged (--changed); with --watch: and none failed
    1  some were not enqueued or failed, or there was nothing to enqueue
    2  wrong usage
   69  RabbitMQ or Redis is unavailable
   75  a queue is full (--on-full fail); what was accepted stays enqueued
   78  a setting is wrong (a password or a certificate, too), or differs from
      what the broker has
  130  interrupted; what was accepted stays enqueued";

const WATCH: &str = "\
Examples:
  producer watch last
  producer watch 01890a5d-ac96
  producer enqueue /srv/music --watch

On a terminal one line shows the progress; elsewhere a line is written every few seconds. Watching changes nothing: stop it and start it again whenever you like.

Exit codes:
    0  every file is analysed
    1  some files failed or were cancelled, or there is no such batch
   69  Redis is unavailable at the start; later it is waited for
  130  interrupted; the work goes on";

const RESULTS: &str = "\
Examples:
  producer results last
  producer results last --failed
  producer results $B --format csv > results.csv
  producer results $B | jq -r 'select(.outcome == \"ok\") | .path'
  producer results $B --limit 1000      the next 1000: see standard error

The records come in the order in which the files were finished, and can be read while the batch still runs.

Exit codes:
    0  printed, also when the reader closed the pipe early
    1  there is no such batch
   69  Redis is unavailable";

const FAILURES: &str = "\
Examples:
  producer failures                     over all batches, the newest batch first
  producer failures last --kind timeout --kind crash
  producer failures --format csv > failures.csv
  producer failures --kind not_found | jq -r .path
  producer failures --limit 100         the next 100: see standard error

Kinds are those of the records: corrupt, not_found, timeout … (a wrong one lists them all). The fields have the names of a record's; `retryable` is false for what never was a job.

Exit codes:
    0  printed, also when there are none
    1  there is no such batch
   69  Redis is unavailable";

const RETRY: &str = "\
Examples:
  producer retry last
  producer retry last --kind root_unavailable --kind io --watch
  producer retry --kind out_of_memory              in all batches
  producer retry --job 01890a5d-ac96-774b-bcce-b302099a8057
  producer retry $B --cancelled                    what was cancelled, too

Each job is published again as it was submitted, with no attempts behind it. Its failure is taken back first, so the batch is unfinished again until the job ends anew, and each job counts once. A job that the broker does not take has its failure back. If the command is killed, run it again: it publishes what was left in between.

Only the exit code and standard error tell how it went; nothing is written to standard output.

Exit codes:
    0  all published again; with --watch: and none failed
    1  some were not, or there was nothing to retry
    2  wrong usage
   69  RabbitMQ or Redis is unavailable
   75  a queue is full (--on-full fail); what was accepted stays in the queue
   78  a setting is wrong, or differs from what the broker has
  130  interrupted; what was accepted stays in the queue";

const CANCEL: &str = "\
Examples:
  producer cancel last
  producer cancel $B --now --watch

What has not started ends as cancelled when a worker comes to it: at once where a lane is free, without reading the file. A job that waits for a retry ends so when it comes back. A batch that its producer never closed, because it was killed, is closed. `producer retry BATCH --cancelled` takes it all up again.

Exit codes:
    0  cancelled; with --watch: and every job has its end
    1  the batch was complete already, or there is no such batch
    2  wrong usage
   69  Redis is unavailable
  130  interrupted while watching; the batch stays cancelled";

const PURGE: &str = "\
Examples:
  producer purge                        asks first
  producer purge --yes --level low
  producer purge --yes --retries --dead

Without --level, --retries and --dead the queues of all levels are purged; with any of them exactly what they name. Each job ends as cancelled, stored before its message goes, so that its batch comes to its end; `producer retry BATCH --cancelled` takes it up again. Messages that workers hold already are not purged: `producer cancel` reaches those.

Exit codes:
    0  purged, or nothing was there
    1  you did not say yes
    2  wrong usage; also without --yes where nobody can be asked
   69  RabbitMQ or Redis is unavailable; what was not stored is still in its queue
   78  a setting is wrong, or differs from what the broker has
  130  interrupted";

const BATCHES: &str = "\
Examples:
  producer batches
  producer batches --limit 3
  producer batches --json | jq -r '.[] | select(.sealed | not) | .batch_id'";

const STATUS: &str = "\
Examples:
  producer status
  producer status --json | jq '.queues[] | {queue, ready}'

How long the oldest message has waited is not shown: RabbitMQ does not tell it without taking the message out. The age of the oldest unfinished batch is shown instead.

Exit codes:
    0  both servers answer
    1  one of them does not";

const CONFIG: &str = "\
Examples:
  producer config
  producer config --json | jq -r '.[] | select(.source != \"default\") | .name'

Passwords are masked. Exit code 78 when settings are wrong; all of them are named at once.";

/// Submits music files to the analysis fleet, follows them and reads the results.
#[derive(Debug, Parser)]
#[command(name = "producer", version, max_term_width = 110, after_help = OVERVIEW)]
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
    /// Print the settings in force, passwords masked
    #[command(after_help = CONFIG)]
    Config(JsonArgs),
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
    #[arg(short, long, value_name = "LEVEL")]
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
pub(crate) struct FailuresArgs {
    /// A batch: its id, the beginning of it as far as it is unique, or `last` [default: all batches]
    #[arg(value_name = "BATCH")]
    pub(crate) batch: Option<String>,
    /// Only failures of this kind; may be given several times
    #[arg(short, long, value_name = "KIND", value_parser = kind)]
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
    #[arg(short, long, value_name = "ID")]
    pub(crate) job: Vec<JobId>,
    /// Only failures of this kind; may be given several times
    #[arg(short, long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Vec<FailureKind>,
    /// What was cancelled or purged, too
    #[arg(long)]
    pub(crate) cancelled: bool,
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
    #[arg(short, long, value_name = "LEVEL")]
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

fn kind(name: &str) -> Result<FailureKind, String> {
    FailureKind::from_code(name).ok_or_else(|| {
        let all: Vec<&str> = FailureKind::ALL.iter().map(|kind| kind.code()).collect();
        format!("expected one of {}", all.join(", "))
    })
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
