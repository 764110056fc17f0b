//! A fleet of its own for each test: prefix, media root, queues; and the program in it.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::AsyncCommands;
use shared::broker::Broker;
use shared::broker::lapin::options::{
    BasicGetOptions, ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use shared::broker::lapin::types::FieldTable;
use shared::job::{BatchId, FileRef, Job, JobId, Levels, Priority, RelPath};
use shared::outcome::{End, FailureKind};
use shared::record::Record;
use shared::store::{BatchState, Finished, Store, WorkerAnnouncement};
use shared::topology::Topology;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// Nothing here takes long; a test that hangs should say where.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What one call of the program left.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub struct Fleet {
    pub prefix: String,
    pub amqp_url: String,
    pub redis_url: String,
    pub root: TempDir,
    pub max_size: u64,
}

fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run deploy/test.sh, or eval \"$(deploy/services.sh env)\" after deploy/services.sh up")
    })
}

impl Fleet {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            prefix: format!("test-{}-{number}", JobId::new()),
            amqp_url: server("AMQP_URL"),
            redis_url: server("REDIS_URL"),
            root: tempfile::tempdir().unwrap(),
            max_size: 10_000,
        }
    }

    pub fn with_max_size(max_size: u64) -> Self {
        let mut fleet = Self::new();
        fleet.max_size = max_size;
        fleet
    }

    /// Writes a file below the root and returns its path.
    pub fn file(&self, name: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        path
    }

    pub fn files(&self, count: usize) {
        for number in 0..count {
            self.file(&format!("{number:05}.mp3"));
        }
    }

    pub fn root(&self) -> &str {
        self.root.path().to_str().unwrap()
    }

    /// The program in this fleet's environment and no other.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
        command
            .args(args)
            .env_clear()
            .env("AMQP_URL", &self.amqp_url)
            .env("REDIS_URL", &self.redis_url)
            .env("QUEUE_PREFIX", &self.prefix)
            .env("QUEUE_MAX_SIZE", self.max_size.to_string())
            .env("PUBLISH_WINDOW", "8")
            .env("RESULT_TTL", "10m")
            .env("MEDIA_ROOTS", format!("music={}", self.root()))
            .env("COLUMNS", "100")
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, args: &[&str]) -> Output {
        finish(self.command(args)).await
    }

    /// Starts the program and reads its standard error as it comes.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child = self
            .command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, lines, seen: VecDeque::new() }
    }

    pub fn topology(&self) -> Topology {
        Topology {
            prefix: self.prefix.clone(),
            levels: Levels::new(3).unwrap(),
            max_size: self.max_size,
            retry_delays: [5, 30, 120, 600].map(Duration::from_secs).to_vec(),
        }
    }

    pub fn store(&self) -> Store {
        Store::open(&self.redis_url, &self.prefix, Duration::from_secs(600)).unwrap()
    }

    pub async fn batch(&self, id: &str) -> BatchState {
        self.store().batch(id.parse().unwrap()).await.unwrap().unwrap()
    }

    pub async fn broker(&self) -> Broker {
        Broker::connect(&server("AMQP_URL"), "test").await.unwrap()
    }

    /// Messages in the queue of a level.
    pub async fn depth(&self, level: &str) -> u32 {
        let broker = self.broker().await;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = format!("{}.{level}", self.prefix);
        let channel = broker.channel().await.unwrap();
        channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap().message_count()
    }

    /// Announces a worker that takes from every level and may hold so many jobs: without one, jobs that a test takes out of
    /// a queue are lost jobs.
    pub async fn announce_worker(&self, holds_at_most: usize) {
        let worker = WorkerAnnouncement {
            name: "test".to_owned(),
            holds_at_most,
            levels: ["high", "normal", "low"].map(str::to_owned).to_vec(),
            roots: vec!["music".to_owned()],
            ..WorkerAnnouncement::default()
        };
        self.store().announce_worker(&worker, None).await.unwrap();
    }

    /// Takes up to `most` jobs out of the queue of a level.
    pub async fn take(&self, level: &str, most: usize) -> Vec<Job> {
        let broker = self.broker().await;
        let channel = broker.channel().await.unwrap();
        let queue = format!("{}.{level}", self.prefix);
        let mut jobs = Vec::new();
        while jobs.len() < most {
            let options = BasicGetOptions { no_ack: true };
            let Some(message) = channel.basic_get(queue.as_str().into(), options).await.unwrap() else {
                break;
            };
            jobs.push(Job::decode(&message.data).unwrap());
        }
        jobs
    }

    /// A job of a batch, as the producer would submit it.
    pub fn job(&self, batch_id: BatchId, name: &str) -> Job {
        let file = FileRef { root: "music".to_owned(), path: RelPath::new(name).unwrap() };
        let job_id = JobId::new();
        let (priority, attempt, force, submitted_at_ms) = (Priority(1), 0, true, 1);
        Job { job_id, batch_id, priority, file, attempt, force, submitted_at_ms, seen: None }
    }

    /// Stores the same end of these jobs as a worker would; how many of them were stored.
    pub async fn end(&self, jobs: &[Job], end: End) -> usize {
        let stored =
            self.store().finish(&jobs.iter().map(|job| finished(job, end)).collect::<Vec<_>>()).await;
        stored.unwrap().into_iter().filter(|stored| *stored).count()
    }

    pub async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.redis_url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// All keys of this fleet.
    pub async fn keys(&self) -> Vec<String> {
        let pattern = format!("{}:*", self.prefix);
        redis::cmd("KEYS").arg(pattern).query_async(&mut self.redis().await).await.unwrap()
    }

    /// What FLUSHALL is to this fleet alone: the tests share one Redis.
    pub async fn lose_all_keys(&self) {
        let keys = self.keys().await;
        let _deleted: u64 = self.redis().await.del(keys).await.unwrap();
    }

    /// Lets the last sign of life of a batch be two minutes old.
    pub async fn quieten(&self, batch: BatchId) {
        let key = format!("{}:batch:{{{batch}}}", self.prefix);
        let fields = [("changed_ms", now_ms() - 120_000), ("held_ms", now_ms() - 120_000)];
        let () = self.redis().await.hset_multiple(key, &fields).await.unwrap();
    }

    /// A closed batch in which files of these names have failed.
    pub async fn failed(&self, kind: FailureKind, names: &[&str]) -> (BatchId, Vec<Job>) {
        let batch = BatchId::new();
        let jobs: Vec<Job> = names.iter().map(|name| self.job(batch, name)).collect();
        self.store().create_batch(batch, "test", now_ms()).await.unwrap();
        assert_eq!(self.end(&jobs, End::Failed(kind)).await, jobs.len());
        self.store().seal_batch(batch, jobs.len() as u64).await.unwrap();
        (batch, jobs)
    }

    /// Stores the ends of jobs as a worker would.
    pub async fn finish(&self, batch: BatchId, ends: &[(&str, End, Option<&str>)]) {
        let ends: Vec<Finished> = ends
            .iter()
            .map(|(path, end, detail)| {
                let mut record = Record::new(format!("music/{path}").as_bytes(), *end);
                record.detail = detail.map(str::to_owned);
                record.bytes = Some(1000);
                let job_id = JobId::new();
                record.job_id = Some(job_id);
                Finished { job_id, batch_id: batch, record, job: None, message: None }
            })
            .collect();
        assert_eq!(self.store().finish(&ends).await.unwrap(), vec![true; ends.len()]);
    }
}

