//! The seam between decoding and measuring: blocks of samples, and the stages that are fed with them.

use report::Report;

/// Frames in a block, except for the last. A stereo block and what a stage needs beside it stay in the first-level caches;
/// calls and clocks cost nothing against the work on it.
pub(crate) const BLOCK_FRAMES: usize = 4096;

/// What all blocks of one analysis share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Format {
    pub(crate) rate: u32,
    /// How much each channel counts for loudness (BS.1770-4 table 3); one entry per channel.
    pub(crate) weights: Vec<f64>,
    /// Significant bits of the stored samples; `None` for lossy codecs.
    pub(crate) bit_depth: Option<u16>,
}

impl Format {
    pub(crate) fn channels(&self) -> usize {
        self.weights.len()
    }

    /// The channels that have a weight for loudness, which low-frequency effects do not; all, if none has.
    pub(crate) fn heard(&self) -> Vec<usize> {
        let heard: Vec<usize> = (0..self.channels()).filter(|&at| self.weights[at] > 0.0).collect();
        if heard.is_empty() { (0..self.channels()).collect() } else { heard }
    }
}

/// Samples of all channels, full scale being 1.0. All are finite.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    planes: &'a [Vec<f32>],
    frames: usize,
    peak: f32,
}

impl<'a> Block<'a> {
    /// The first `frames` of each plane.
    pub(crate) fn new(planes: &'a [Vec<f32>], frames: usize) -> Self {
        let peak = planes.iter().map(|plane| largest(&plane[..frames])).fold(0.0, f32::max);
        Self { planes, frames, peak }
    }

    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// Largest magnitude of any sample.
    pub(crate) fn peak(&self) -> f32 {
        self.peak
    }

    pub(crate) fn channel(&self, channel: usize) -> &'a [f32] {
        &self.planes[channel][..self.frames]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [f32]> {
        let frames = self.frames;
        self.planes.iter().map(move |plane| &plane[..frames])
    }
}

/// Largest magnitude, 0 for none. Kept in eight lanes, since the order of a maximum does not matter to it but to the compiler.
pub(crate) fn largest(samples: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (chunks, rest) = samples.as_chunks::<8>();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            let magnitude = sample.abs();
            *lane = if magnitude > *lane { magnitude } else { *lane };
        }
    }
    lanes.iter().copied().chain(rest.iter().map(|it| it.abs())).fold(0.0, f32::max)
}

/// One measurement. It sees every block once, in order, and keeps no samples beyond what its window needs.
pub(crate) trait Stage {
    /// Name of the part of the report that it fills.
    fn name(&self) -> &'static str;

    /// Version of what it computes; raised when the same signal gets another result.
    fn version(&self) -> u16;

    fn block(&mut self, block: &Block<'_>);

    /// Writes the results into the report.
    fn finish(&mut self, report: &mut Report);
}

#[cfg(test)]
pub(crate) mod testing {
    //! Running a stage over a whole signal.

    use super::*;

    /// Feeds the signal, given per channel, in blocks of these sizes, used in turn.
    pub(crate) fn run(stage: &mut dyn Stage, signal: &[Vec<f32>], sizes: &[usize]) -> Report {
        let frames = signal[0].len();
        let mut at = 0;
        let mut sizes = sizes.iter().cycle();
        while at < frames {
            let end = frames.min(at + sizes.next().unwrap());
            let planes: Vec<Vec<f32>> = signal.iter().map(|plane| plane[at..end].to_vec()).collect();
            stage.block(&Block::new(&planes, end - at));
            at = end;
        }
        let mut report = Report::default();
        stage.finish(&mut report);
        report
    }

    #[test]
    fn the_peak_is_the_largest_magnitude() {
        let plane: Vec<f32> = (0..37).map(|it| if it == 31 { -0.75 } else { 0.01 * it as f32 }).collect();
        let planes = [plane];
        assert!((Block::new(&planes, 37).peak() - 0.75).abs() < f32::EPSILON);
        assert!((Block::new(&planes, 31).peak() - 0.30).abs() < 1e-6);
        assert!(Block::new(&planes, 0).peak() <= 0.0);
    }
}
