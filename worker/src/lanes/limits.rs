//! How long a request may take, and how much memory a lane may have. Pure: the time is an argument.

use std::time::{Duration, Instant};

use analysis::Progress;
use shared::settings::MIN_LANE_BYTES;

use super::LaneError;

/// Audio of this length has `ANALYSIS_TIMEOUT` to itself; longer audio has proportionally more, as it is decoded.
///
/// With the default of 30 s this asks for 20 times real time in the long run. A minute of stereo costs 120 ms of one core, so
/// a core works at 500 times real time: a lane may be left with a twenty-fifth of a core (`WORKER_NICE`, a throttled
/// container, more lanes than cores) before a healthy file is late. `WORKER_PACE` rests between files and slows none.
/// Whoever has slower machines sets a longer `ANALYSIS_TIMEOUT`, and with it asks for a lower rate.
const MINUTES_PER_TIMEOUT: f64 = 10.0;

/// Decoded audio buys no more time than the longest audio that is analysed at all does (48 h, the analysis' own limit).
const LONGEST_AUDIO_MINUTES: f64 = 48.0 * 60.0;

/// Longer limits are cut to this, so that adding one to a clock cannot overflow.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The clock of one request. All times are those of [`super::clock::RunClock`].
#[derive(Debug)]
pub(super) struct Watch {
    timeout: Duration,
    started: Instant,
    advanced: Instant,
    decoded_seconds: f64,
    total_seconds: Option<f64>,
    /// When the wait for a processor is looked at next.
    next_look: Instant,
    /// How long the lane had waited for a processor in all, at the first look and at the last one.
    waited: Option<Duration>,
}

