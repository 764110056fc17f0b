//! How long a request may take, and how much memory a lane may have. Pure: the time is an argument.

use std::time::{Duration, Instant};

use analysis::Progress;
use shared::settings::MIN_LANE_BYTES;

use super::LaneError;

/// Audio of this length has `ANALYSIS_TIMEOUT` to itself; longer audio has proportionally more.
const MINUTES_PER_TIMEOUT: f64 = 10.0;

/// What a file says of its length buys no more time than the longest audio that is analysed at all (48 h, the
/// analysis' own limit): a header is a claim of the file's author.
const LONGEST_AUDIO_MINUTES: f64 = 48.0 * 60.0;

/// Longer limits are cut to this, so that adding one to a clock cannot overflow.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The clock of one request.
#[derive(Debug)]
pub(super) struct Watch {
    timeout: Duration,
    started: Instant,
    advanced: Instant,
    decoded_seconds: f64,
    total_seconds: Option<f64>,
}

impl Watch {
    pub(super) fn new(timeout: Duration, now: Instant) -> Self {
        let timeout = timeout.min(LONGEST_LIMIT);
        Self { timeout, started: now, advanced: now, decoded_seconds: 0.0, total_seconds: None }
    }

    /// Notes a progress frame. Only audio that advances puts the stall limit off: a decoder in an endless loop may well
    /// go on to report where it is.
    pub(super) fn progress(&mut self, progress: Progress, now: Instant) {
        self.total_seconds = progress.total_seconds.filter(|total| total.is_finite());
        if progress.decoded_seconds > self.decoded_seconds {
            self.decoded_seconds = progress.decoded_seconds;
            self.advanced = now;
        }
    }

    /// When patience ends, unless progress is reported before.
    pub(super) fn deadline(&self) -> Instant {
        (self.started + self.limit()).min(self.advanced + self.timeout)
    }

    /// Why patience ended, for the record.
    pub(super) fn complaint(&self) -> String {
        let timeout = self.timeout.as_secs_f64();
        let how_far = match self.total_seconds {
            Some(total) => format!("{:.1} s of {total:.1} s decoded", self.decoded_seconds),
            None => format!("{:.1} s decoded", self.decoded_seconds),
        };
        if self.advanced + self.timeout <= self.started + self.limit() {
            format!("no progress for {timeout} s ({how_far})")
        } else {
            format!("no end within the limit of {} s ({how_far})", self.limit().as_secs_f64())
        }
    }

    fn limit(&self) -> Duration {
        // A file that does not announce its length earns its time as it is decoded.
        let seconds = self.total_seconds.unwrap_or(0.0).max(self.decoded_seconds);
        let minutes = (seconds / 60.0).min(LONGEST_AUDIO_MINUTES);
        let limit = self.timeout.as_secs_f64() * (minutes / MINUTES_PER_TIMEOUT).max(1.0);
        Duration::try_from_secs_f64(limit).map_or(LONGEST_LIMIT, |limit| limit.min(LONGEST_LIMIT))
    }
}

/// What one lane may allocate, bytes: an equal share of `max_bytes` after the parent has had `parent_bytes`.
///
/// # Errors
/// [`LaneError::TooLittleMemory`] when the share is below [`MIN_LANE_BYTES`].
pub fn lane_share(max_bytes: u64, parent_bytes: u64, lanes: usize) -> Result<u64, LaneError> {
    let count = lanes.max(1) as u64;
    let share = max_bytes.saturating_sub(parent_bytes) / count;
    if share < MIN_LANE_BYTES {
        let needed_bytes = parent_bytes.saturating_add(MIN_LANE_BYTES.saturating_mul(count));
        return Err(LaneError::TooLittleMemory { max_bytes, needed_bytes, lanes });
    }
    Ok(share)
}

/// The resident size above which a lane is replaced after its job. Half of what it may allocate: the analysis holds
/// nothing between two jobs, so whatever still sits there is fragmentation or a leak, and the other half has to do for the
/// next file.
pub(super) const fn soft_mark(share_bytes: u64) -> u64 {
    share_bytes / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn at(decoded_seconds: f64, total_seconds: Option<f64>) -> Progress {
        Progress { decoded_seconds, total_seconds }
    }

    #[test]
    fn the_limit_grows_with_the_audio_beyond_ten_minutes() {
        let now = Instant::now();
        let table = [
            (None, 30),
            (Some(240.0), 30),
            (Some(600.0), 30),
            (Some(1200.0), 60),
            (Some(36_000.0), 1800),
            (Some(1e300), 30 * 288),
            (Some(f64::NAN), 30),
            (Some(f64::INFINITY), 30),
            (Some(-1.0), 30),
        ];
        for (total, seconds) in table {
            let mut watch = Watch::new(TIMEOUT, now);
            watch.progress(at(0.0, total), now);
            assert_eq!(watch.limit(), Duration::from_secs(seconds), "{total:?}");
        }
    }

    #[test]
    fn only_audio_that_advances_puts_the_stall_off() {
        let start = Instant::now();
        let mut watch = Watch::new(TIMEOUT, start);
        assert_eq!(watch.deadline(), start + TIMEOUT);
        let later = start + Duration::from_secs(20);
        watch.progress(at(5.0, Some(6000.0)), later);
        assert_eq!(watch.deadline(), later + TIMEOUT);
        watch.progress(at(5.0, Some(6000.0)), later + Duration::from_secs(20));
        assert_eq!(watch.deadline(), later + TIMEOUT);
        assert_eq!(watch.complaint(), "no progress for 30 s (5.0 s of 6000.0 s decoded)");
    }

    #[test]
    fn progress_does_not_put_the_whole_limit_off() {
        let start = Instant::now();
        let mut watch = Watch::new(TIMEOUT, start);
        watch.progress(at(5.0, Some(60.0)), start + Duration::from_secs(29));
        assert_eq!(watch.deadline(), start + TIMEOUT);
        assert_eq!(watch.complaint(), "no end within the limit of 30 s (5.0 s of 60.0 s decoded)");
    }

    #[test]
    fn an_absurd_timeout_does_not_overflow_the_clock() {
        let mut watch = Watch::new(Duration::MAX, Instant::now());
        watch.progress(at(1e12, Some(1e12)), Instant::now());
        assert!(watch.deadline() > Instant::now());
    }

    #[test]
    fn lanes_share_what_the_parent_leaves() {
        let mib = 1 << 20;
        assert_eq!(lane_share(8192 * mib, 640 * mib, 4).unwrap(), 1888 * mib);
        assert_eq!(lane_share(640 * mib + 4 * MIN_LANE_BYTES, 640 * mib, 4).unwrap(), MIN_LANE_BYTES);
        let error = lane_share(512 * mib, 640 * mib, 4).unwrap_err();
        assert_eq!(error.to_string(), "512 MiB of memory are too little for 4 lanes: 1024 MiB are needed");
    }
}
