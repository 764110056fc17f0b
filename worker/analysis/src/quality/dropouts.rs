//! Places where the sound is cut out: nothing but zeros, and sound right up to them on both sides.
//!
//! Pauses of music fade into silence, or at least end in less than a few thousandths of full scale; what a buffer, a reader or
//! a network lost does not. (The criterion of FFmpeg's and Audacity's click and silence detectors, with the edges added.)

use crate::stage::{Block, largest};
use report::Quality;

/// The shortest: a lost buffer, sector (13 ms) or packet (20 ms) is longer, the gaps of pulse waves above 100 Hz are shorter.
const SHORTEST_SECONDS: f64 = 0.005;
/// The longest; what is longer is a pause on purpose, or is told from the timestamps. 256 KiB of a CD are 1.5 s.
const LONGEST_SECONDS: f64 = 2.0;
/// What is looked at on each side.
const EDGE_SECONDS: f64 = 0.001;
/// Sound, if its largest sample there has this magnitude: −40 dB, far more than a fade or a decay ends with.
const ABRUPT: f32 = 0.01;
/// Places that are told.
const MOST_POSITIONS: usize = 8;

/// Looks at one sample in 5 ms, and at more only where that is zero.
#[derive(Debug)]
pub(super) struct Dropouts {
    rate: f64,
    shortest: usize,
    longest: u64,
    edge: usize,
    frames: u64,
    /// Zero frames up to here, and the largest sample of the edge before them.
    run: u64,
    before: f32,
    /// The largest sample of the last edge.
    tail: f32,
    /// A run whose later edge is not over.
    ended: Option<Ended>,
    count: u64,
    total: u64,
    positions: Vec<f64>,
}

#[derive(Debug)]
struct Ended {
    start: u64,
    length: u64,
    after: f32,
    missing: usize,
}

impl Dropouts {
    pub(super) fn new(rate: u32) -> Self {
        let frames = |seconds: f64| ((seconds * f64::from(rate)).ceil() as usize).max(1);
        Self {
            rate: f64::from(rate),
            shortest: frames(SHORTEST_SECONDS),
            longest: frames(LONGEST_SECONDS) as u64,
            edge: frames(EDGE_SECONDS),
            frames: 0,
            run: 0,
            before: 0.0,
            tail: 0.0,
            ended: None,
            count: 0,
            total: 0,
            positions: Vec::new(),
        }
    }

    pub(super) fn block(&mut self, block: &Block<'_>) {
        let frames = block.frames();
        let zero = |at: usize| block.iter().all(|samples| samples[at] == 0.0);
        self.hear_after(block, 0);
        let mut at = 0;
        while at < frames {
            if self.run > 0 {
                let end = (at..frames).find(|it| !zero(*it)).unwrap_or(frames);
                self.run += (end - at) as u64;
                if end < frames {
                    self.end_run(end);
                    self.hear_after(block, end);
                }
                at = end;
                continue;
            }
            // A run of the shortest length from here on would cover this frame.
            let probe = (at + self.shortest).min(frames) - 1;
            let start = (at..=probe).rev().take_while(|it| zero(*it)).last();
            if let Some(start) = start {
                self.before = if start < self.edge { self.tail } else { 0.0 };
                self.before = self.before.max(peak(block, start.saturating_sub(self.edge), start));
                self.run = (probe + 1 - start) as u64;
            }
            at = probe + 1;
        }
        let near = peak(block, frames.saturating_sub(self.edge), frames);
        self.tail = if frames < self.edge { near.max(self.tail) } else { near };
        self.frames += frames as u64;
    }

    fn end_run(&mut self, end: usize) {
        let length = std::mem::take(&mut self.run);
        if length >= self.shortest as u64 && length <= self.longest && self.before >= ABRUPT {
            let start = self.frames + end as u64 - length;
            self.ended = Some(Ended { start, length, after: 0.0, missing: self.edge });
        }
    }

    /// Looks at the edge behind a run that ended, as far as the block has it.
    fn hear_after(&mut self, block: &Block<'_>, from: usize) {
        let Some(ended) = &mut self.ended else { return };
        let to = block.frames().min(from + ended.missing);
        ended.after = ended.after.max(peak(block, from, to));
        ended.missing -= to - from;
        if ended.missing == 0 {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let Some(ended) = self.ended.take().filter(|it| it.after >= ABRUPT) else { return };
        self.count += 1;
        self.total += ended.length;
        if self.positions.len() < MOST_POSITIONS {
            self.positions.push(ended.start as f64 / self.rate);
        }
    }

    pub(super) fn finish(&mut self, quality: &mut Quality) {
        self.settle();
        quality.dropouts = self.count;
        quality.dropout_seconds = self.total as f64 / self.rate;
        quality.dropout_positions_seconds = std::mem::take(&mut self.positions);
    }
}

/// Largest magnitude of the frames from `from` to `to` in any channel.
fn peak(block: &Block<'_>, from: usize, to: usize) -> f32 {
    block.iter().map(|samples| largest(&samples[from..to])).fold(0.0, f32::max)
}
