//! The books of a decode: what was promised, what came, and what was lost in between.
//!
//! Decoders report damage in many ways or not at all: an error, no frames, frames of nonsense, or a jump of the timestamps that
//! only the container shows. All of it ends here, and [`Account::judge`] is the one place that decides what it means.

use super::assemble::Damage;
use crate::open::Span;
use crate::source::Seen;
use symphonia::core::units::TimeBase;

/// Frames that may be missing before a file counts as damaged, where the container does not count frames exactly: one packet
/// of the longest usual kind (ALAC). Some writers announce whole packets though the last one is short, some encoders of MP3
/// count their header as a frame, and streams cut from others begin with frames that refer to data before the cut.
const TOLERATED_FRAMES: u64 = 4096;
/// Packets of a lossy codec that may fail at the very start, for the last of these reasons.
const FORGIVEN_PACKETS: u64 = 2;
/// Share of the bytes of an unframed stream that may belong to no frame, such as stray tags.
const TOLERATED_JUNK: f64 = 0.02;
/// What is said of the fraction if the end is missing and nothing tells how much.
const CUT_FRACTION: f64 = 0.999;

/// The books, in frames at one rate.
#[derive(Debug, Default)]
pub(crate) struct Account {
    rate: u32,
    /// Rate of the stream at hand, if it is another, in Hz.
    stream_rate: u32,
    seconds_per_tick: f64,
    /// Seconds by which timestamps may be off beyond the coarseness of their clock.
    slack: f64,
    /// Timestamp of the first packet that was decoded.
    origin: Option<i64>,
    /// Frames since then at the rate of the stream, by what was decoded or known to be missing.
    elapsed: u64,
    /// Frames of packets that failed since the last that did not.
    pending: u64,
    /// How many packets may fail at the start.
    forgiven: u64,
    decoded_packets: u64,
    failed_packets: u64,
    /// Of these, how many before anything was decoded.
    failed_first: u64,
    unsupported_packets: u64,
    first_reason: Option<String>,
    gaps: u64,
    gap_frames: u64,
    wild_samples: u64,
    damaged_frames: u64,
    /// What each stream announces. A chain of streams has several.
    announced: Vec<Option<Span>>,
    /// All of them are right to the frame.
    exact: bool,
}

/// What the books come to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Judgement {
    /// Usable share of the audio, 0 to 1.
    pub(crate) fraction: f64,
    /// What is wrong; empty if nothing is.
    pub(crate) problems: Vec<String>,
    pub(crate) decode_errors: u64,
    pub(crate) wild_samples: u64,
    pub(crate) gaps: u64,
    pub(crate) missing_seconds: f64,
}

impl Account {
    /// Opens the books for a codec that is `lossy` or not.
    pub(crate) fn new(lossy: bool) -> Self {
        Self { forgiven: if lossy { FORGIVEN_PACKETS } else { 0 }, ..Self::default() }
    }

    /// Begins a stream whose timestamps count in `base` and that announces `total`.
    pub(crate) fn begin(&mut self, base: Option<TimeBase>, total: Option<Span>, exact: bool) {
        self.exact = exact && (self.announced.is_empty() || self.exact);
        self.announced.push(total);
        self.change_clock(base);
        self.gap_frames += std::mem::take(&mut self.pending);
    }

    /// Sets the rate of the samples that are measured, in Hz, as soon as it is known.
    pub(crate) fn set_rate(&mut self, rate: u32) {
        self.rate = rate;
        self.stream_rate = rate;
    }

    /// Sets the rate of the decoded samples, in Hz.
    pub(crate) fn set_stream_rate(&mut self, rate: u32) {
        self.stream_rate = rate;
    }

    /// Allows for timestamps that are off by so many seconds.
    pub(crate) fn set_slack(&mut self, seconds: f64) {
        self.slack = seconds;
    }

    /// From here on timestamps count in `base`.
    pub(crate) fn change_clock(&mut self, base: Option<TimeBase>) {
        self.seconds_per_tick = seconds_per_tick(base);
        self.origin = None;
        self.elapsed = 0;
    }

    /// Announced frames; `None` if one of the streams announces nothing.
    fn total(&self) -> Option<u64> {
        self.announced.iter().map(|total| total.map(|total| total.in_frames(self.rate))).sum()
    }

    fn frames(&self, ticks: f64) -> f64 {
        ticks * self.seconds_per_tick * f64::from(self.rate)
    }

