//! A lane's standard error: logged sparingly, and its end kept for the record of the job that it died in.
//!
//! A lane has no logger, so that what a decoder has to say through one is not even made into words. What comes here is of
//! a runtime that dies, or of code that writes past every logger, as much as it likes.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::sparing::Sparing;

/// How much of it is kept: the last words of a dying runtime are a few lines.
const KEPT_BYTES: usize = 4 << 10;

/// One log event at most holds this much.
const CHUNK_BYTES: usize = 1 << 10;

/// A decoder that complains about each packet must not fill the log.
const EVENTS_PER_PERIOD: u32 = 10;
const PERIOD: Duration = Duration::from_secs(10);

/// What is said of it.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Words(String),
    LeftOut(u64),
}

/// Reads until the lane has closed it, and returns the last 4 KiB.
pub(super) async fn drain(stderr: impl AsyncRead + Unpin, pid: u32) -> String {
    read(stderr, |line| match line {
        Line::Words(words) => {
            tracing::debug!(lane = pid, words, "a lane wrote to its standard error");
        }
        Line::LeftOut(left_out) => {
            tracing::debug!(lane = pid, left_out, "a lane wrote more to its standard error than is logged");
        }
    })
    .await
}

async fn read(mut stderr: impl AsyncRead + Unpin, mut say: impl FnMut(Line)) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; CHUNK_BYTES];
    let sparing = Sparing::new(EVENTS_PER_PERIOD, PERIOD);
    while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
        let chunk = &chunk[..length];
        kept.extend_from_slice(chunk);
        kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
        if let Some(left_out) = sparing.admit(Instant::now()) {
            left_out_before(left_out, &mut say);
            say(Line::Words(String::from_utf8_lossy(chunk).trim_end().to_owned()));
        }
    }
    left_out_before(sparing.rest(), &mut say);
    String::from_utf8_lossy(&kept).into_owned()
}

fn left_out_before(left_out: u64, say: &mut impl FnMut(Line)) {
    if left_out > 0 {
        say(Line::LeftOut(left_out));
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

    #[tokio::test]
    async fn a_flood_is_a_few_lines_and_how_many_were_left_out() {
        let flood = vec![b'x'; CHUNK_BYTES * 10_000];
        let mut lines = Vec::new();
        read(flood.as_slice(), |line| lines.push(line)).await;
        // A machine that needs more than a period for it writes as many again.
        let (words, left_out): (Vec<Line>, Vec<Line>) =
            lines.into_iter().partition(|line| matches!(line, Line::Words(_)));
        let told: u64 =
            left_out.iter().map(|line| if let Line::LeftOut(count) = line { *count } else { 0 }).sum();
        assert_eq!(words.len() as u64 + told, 10_000);
        assert!(words.len() < 100 && !left_out.is_empty(), "{} lines", words.len());
    }

    #[tokio::test]
    async fn a_few_words_are_all_told() {
        let mut lines = Vec::new();
        read(&b"oh no\n"[..], |line| lines.push(line)).await;
        assert_eq!(lines, [Line::Words("oh no".to_owned())]);
    }
}
