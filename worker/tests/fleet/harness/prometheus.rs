//! A real Prometheus that scrapes workers each second, with the rules of the repository. Killed when dropped.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::Worker;
use super::wait::until;

/// The name under which the workers are scraped.
pub const JOB: &str = "analysis-worker";

/// Between looking for a free port and listening on it another program may take it.
const TRIES: usize = 5;

#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

/// One series of an answer with its value now.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Sample {
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// The folder `deploy` of the repository.
pub fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

impl Prometheus {
    /// Starts it, and waits until it has scraped every worker.
    pub async fn scraping(workers: &[Worker]) -> Self {
        let targets: Vec<String> = workers.iter().map(|worker| worker.address.to_string()).collect();
        for _ in 0..TRIES {
            if let Some(prometheus) = Self::start(&targets).await {
                let up = format!("sum(up) == {}", targets.len());
                until("every worker is scraped", async || prometheus.query(&up).await.pop()).await;
                return prometheus;
            }
        }
        panic!("prometheus did not start {TRIES} times");
    }

    async fn start(targets: &[String]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yaml");
        std::fs::write(&config, configuration(targets).to_string()).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let spawned = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let child = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!(
                    "prometheus is not on this machine: run deploy/services.sh tools (deploy/test.sh does)"
                )
            }
            other => other.unwrap(),
        };
        let mut prometheus = Self { address, child, _folder: folder };
        let ready = until("prometheus is ready", async || {
            if prometheus.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let answer = request(address, "GET /-/ready", "").await.ok()?;
            answer.starts_with("HTTP/1.0 200").then_some(true)
        });
        ready.await.then_some(prometheus)
    }

    /// What an expression is now.
    pub async fn query(&self, expression: &str) -> Vec<Sample> {
        self.try_query(expression).await.unwrap_or_else(|error| panic!("{expression}\n{error}"))
    }

    /// The same, or what Prometheus has against it.
    pub async fn try_query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        let body = format!("query={}", encoded(expression));
        let answer = self.api("POST /api/v1/query", &body).await?;
        let number = |value: &Value| value[1].as_str().unwrap().parse().unwrap();
        let result = &answer["result"];
        if answer["resultType"] == "scalar" {
            return Ok(vec![Sample { labels: BTreeMap::new(), value: number(result) }]);
        }
        let sample = |series: &Value| Sample {
            labels: serde_json::from_value(series["metric"].clone()).unwrap(),
            value: number(&series["value"]),
        };
        Ok(result.as_array().unwrap().iter().map(sample).collect())
    }

    /// The one value of an expression.
    pub async fn value(&self, expression: &str) -> f64 {
        match &self.query(expression).await[..] {
            [only] => only.value,
            other => panic!("{expression} has {} values", other.len()),
        }
    }

    /// The values of an expression by one label.
    pub async fn by_label(&self, label: &str, expression: &str) -> BTreeMap<String, f64> {
        let samples = self.query(expression).await;
        samples.iter().map(|sample| (sample.label(label).to_owned(), sample.value)).collect()
    }

    /// Type and help of each metric, as scraped.
    pub async fn metadata(&self) -> Value {
        self.api("GET /api/v1/metadata", "").await.unwrap()
    }

    /// The loaded rules, those that record and those that alert.
    pub async fn rules(&self) -> Vec<Value> {
        let answer = self.api("GET /api/v1/rules", "").await.unwrap();
        let groups = answer["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
    }

    /// Waits until every worker has been scraped after now.
    pub async fn scrapes_again(&self) {
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let again = format!("min(timestamp(up)) > {now}");
        until("another scrape", async || self.query(&again).await.pop()).await;
    }

    async fn api(&self, verb: &str, body: &str) -> Result<Value, String> {
        let answer = request(self.address, verb, body).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"));
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].take()),
            _ => Err(answer["error"].to_string()),
        }
    }
}

/// JSON is YAML.
fn configuration(targets: &[String]) -> Value {
    json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [deploy().join("prometheus/rules/*.yaml")],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": targets}]}],
    })
}

/// HTTP/1.0, so that the answer is not in chunks.
async fn request(address: SocketAddr, verb: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{verb} HTTP/1.0\r\nHost: prometheus\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