    /// A packet was decoded to `frames`, of which `damage` is unusable. Its timestamp must fit what came before.
    pub(crate) fn decoded(&mut self, timestamp: i64, frames: u64, damage: Damage) {
        self.decoded_packets += 1;
        self.wild_samples += damage.wild_samples;
        self.damaged_frames += damage.frames;
        self.pending = 0;
        let origin = *self.origin.get_or_insert(timestamp);
        let scale = f64::from(self.stream_rate.max(1)) / f64::from(self.rate.max(1));
        let place = self.frames(timestamp.saturating_sub(origin) as f64) * scale;
        // Coarse clocks round: Matroska's tick is usually 1 ms.
        let tolerance = (self.frames(3.0) * scale).max(self.slack * f64::from(self.stream_rate)).max(1.0);
        let jump = place - self.elapsed as f64;
        if jump > tolerance {
            self.gaps += 1;
            self.gap_frames += (jump / scale).round() as u64;
            self.elapsed += jump.round() as u64;
        }
        self.elapsed += frames;
    }

    /// A packet of `ticks` could not be decoded.
    pub(crate) fn failed(&mut self, ticks: u64, reason: String, unsupported: bool) {
        self.failed_packets += 1;
        self.unsupported_packets += u64::from(unsupported);
        if self.decoded_packets == 0 {
            self.failed_first += 1;
        } else {
            self.pending += self.frames(ticks as f64).round() as u64;
        }
        self.first_reason.get_or_insert(reason);
    }

    /// The reason of the first failure if nothing could be decoded, and whether it was for lack of support.
    pub(crate) fn nothing_decoded(&self) -> Option<(bool, String)> {
        let reason =
            self.first_reason.clone().unwrap_or_else(|| "the decoder returned no samples".to_owned());
        let unsupported = self.unsupported_packets > 0 && self.unsupported_packets == self.failed_packets;
        (self.decoded_packets == 0).then_some((unsupported, reason))
    }

    /// Decides what `emitted` frames are worth. `stream_bytes` is the length of an unframed stream.
    pub(crate) fn judge(mut self, emitted: u64, seen: &Seen, stream_bytes: Option<u64>) -> Judgement {
        self.gap_frames += std::mem::take(&mut self.pending);
        let seconds = |frames: u64| frames as f64 / f64::from(self.rate.max(1));
        let total = self.total();
        let junk = stream_bytes
            .filter(|_| total.is_none())
            .map_or(0.0, |bytes| 1.0 - (seen.bytes as f64 / bytes.max(1) as f64).min(1.0));
        let junk = if junk > TOLERATED_JUNK { junk } else { 0.0 };
        let held = ((emitted + self.gap_frames) as f64 / (1.0 - junk).max(1e-9)) as u64;
        let expected = held.max(total.unwrap_or(0));
        let missing = expected - emitted.min(expected);
        let tolerated = if self.exact { 0 } else { TOLERATED_FRAMES };

        let mut problems = Vec::new();
        if missing > tolerated {
            problems.push(format!("{:.2} s of {:.2} s are missing", seconds(missing), seconds(expected)));
        }
        if seen.cut {
            problems.push("the file breaks off".to_owned());
        }
        if self.gaps > 0 {
            problems.push(format!("{} in the stream", counted(self.gaps, "gap")));
        }
        if self.failed_packets > self.failed_first || self.failed_first > self.forgiven {
            let reason = self.first_reason.as_deref().unwrap_or_default();
            let packets = counted(self.failed_packets, "packet");
            problems.push(format!("{packets} could not be decoded ({reason})"));
        }
        if self.wild_samples > 0 {
            problems.push(format!("{} silenced", counted(self.wild_samples, "impossible sample")));
        }

        let good = emitted.saturating_sub(self.damaged_frames);
        let fraction = if expected == 0 { 0.0 } else { good as f64 / expected as f64 };
        // What is within the tolerance is whole.
        let fraction = match (problems.is_empty(), seen.cut) {
            (true, _) => 1.0,
            (false, true) => fraction.min(CUT_FRACTION),
            (false, false) => fraction,
        };
        Judgement {
            fraction,
            problems,
            decode_errors: self.failed_packets,
            wild_samples: self.wild_samples,
            gaps: self.gaps,
            missing_seconds: seconds(missing),
        }
    }
}

fn seconds_per_tick(base: Option<TimeBase>) -> f64 {
    base.map_or(0.0, |base| f64::from(base.numer.get()) / f64::from(base.denom.get()))
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
