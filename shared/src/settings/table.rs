//! The table of environment variables: the one place that names them.

use std::time::Duration;

use super::kind::Kind;

/// A program that reads settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `worker`: the daemon, the local mode and the lanes' parent.
    Worker,
    /// `producer`: the command-line program.
    Producer,
}

/// Who reads a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedBy {
    /// The worker alone.
    Worker,
    /// The producer alone.
    Producer,
    /// Worker and producer: they must agree on it, or both need it.
    Both,
}

impl UsedBy {
    pub(super) fn includes(self, program: Program) -> bool {
        match self {
            Self::Both => true,
            Self::Worker => program == Program::Worker,
            Self::Producer => program == Program::Producer,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Producer => "producer",
            Self::Both => "worker, producer",
        }
    }
}

/// What holds when a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value, written as a user would write it.
    Value(&'static str),
    /// `host-pid`, made by the process itself.
    HostAndProcess,
    /// Nothing: the setting is absent.
    Absent,
}

impl Fallback {
    /// How the default is printed in errors, the sample file and the documentation.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Value(value) => value,
            Self::HostAndProcess => "host name-process id",
            Self::Absent => "not set",
        }
    }
}

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// The name in the environment.
    pub name: &'static str,
    pub(super) kind: Kind,
    /// The unit of the value, empty where there is none.
    pub unit: &'static str,
    /// What holds when it is not set.
    pub fallback: Fallback,
    /// What it does, in one or two sentences.
    pub meaning: &'static str,
    /// Whether the value is masked wherever it is shown, and may come from the file named by `NAME_FILE`.
    pub secret: bool,
    /// The programs that read it.
    pub used_by: UsedBy,
}

impl Variable {
    /// What a value must look like, as the errors and the documentation say it.
    #[must_use]
    pub fn expected(&self) -> String {
        self.kind.expected()
    }

    /// The variable that names a file with the value: secrets alone have one.
    pub(super) fn file_name(&self) -> String {
        format!("{}_FILE", self.name)
    }
}