impl Drop for Fleet {
    /// The queues go with the test; what is in Redis expires.
    fn drop(&mut self) {
        let (topology, url) = (self.topology(), server("AMQP_URL"));
        let delete = async move {
            let broker = Broker::connect(&url, "test").await.unwrap();
            let channel = broker.channel().await.unwrap();
            for queue in topology.queues() {
                let _gone = channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await;
                let _gone = channel.exchange_delete(queue.into(), ExchangeDeleteOptions::default()).await;
            }
            let exchange = topology.exchange().into();
            let _gone = channel.exchange_delete(exchange, ExchangeDeleteOptions::default()).await;
            broker.close().await;
        };
        // A thread of its own: this may run inside a test's runtime, and during a panic.
        let deleting = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(delete);
        });
        let _not_worth_a_second_panic = deleting.join();
    }
}

/// The end of a job as a worker stores it.
pub fn finished(job: &Job, end: End) -> Finished {
    let mut record = Record::new(&job.file.to_bytes(), end);
    record.detail = Some("line one\nline two".to_owned());
    (record.job_id, record.batch_id) = (Some(job.job_id), Some(job.batch_id));
    (record.bytes, record.worker, record.attempts) = (Some(1000), Some("w-1".to_owned()), 2);
    Finished { job_id: job.job_id, batch_id: job.batch_id, record, job: Some(job.clone()), message: None }
}

fn now_ms() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// Runs a command to its end.
pub async fn finish(mut command: Command) -> Output {
    let output = timeout(LIMIT, command.stdin(Stdio::null()).output())
        .await
        .expect("the program does not end")
        .unwrap();
    Output {
        code: output.status.code().expect("killed by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The program at work.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    seen: VecDeque<String>,
}

impl Running {
    /// Waits for a line on standard error with this text in it.
    pub async fn expect(&mut self, text: &str) -> String {
        loop {
            let line = timeout(LIMIT, self.lines.next_line()).await;
            let line =
                line.unwrap_or_else(|_| panic!("no line with {text:?} after {:#?}", self.seen)).unwrap();
            let line = line.unwrap_or_else(|| panic!("ended without a line with {text:?}: {:#?}", self.seen));
            self.seen.push_back(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().expect("already ended");
        let status = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
        assert!(status.unwrap().success());
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Closes our end of its standard output after one line, which is returned.
    pub async fn read_one_line(&mut self) -> String {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        timeout(LIMIT, lines.next_line()).await.expect("no output").unwrap().expect("no line")
    }

    /// Waits for the end.
    pub async fn end(mut self) -> Output {
        while let Some(line) =
            timeout(LIMIT, self.lines.next_line()).await.expect("the program does not end").unwrap()
        {
            self.seen.push_back(line);
        }
        let mut stdout = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut stdout).await.unwrap();
        }
        let status = timeout(LIMIT, self.child.wait()).await.expect("the program does not end").unwrap();
        let stderr = self.seen.iter().map(|line| format!("{line}\n")).collect();
        Output { code: status.code().expect("killed by a signal"), stdout, stderr }
    }
}
