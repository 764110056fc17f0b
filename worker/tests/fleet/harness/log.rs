//! What a worker says on standard error.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;
use tokio::time::timeout;

use super::wait::PATIENCE;

/// Lines so far: objects where they are JSON, strings where they are not.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
    reads: Arc<watch::Sender<bool>>,
}

impl Log {
    /// Reads until the end of the process.
    pub fn of(stderr: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let into = Arc::clone(&lines);
        let reads = Arc::new(watch::Sender::new(true));
        let mut may_read = reads.subscribe();
        tokio::spawn(async move {
            let mut read = BufReader::new(stderr).lines();
            loop {
                // The pipe stays open while it is not read. Without a test to hear it, the rest is read.
                let _over = may_read.wait_for(|reads| *reads).await.is_err();
                let Ok(Some(line)) = read.next_line().await else { break };
                into.lock().unwrap().push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
                counted.send_modify(|count| *count += 1);
            }
        });
        Self { lines, count, reads }
    }

    /// Leaves the pipe as it is: it will be full.
    pub fn stop_reading(&self) {
        self.reads.send_replace(false);
    }

    pub fn read_on(&self) {
        self.reads.send_replace(true);
    }

    /// Waits for a line with these words in its message, earlier ones included.
    pub async fn says(&mut self, words: &str) -> Value {
        self.says_such(words, |_| true).await
    }

    /// As [`Log::says`], with this value in a field.
    pub async fn says_with(&mut self, words: &str, field: &str, value: &str) -> Value {
        self.says_such(words, |line| line[field] == value).await
    }

    async fn says_such(&mut self, words: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = timeout(PATIENCE, async {
            loop {
                self.count.borrow_and_update();
                if let Some(line) = self.find(words, &fits) {
                    return Some(line);
                }
                if self.count.changed().await.is_err() {
                    return self.find(words, &fits);
                }
            }
        });
        match found.await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("the worker ended without saying '{words}'"),
            Err(_) => panic!("not within {PATIENCE:?}: '{words}' in the worker's log"),
        }
    }

    /// Lines so far with these words in their message.
    pub fn count(&self, words: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| message(line).contains(words)).count()
    }

    fn find(&self, words: &str, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().find(|line| message(line).contains(words) && fits(line)).cloned()
    }

    /// All of it, for a test that has failed.
    pub fn dump(&self) -> String {
        self.lines.lock().unwrap().iter().map(|line| format!("{line}\n")).collect()
    }
}

fn message(line: &Value) -> &str {
    line.as_str().or_else(|| line["message"].as_str()).unwrap_or_default()
}