/// Between two looks at how long the lane waits for a processor. A file that takes less costs no look.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Watch {
    pub(super) fn new(timeout: Duration, now: Instant) -> Self {
        let timeout = timeout.min(LONGEST_LIMIT);
        Self {
            timeout,
            started: now,
            advanced: now,
            decoded_seconds: 0.0,
            total_seconds: None,
            next_look: now + LOOK_EVERY,
            waited: None,
        }
    }

    /// When to call [`Watch::leave_out`] next.
    pub(super) const fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Leaves out of all limits what the lane has waited for a processor since the last call. `waited` is how long it has
    /// waited since its process began, where the system tells. On a machine with much other work, or with `WORKER_NICE`, a
    /// lane may get a small part of a processor, and a healthy file must not end as a time-out because of that.
    pub(super) fn leave_out(&mut self, waited: Option<Duration>, now: Instant) {
        self.next_look = now + LOOK_EVERY;
        let more = self.waited.zip(waited).map(|(before, waited)| waited.saturating_sub(before));
        self.started += more.unwrap_or_default();
        // Progress that was reported during the wait has put the limit off already.
        self.advanced = (self.advanced + more.unwrap_or_default()).min(now.max(self.advanced));
        self.waited = waited;
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
            return format!("no progress for {timeout} s ({how_far})");
        }
        let (earned, stated) = self.timeouts();
        let limit = self.limit().as_secs_f64();
        if earned < stated && self.decoded_seconds > 0.0 {
            let rate = MINUTES_PER_TIMEOUT * 60.0 / timeout;
            return format!("decoded more slowly than {rate:.1} times real time: {how_far} in {limit:.1} s");
        }
        format!("no end within the limit of {limit} s ({how_far})")
    }

    /// Whether the audio stood still when patience ended, rather than advance too slowly.
    pub(super) fn has_stalled(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.advanced) >= self.timeout / 2
    }

    fn limit(&self) -> Duration {
        let (earned, stated) = self.timeouts();
        let limit = self.timeout.as_secs_f64() * earned.min(stated);
        Duration::try_from_secs_f64(limit).map_or(LONGEST_LIMIT, |limit| limit.min(LONGEST_LIMIT))
    }

    /// How many time-outs the audio has earned, and how many a file of its length may have.
    ///
    /// Everybody begins with one, and each ten minutes that are decoded earn another. What a header states earns nothing,
    /// because it is a claim of the file's author: a few megabytes can state hours, and decode at a crawl. It only bounds
    /// what is earned: a file of up to ten minutes has one time-out.
    fn timeouts(&self) -> (f64, f64) {
        let timeouts = |seconds: f64| (seconds / 60.0).min(LONGEST_AUDIO_MINUTES) / MINUTES_PER_TIMEOUT;
        let stated = self.total_seconds.map(|total| timeouts(total.max(self.decoded_seconds)).max(1.0));
        (1.0 + timeouts(self.decoded_seconds), stated.unwrap_or(f64::INFINITY))
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
    fn the_limit_grows_with_what_was_decoded_and_not_with_what_is_stated() {
        let now = Instant::now();
        // Decoded and stated seconds, and the limit in seconds.
        let table = [
            (0.0, None, 30),
            (240.0, None, 42),
            (240.0, Some(240.0), 30),
            (600.0, Some(600.0), 30),
            (1200.0, Some(1200.0), 60),
            // Ten hours are stated: nothing yet, half way, and the end.
            (0.0, Some(36_000.0), 30),
            (18_000.0, Some(36_000.0), 930),
            (36_000.0, Some(36_000.0), 1800),
            // The header states too little, or nonsense.
            (36_000.0, Some(10.0), 1800),
            (0.0, Some(1e300), 30),
            (0.0, Some(f64::NAN), 30),
            (0.0, Some(f64::INFINITY), 30),
            (0.0, Some(-1.0), 30),
            // A lane that was taken over says anything.
            (f64::NAN, None, 30),
            (1e300, None, 30 * 289),
            (1e300, Some(1.0), 30 * 288),
        ];
        for (decoded, stated, seconds) in table {
            let mut watch = Watch::new(TIMEOUT, now);
            watch.progress(at(decoded, stated), now);
            assert_eq!(watch.limit(), Duration::from_secs(seconds), "{decoded} of {stated:?}");
        }
    }

    /// Decodes at a steady rate until the file or its time is over.
    fn decode(times_real_time: f64, seconds: f64) -> Result<Duration, String> {
        let start = Instant::now();
        let mut watch = Watch::new(TIMEOUT, start);
        for tick in 1.. {
            let elapsed = Duration::from_millis(250) * tick;
            if watch.deadline() < start + elapsed {
                return Err(watch.complaint());
            }
            let decoded = elapsed.as_secs_f64() * times_real_time;
            if decoded >= seconds {
                return Ok(elapsed);
            }
            watch.progress(at(decoded, Some(seconds)), start + elapsed);
        }
        unreachable!()
    }

    #[test]
    fn a_steady_file_is_late_below_twenty_times_real_time_and_hours_that_crawl_are_ended_soon() {
        assert_eq!(decode(20.5, 36_000.0), Ok(Duration::from_millis(1_756_250)));
        assert_eq!(decode(250.0, 36_000.0), Ok(Duration::from_secs(144)));
        // The last minutes before the limit of its length: as it was.
        assert!(decode(19.9, 599.0).is_err());
        let complaint =
            "decoded more slowly than 20.0 times real time: 149.0 s of 36000.0 s decoded in 37.5 s";
        assert_eq!(decode(4.0, 36_000.0), Err(complaint.to_owned()));
    }

    #[test]
    fn what_a_lane_waits_for_a_processor_counts_for_no_limit() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(TIMEOUT, start);
        // The first look only says where counting begins.
        watch.leave_out(Some(Duration::from_secs(100)), at(1));
        assert_eq!(watch.deadline(), at(30));
        watch.leave_out(Some(Duration::from_secs(125)), at(30));
        assert_eq!(watch.deadline(), at(55));
        watch.leave_out(Some(Duration::from_secs(125)), at(55));
        assert_eq!(watch.deadline(), at(55), "it ran and came to no end");
        // Where the system does not tell, nothing is left out.
        watch.leave_out(None, at(56));
        assert_eq!(watch.deadline(), at(55));
    }

    #[test]
    fn only_audio_that_advances_puts_the_stall_off() {
        let start = Instant::now();
        let mut watch = Watch::new(TIMEOUT, start);
        assert_eq!(watch.deadline(), start + TIMEOUT);
        let later = start + Duration::from_secs(20);
        watch.progress(at(500.0, Some(6000.0)), later);
        assert_eq!(watch.deadline(), later + TIMEOUT);
        watch.progress(at(500.0, Some(6000.0)), later + Duration::from_secs(20));
        assert_eq!(watch.deadline(), later + TIMEOUT);
        assert_eq!(watch.complaint(), "no progress for 30 s (500.0 s of 6000.0 s decoded)");
        assert!(watch.has_stalled(later + TIMEOUT) && !watch.has_stalled(later + TIMEOUT / 3));
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