const fn worker(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Variable {
    let fallback = Fallback::Value(default);
    Variable { name, kind, unit, fallback, meaning, secret: false, used_by: UsedBy::Worker }
}

const fn both(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable { used_by: UsedBy::Both, ..worker(name, kind, unit, default, meaning) }
}

const fn producer(variable: Variable) -> Variable {
    Variable { used_by: UsedBy::Producer, ..variable }
}

const fn secret(variable: Variable) -> Variable {
    Variable { secret: true, ..variable }
}

const fn without_default(variable: Variable, fallback: Fallback) -> Variable {
    Variable { fallback, ..variable }
}

const fn duration(min_ms: u64, max: Duration) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_ms), max }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Every variable, in the order in which they are documented.
pub const VARIABLES: &[Variable] = &[
    // Analysis.
    worker(
        "ANALYSIS_MAX_WORKERS",
        Kind::Workers { max: 1024 },
        "lanes",
        "4",
        "Files analysed at the same time, each in its own child process. `auto` takes one per processor that the worker may use, as far as the memory goes.",
    ),
    worker(
        "ANALYSIS_BATCH_SIZE",
        Kind::Integer { min: 1, max: 1000 },
        "jobs",
        "10",
        "Outcomes written to Redis together, and jobs held ahead of the lanes where so many end within a second. Of slower files fewer are held, down to one.",
    ),
    worker(
        "ANALYSIS_BATCH_MAX",
        Kind::Integer { min: 1, max: 1000 },
        "jobs",
        "500",
        "What ANALYSIS_BATCH_SIZE may grow to while lanes wait for jobs, never more than end in a second. Set to ANALYSIS_BATCH_SIZE or less, exactly ANALYSIS_BATCH_SIZE jobs are held, whatever the files.",
    ),
    worker(
        "ANALYSIS_TIMEOUT",
        duration(1000, DAY),
        "time",
        "30s",
        "Time limit of one file, multiplied for files longer than 10 minutes of audio; also the longest time without progress.",
    ),
    worker(
        "ANALYSIS_FEATURES",
        Kind::Words,
        "",
        "all",
        "What to compute: `all`, or names of features separated by commas.",
    ),
    worker(
        "ANALYSIS_MAX_FILE_MB",
        Kind::Mebibytes { min: 1, max: 1 << 20 },
        "MiB",
        "4096",
        "Largest file that is opened; a larger one ends as `too_large`.",
    ),
    without_default(
        worker(
            "ANALYSIS_REHEARSAL",
            duration(0, HOUR),
            "time",
            "",
            "For load tests only: nothing is decoded, every file takes this long on its lane and ends as ok with an empty report. \
             Keep it below ANALYSIS_TIMEOUT; 0s is allowed.",
        ),
        Fallback::Absent,
    ),
    // What the worker may use.
    worker(
        "MAX_MEMORY_MB",
        Kind::Mebibytes { min: 256, max: 1 << 24 },
        "MiB",
        "8192",
        "Memory of the worker and all its lanes together. A lane that wants more than its share ends its job as `out_of_memory`.",
    ),
    worker(
        "CACHE_SIZE_MB",
        Kind::Mebibytes { min: 0, max: 1 << 20 },
        "MiB",
        "512",
        "Reports of known audio kept in the worker's memory, in front of Redis; part of MAX_MEMORY_MB. 0 keeps none.",
    ),
    worker(
        "READ_AHEAD_MB",
        Kind::Mebibytes { min: 0, max: 1 << 16 },
        "MiB",
        "32",
        "So much of each of the next files, as many as there are lanes, is read into the machine's file cache before its turn, while files are found not to be there yet. 0 reads nothing ahead.",
    ),
    worker(
        "WORKER_NICE",
        Kind::Integer { min: 0, max: 19 },
        "",
        "0",
        "Niceness of the lanes: 19 leaves the processors to everything else.",
    ),
    worker(
        "WORKER_PACE",
        Kind::Integer { min: 1, max: 100 },
        "%",
        "100",
        "Share of its time that a lane works: with 25 it rests for three times as long as each file took. For machines that have something else to do.",
    ),
    without_default(
        worker(
            "WORKER_CPU_AFFINITY",
            Kind::Processors,
            "",
            "",
            "Processors that lanes may use, such as `0-3,8`; the worker itself is not bound. Linux only.",
        ),
        Fallback::Absent,
    ),
    worker(
        "LANE_CONFINEMENT",
        Kind::Choice(&["required", "available", "optional", "off"]),
        "",
        "available",
        "Whether lanes run when Landlock or seccomp does not confine them. `available`: what this kernel has must be in force. \
         `required`: all of it must. `optional`: they run in any case. `off`: they are not confined.",
    ),
    // Queues.
    secret(both(
        "AMQP_URL",
        Kind::AmqpUrl,
        "",
        "amqp://guest:guest@127.0.0.1:5672/%2f",
        "RabbitMQ: `amqp://user:password@host:port/vhost`, `amqps` for TLS; `amqp://user:password@host:port,host:port/vhost` for \
         the nodes of a cluster, of which any that answers is used. Reserved characters are percent-encoded.",
    )),
    without_default(
        producer(secret(both(
            "RABBITMQ_API_URL",
            Kind::ApiUrl,
            "",
            "",
            "RabbitMQ's HTTP API, where it has one: `producer topology check` then names policies that can lose jobs, and \
             `producer enqueue` counts exactly what became of its jobs. The user needs the tag `monitoring`.",
        ))),
        Fallback::Absent,
    ),
    both(
        "QUEUE_PREFIX",
        Kind::Prefix,
        "",
        "analysis",
        "Begins the name of every exchange, queue and Redis key, so that several fleets can share the servers.",
    ),
    both(
        "QUEUE_MAX_SIZE",
        Kind::Integer { min: 1, max: 10_000_000 },
        "messages",
        "10000",
        "Most messages waiting in each level's queue; beyond it the broker refuses and the producer waits.",
    ),
    both(
        "QUEUE_PRIORITY_LEVELS",
        Kind::Integer { min: 1, max: 10 },
        "levels",
        "3",
        "Priority levels, each a queue. Three are called high, normal and low, any other number p0 (highest), p1 and so on.",
    ),
    both(
        "RETRY_DELAYS",
        Kind::Delays,
        "",
        "5s,30s,2m,10m",
        "Waiting times before the first, second … retry of a job that failed for a passing reason; after the last it has failed.",
    ),
    both(
        "PUBLISH_WINDOW",
        Kind::Integer { min: 1, max: 10_000 },
        "messages",
        "256",
        "Messages sent to the broker and not yet confirmed. A queue may exceed QUEUE_MAX_SIZE by as much.",
    ),
    worker(
        "PRIORITY_MODE",
        Kind::Choice(&["weighted", "strict"]),
        "",
        "weighted",
        "`weighted`: the highest level first, but waiting jobs rise and the lowest level gets one start in 16. `strict`: always the highest level.",
    ),
    worker(
        "PRIORITY_AGING",
        duration(100, DAY),
        "time",
        "30s",
        "A job that waits in the worker rises one level each time this has passed. Without effect when PRIORITY_MODE is strict.",
    ),
    worker(
        "WORKER_LEVELS",
        Kind::Levels,
        "",
        "all",
        "Levels this worker takes jobs from: `all`, or names separated by commas.",
    ),
    // Results.
    secret(both(
        "REDIS_URL",
        Kind::RedisUrl,
        "",
        "redis://127.0.0.1:6379/0",
        "Redis: `redis://user:password@host:port/database`, `rediss` for TLS; `redis-cluster://user:password@host:port,host:port` \
         (`rediss-cluster`) for Redis Cluster, by some of its nodes; `redis-sentinel://user:password@host:port,host:port/master/database` \
         (`rediss-sentinel`) for the master that these sentinels name, where a write counts when one replica has it, or as many as \
         `?replicas=` says. Reserved characters are percent-encoded.",
    )),
    both(
        "RESULT_TTL",
        duration(1000, TEN_YEARS),
        "time",
        "30d",
        "How long Redis keeps batches, outcomes and reports after the last write.",
    ),
    // TLS.
    without_default(
        both(
            "TLS_CA_FILE",
            Kind::File,
            "",
            "",
            "Certificates (PEM) of the authorities that `amqps` and `rediss` servers are checked against, in place of this machine's own.",
        ),
        Fallback::Absent,
    ),
    without_default(
        both(
            "TLS_CERT_FILE",
            Kind::File,
            "",
            "",
            "Certificate (PEM) that is shown to servers that want one; TLS_KEY_FILE belongs to it.",
        ),
        Fallback::Absent,
    ),
    without_default(
        both("TLS_KEY_FILE", Kind::File, "", "", "Private key (PEM) of the certificate in TLS_CERT_FILE."),
        Fallback::Absent,
    ),
    // Files.
    without_default(
        both(
            "MEDIA_ROOTS",
            Kind::Roots,
            "",
            "",
            "Folders the fleet may read, `name=/path` separated by `;`. The same name may be another path on another host. \
             `producer enqueue` and `worker run` need it.",
        ),
        Fallback::Absent,
    ),
    // Service.
    without_default(
        worker("WORKER_NAME", Kind::Name, "", "", "Name of this worker in logs, connections and records."),
        Fallback::HostAndProcess,
    ),
    worker(
        "HTTP_ADDR",
        Kind::Address,
        "",
        "127.0.0.1:8080",
        "Address of /metrics, /livez, /readyz and /startupz, which ask for no password: others than this machine reach them only where it says so, as in 0.0.0.0:8080, which the container image sets. Port 0 takes a free one.",
    ),
    worker(
        "HEALTH_CHECK_TIMEOUT",
        duration(100, HOUR),
        "time",
        "5s",
        "Longest wait for Redis or a media root to answer, before it counts as failing.",
    ),
    worker(
        "WEDGE_TIMEOUT",
        duration(1000, DAY),
        "time",
        "60s",
        "Messages wait, the worker has room and none is delivered for so long: it consumes anew, and after as long again exits with code 70.",
    ),
    worker(
        "CONSUMER_TIMEOUT",
        duration(1000, TEN_YEARS),
        "time",
        "30m",
        "What `consumer_timeout` is in RabbitMQ's configuration; the broker does not tell. A job that has waited in the worker for half of it goes back to its queue.",
    ),
    worker(
        "SHUTDOWN_TIMEOUT",
        duration(100, HOUR),
        "time",
        "25s",
        "After SIGTERM, time for running files to finish before they are given back. Keep it below the supervisor's own limit.",
    ),
    // Logs.
    both(
        "LOG_FORMAT",
        Kind::Choice(&["auto", "text", "json"]),
        "",
        "auto",
        "Logs on standard error: `auto` is text on a terminal and JSON elsewhere.",
    ),
    both(
        "LOG_LEVEL",
        Kind::Filter,
        "",
        "info",
        "What is logged: error, warn, info, debug, trace or off, also per module: `info,lapin=warn`.",
    ),
];

/// The row of a name.
pub(super) fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_default_passes_its_own_check() {
        for variable in VARIABLES {
            if let Fallback::Value(default) = variable.fallback {
                variable.kind.check(default).unwrap_or_else(|| panic!("{}={default}", variable.name));
            }
        }
    }

    #[test]
    fn names_are_unique_and_every_row_says_what_it_means() {
        let names: HashSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), VARIABLES.len());
        for Variable { name, meaning, .. } in VARIABLES {
            assert!(meaning.ends_with('.') && meaning.len() > 30, "{name}: {meaning}");
            let secret = name.strip_suffix("_FILE").and_then(variable);
            assert!(!secret.is_some_and(|row| row.secret), "{name} clashes with a secret's file variable");
        }
    }
}
