//! Histograms of pitch classes over time, in bounded memory.

use super::peaks::Peak;
use super::{CLASSES, Slice, fold};

/// Steps to an octave: 10 cents each, finer than the tuning matters.
pub(super) const STEPS: usize = 120;
/// Frames in a slice at first: 0.7 s.
const FRAMES: u64 = 4;
/// Slices to keep. When there are more, each two are made one: twelve minutes go by before that, and ten hours have 757 of
/// 48 s. They take a megabyte.
const MAX_SLICES: usize = 1024;

/// A slice at the resolution of the histogram: plain and clean.
type Fine = [[f32; STEPS]; 2];

/// The histograms so far.
#[derive(Debug)]
pub(super) struct History {
    slices: Vec<Fine>,
    slice_frames: u64,
    frames: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self { slices: Vec::new(), slice_frames: FRAMES, frames: 0 }
    }

    #[cfg(test)]
    fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames in a slice; the last slice may have fewer.
    pub(super) fn slice_frames(&self) -> u64 {
        self.slice_frames
    }

    /// Adds a frame: its peaks, and the amplitudes they have without overtones. Each view of it is scaled to the sum 1.
    pub(super) fn frame(&mut self, peaks: &[Peak], clean: &[f32]) {
        if self.frames == self.slices.len() as u64 * self.slice_frames {
            if self.slices.len() == MAX_SLICES {
                self.halve();
            }
            if self.frames == self.slices.len() as u64 * self.slice_frames {
                self.slices.push([[0.0; STEPS]; 2]);
            }
        }
        self.frames += 1;
        let Some(slice) = self.slices.last_mut() else { return };
        let cleaned = |(peak, amplitude): (&Peak, &f32)| Peak { amplitude: *amplitude, ..*peak };
        add(&mut slice[0], peaks.iter().copied());
        add(&mut slice[1], peaks.iter().zip(clean).map(cleaned));
    }

    fn halve(&mut self) {
        let mut slices = std::mem::take(&mut self.slices).into_iter();
        while let Some(mut first) = slices.next() {
            if let Some(second) = slices.next() {
                for (to, from) in first.as_flattened_mut().iter_mut().zip(second.as_flattened()) {
                    *to += from;
                }
            }
            self.slices.push(first);
        }
        self.slice_frames *= 2;
    }

    /// The slices as twelve pitch classes, for a reference pitch `tuning` semitones above 440 Hz.
    pub(super) fn fold(&self, tuning: f64) -> Vec<Slice> {
        let kernel = fold::kernel(tuning);
        let folded = |fine: &[f32; STEPS]| -> [f64; CLASSES] { fold::fold(fine, &kernel) };
        self.slices.iter().map(|fine| Slice { plain: folded(&fine[0]), clean: folded(&fine[1]) }).collect()
    }
}

fn add(steps: &mut [f32; STEPS], peaks: impl Iterator<Item = Peak> + Clone) {
    let total: f32 = peaks.clone().map(|peak| peak.weight()).sum();
    if total <= 0.0 {
        return;
    }
    for peak in peaks {
        steps[step(peak.pitch)] += peak.weight() / total;
    }
}

/// The step of a pitch; C is step 0.
fn step(pitch: f32) -> usize {
    let per_semitone = (STEPS / CLASSES) as f32;
    ((pitch * per_semitone).round().rem_euclid(STEPS as f32) as usize).min(STEPS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(history: &History) -> Vec<f32> {
        history.slices.iter().map(|slice| slice[0].iter().sum()).collect()
    }

    #[test]
    fn memory_stays_the_same_and_nothing_is_lost() {
        let mut history = History::new();
        let peaks = [Peak { pitch: 60.0, amplitude: 0.1 }, Peak { pitch: 67.0, amplitude: 0.2 }];
        let count = 9 * FRAMES * MAX_SLICES as u64 + 3;
        for _ in 0..count {
            history.frame(&peaks, &[0.1, 0.0]);
        }
        assert!(history.slices.len() <= MAX_SLICES && history.slices.len() >= MAX_SLICES / 2);
        assert_eq!(history.frames(), count);
        let sums = sums(&history);
        assert!((sums.iter().sum::<f32>() - count as f32).abs() < 1.0);
        let full = history.slice_frames() as f32;
        assert!(sums[..sums.len() - 1].iter().all(|sum| (sum - full).abs() < 1e-2));
    }

    #[test]
    fn steps_of_a_pitch() {
        assert_eq!([0.0, 60.0, 69.0, 11.99, 61.04].map(step), [0, 0, 90, 0, 10]);
        assert!(step(-3.3) < STEPS);
    }

    #[test]
    fn silent_frames_pass_time() {
        let mut history = History::new();
        for _ in 0..10 {
            history.frame(&[], &[]);
        }
        assert_eq!(sums(&history), [0.0; 3]);
    }
}
