//! Small fleets of their own beside the one that is audited: for faults that would take the audit's own evidence away. Each has
//! one worker, a few files and a queue prefix to itself, and is judged by what its producer says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use shared::job::JobId;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::fleet::END_WITHIN;
use super::media::ROOT;
use crate::rig::{Environment, Process, Programs, RigError, Seen, Servers, Worker, environment, io};

mod redis_server;
mod tone;

use redis_server::RedisServer;

/// Files of a small fleet, each of other audio, so that each has a report of its own.
const FILES: usize = 40;

/// Of these a batch that is to grow old has so many.
const OLD_FILES: usize = 6;

/// The shortest time in which a worker can start, end some files, and be asked for them.
const SHORT_TTL: Duration = Duration::from_secs(5);

/// Longer than that: the batch has expired, unless the fleet sees to it that it does not.
const OLDER: Duration = Duration::from_secs(6);

/// A command of the producer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two questions for results.
const GLANCE: Duration = Duration::from_millis(300);

/// How much of what a program said is quoted, in characters.
const SAID: usize = 300;

/// What all of them need. One at a time.
#[derive(Debug)]
pub(crate) struct SideFleets {
    folder: PathBuf,
    programs: Programs,
    seen: Arc<Seen>,
    turn: Mutex<()>,
}

/// How a command of the producer ended.
struct Answer {
    code: Option<i32>,
    out: String,
    said: String,
}

impl Answer {
    /// The records that it printed, and how many of them have lost their report.
    fn records(&self) -> (usize, usize) {
        let records =
            self.out.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let records: Vec<_> = records.collect();
        let without = |record: &&serde_json::Value| record["outcome"] == "ok" && record["report"].is_null();
        (records.len(), records.iter().filter(without).count())
    }

    fn quoted(&self) -> String {
        let said = self.said.trim();
        let start = said.char_indices().rev().nth(SAID).map_or(0, |(place, _)| place);
        format!("exit {:?}: {}", self.code, &said[start..])
    }
}

impl SideFleets {
    /// Makes the files.
    pub(crate) fn make(folder: &Path, programs: Programs, seen: Arc<Seen>) -> Result<Self, RigError> {
        let folder = folder.join("side");
        for (name, count) in [("many", FILES), ("few", OLD_FILES)] {
            let media = folder.join(name);
            fs::create_dir_all(&media).map_err(io(media.display().to_string()))?;
            for number in 0..count {
                let path = media.join(format!("{number:02}.wav"));
                tone::write(&path, number).map_err(io(path.display().to_string()))?;
            }
        }
        Ok(Self { folder, programs, seen, turn: Mutex::default() })
    }

    /// A Redis that deletes keys when its memory is full (`allkeys-lru`): what is lost must be said by the worker, which can see
    /// the setting, and by whoever asks for the results. `Err` is a silent loss.
    pub(crate) async fn evicting_redis(&self, amqp: &str, rabbitmq: &Mutex<()>) -> Result<String, String> {
        // In this order here and in `old_batch`: two faults that wait for each other's turn would wait for ever.
        let _turn = self.turn.lock().await;
        let _rabbitmq = rabbitmq.lock().await;
        let Some(redis) = RedisServer::evicting(&self.folder).await? else {
            return Ok("left out: there is no redis-server on the PATH".to_owned());
        };
        let environment = self.environment("many", amqp, &redis.url, "1h");
        let log = self.folder.join("evicting.log");
        let worker = self.worker(&environment, &log).await?;
        let submitted = self.producer(&environment, &["enqueue", "--watch"], Some("many")).await?;
        let results = self.producer(&environment, &["results", "last", "--format", "ndjson"], None).await?;
        end(worker).await?;
        let (records, without) = results.records();
        let gone = FILES - records + without;
        if gone == 0 {
            return Ok("nothing was evicted".to_owned());
        }
        if results.code == Some(0) {
            return Err(format!(
                "{gone} of {FILES} results were evicted, and `producer results` did not say so ({}); enqueue: {}",
                results.quoted(),
                submitted.quoted()
            ));
        }
        let log = fs::read_to_string(&log).unwrap_or_default();
        if !log.contains("maxmemory-policy") {
            return Err(
                "the worker's log does not mention maxmemory-policy, although its Redis evicts".to_owned()
            );
        }
        Ok("evicted, and said so".to_owned())
    }

