//! A lane's standard error: logged sparingly, and its end kept for the record of the job that it died in.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of it is kept: the last words of a dying runtime are a few lines.
const KEPT_BYTES: usize = 4 << 10;

/// One log event at most holds this much.
const CHUNK_BYTES: usize = 1 << 10;

/// A decoder that complains about each packet must not fill the log.
const EVENTS_PER_PERIOD: u32 = 10;
const PERIOD: Duration = Duration::from_secs(10);

/// Reads until the lane has closed it, and returns the last 4 KiB.
pub(super) async fn drain(mut stderr: impl AsyncRead + Unpin, pid: u32) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; CHUNK_BYTES];
    let mut budget = Budget { since: Instant::now(), spent: 0 };
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        let chunk = &chunk[..length];
        kept.extend_from_slice(chunk);
        kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
        if budget.allows(Instant::now()) {
            tracing::debug!(lane = pid, words = %String::from_utf8_lossy(chunk).trim_end(), "a lane wrote to its standard error");
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

struct Budget {
    since: Instant,
    spent: u32,
}

impl Budget {
    fn allows(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= PERIOD {
            *self = Self { since: now, spent: 0 };
        }
        self.spent = self.spent.saturating_add(1);
        self.spent <= EVENTS_PER_PERIOD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_end() {
        let text = [vec![b'a'; 10_000], b"the end".to_vec()].concat();
        let kept = drain(text.as_slice(), 1).await;
        assert_eq!(kept.len(), KEPT_BYTES);
        assert!(kept.ends_with("aathe end"));
    }

    #[test]
    fn the_log_is_spared() {
        let start = Instant::now();
        let mut budget = Budget { since: start, spent: 0 };
        assert_eq!((0..100).filter(|_| budget.allows(start)).count(), EVENTS_PER_PERIOD as usize);
        assert!(budget.allows(start + PERIOD));
    }
}