    /// A batch that waits in the queue for longer than RESULT_TTL: its results are there nevertheless. `Err` if they are not.
    pub(crate) async fn old_batch(
        &self,
        servers: &Servers,
        turns: &[Mutex<()>; 3],
    ) -> Result<String, String> {
        let _turn = self.turn.lock().await;
        let ttl = format!("{}s", SHORT_TTL.as_secs());
        let environment = self.environment("few", &servers.amqp, &servers.redis, &ttl);
        let submitted = {
            // No other fault while it is submitted; afterwards whatever comes.
            let (_rabbitmq, _redis) = (turns[0].lock().await, turns[1].lock().await);
            self.producer(&environment, &["enqueue"], Some("few")).await?
        };
        if submitted.code != Some(0) {
            return Err(format!("its batch could not be submitted: {}", submitted.quoted()));
        }
        sleep(OLDER).await;
        let worker = self.worker(&environment, &self.folder.join("old.log")).await?;
        let deadline = Instant::now() + PATIENCE;
        let mut results = self.old_results(&environment).await?;
        while results.records().0 < OLD_FILES && Instant::now() < deadline {
            sleep(GLANCE).await;
            results = self.old_results(&environment).await?;
        }
        end(worker).await?;
        match results.records() {
            (OLD_FILES, _) => Ok("its results are there".to_owned()),
            (records, _) => Err(format!(
                "{records} of {OLD_FILES} results can be had of a batch that waited for longer than RESULT_TTL ({})",
                results.quoted()
            )),
        }
    }

    async fn old_results(&self, environment: &Environment) -> Result<Answer, String> {
        self.producer(environment, &["results", "last", "--format", "ndjson"], None).await
    }

    fn environment(&self, media: &str, amqp: &str, redis: &str, ttl: &str) -> Environment {
        environment([
            ("AMQP_URL", amqp.to_owned()),
            ("REDIS_URL", redis.to_owned()),
            ("QUEUE_PREFIX", format!("side-{}", JobId::new())),
            ("MEDIA_ROOTS", format!("{ROOT}={}", self.folder.join(media).display())),
            ("RESULT_TTL", ttl.to_owned()),
            ("HTTP_ADDR", "127.0.0.1:0".to_owned()),
            ("ANALYSIS_MAX_WORKERS", "1".to_owned()),
            ("CACHE_SIZE_MB", "8".to_owned()),
            ("SHUTDOWN_TIMEOUT", "5s".to_owned()),
            ("LOG_FORMAT", "json".to_owned()),
        ])
    }

    async fn worker(&self, environment: &Environment, log: &Path) -> Result<Worker, String> {
        let _ = fs::remove_file(log);
        let started = Worker::start(&self.programs.worker, environment, log).await;
        let mut worker = started.map_err(|error| error.to_string())?;
        self.seen.note(Process::of(worker.process.id()));
        worker.ready().await.map_err(|error| error.to_string())?;
        Ok(worker)
    }

    async fn producer(
        &self,
        environment: &Environment,
        arguments: &[&str],
        media: Option<&str>,
    ) -> Result<Answer, String> {
        let mut command = Command::new(&self.programs.producer);
        command.args(arguments).args(media.map(|media| self.folder.join(media)));
        command.env_clear().envs(environment).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await;
        let late =
            || format!("`producer {}` had not ended after {} s", arguments.join(" "), PATIENCE.as_secs());
        let output = output.map_err(|_| late())?.map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer { code: output.status.code(), out: text(&output.stdout), said: text(&output.stderr) })
    }
}

/// The orderly end of a worker.
async fn end(mut worker: Worker) -> Result<(), String> {
    match worker.end(Signal::TERM, END_WITHIN).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("its worker ended badly after SIGTERM ({status}):\n{}", worker.tail())),
        None => Err(format!(
            "its worker had not ended {} s after SIGTERM:\n{}",
            END_WITHIN.as_secs(),
            worker.tail()
        )),
    }
}
