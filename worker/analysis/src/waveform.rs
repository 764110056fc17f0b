//! An overview of the signal in a bounded number of points: extremes and level of all channels, and in [`bands`] the colours of
//! the mono mix.

mod bands;

use crate::stage::{Block, Format, Stage};
pub(crate) use bands::Colours;
use report::{Report, Waveform};

/// Version of the overview's meaning.
pub(crate) const VERSION: u16 = 2;
/// Most points: when there would be more, two become one. So there are between half of these and all of them, about a pixel
/// each on a wide screen, in at most 3 KiB.
const MAX_POINTS: usize = 1024;
/// Points per second before any merging; finer than anyone draws a short sound.
const FINEST: u32 = 100;

#[derive(Debug, Clone, Copy)]
struct Point {
    min: f32,
    max: f32,
    squares: f64,
    samples: u64,
}

const EMPTY: Point = Point { min: f32::INFINITY, max: f32::NEG_INFINITY, squares: 0.0, samples: 0 };

impl Point {
    fn merge(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            squares: self.squares + other.squares,
            samples: self.samples + other.samples,
        }
    }

    fn of(samples: &[f32]) -> Self {
        let mut lanes = [(f32::INFINITY, f32::NEG_INFINITY, 0f32); 8];
        let (chunks, rest) = samples.as_chunks::<8>();
        let mut squares = 0.0;
        // Short sums in single precision, added up in double.
        for chunks in chunks.chunks(16) {
            for chunk in chunks {
                for ((min, max, squares), sample) in lanes.iter_mut().zip(chunk) {
                    *min = if *sample < *min { *sample } else { *min };
                    *max = if *sample > *max { *sample } else { *max };
                    *squares += sample * sample;
                }
            }
            squares += lanes.iter_mut().map(|lane| f64::from(std::mem::take(&mut lane.2))).sum::<f64>();
        }
        squares += rest.iter().map(|it| f64::from(it * it)).sum::<f64>();
        let min = lanes.iter().map(|lane| lane.0).chain(rest.iter().copied()).fold(f32::INFINITY, f32::min);
        let max =
            lanes.iter().map(|lane| lane.1).chain(rest.iter().copied()).fold(f32::NEG_INFINITY, f32::max);
        Self { min, max, squares, samples: samples.len() as u64 }
    }
}

/// The stage that draws the overview.
pub(crate) struct Overview {
    rate: u32,
    frames_per_point: u64,
    points: Vec<Point>,
    /// The point under way and its frames.
    current: Point,
    filled: u64,
}

impl Overview {
    pub(crate) fn new(format: &Format) -> Self {
        Self {
            rate: format.rate,
            frames_per_point: u64::from(format.rate.div_ceil(FINEST)),
            points: Vec::with_capacity(MAX_POINTS),
            current: EMPTY,
            filled: 0,
        }
    }

    fn end_point(&mut self) {
        if self.points.len() == MAX_POINTS {
            self.halve();
            // The point under way is now the first half of a longer one.
            return;
        }
        self.points.push(std::mem::replace(&mut self.current, EMPTY));
        self.filled = 0;
    }

    fn halve(&mut self) {
        self.frames_per_point *= 2;
        for index in 0..MAX_POINTS / 2 {
            self.points[index] = self.points[2 * index].merge(self.points[2 * index + 1]);
        }
        self.points.truncate(MAX_POINTS / 2);
    }
}

impl Stage for Overview {
    fn name(&self) -> &'static str {
        "waveform"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn block(&mut self, block: &Block<'_>) {
        let mut from = 0;
        while from < block.frames() {
            let room = usize::try_from(self.frames_per_point - self.filled).unwrap_or(usize::MAX);
            let to = from + room.min(block.frames() - from);
            for samples in block.iter() {
                self.current = self.current.merge(Point::of(&samples[from..to]));
            }
            self.filled += (to - from) as u64;
            from = to;
            if self.filled == self.frames_per_point {
                self.end_point();
            }
        }
    }

    fn finish(&mut self, report: &mut Report) {
        if self.filled > 0 {
            self.end_point();
            if self.filled > 0 {
                self.end_point();
            }
        }
        let step = |sample: f32| (sample * 127.0).round().clamp(-127.0, 127.0) as i8;
        let root =
            |point: &Point| ((point.squares / point.samples.max(1) as f64).sqrt() * 255.0).round() as u8;
        report.waveform = Some(Waveform {
            version: VERSION,
            frames_per_point: self.frames_per_point,
            points_per_second: f64::from(self.rate) / self.frames_per_point as f64,
            min: self.points.iter().map(|point| step(point.min)).collect(),
            max: self.points.iter().map(|point| step(point.max)).collect(),
            rms: self.points.iter().map(root).collect(),
            ..Waveform::default()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::noise;
    use crate::stage::testing::run;
    use proptest::prelude::*;

    fn measured(rate: u32, signal: &[Vec<f32>], sizes: &[usize]) -> Waveform {
        let format = Format { rate, weights: vec![1.0; signal.len()], bit_depth: None };
        run(&mut Overview::new(&format), signal, sizes).waveform.unwrap()
    }

    /// The points from the whole signal at once.
    fn twin(signal: &[Vec<f32>], frames_per_point: usize) -> (Vec<i8>, Vec<i8>, Vec<u8>) {
        let frames = signal[0].len();
        let starts = (0..frames).step_by(frames_per_point);
        let points = starts.map(|start| {
            let end = frames.min(start + frames_per_point);
            let all: Vec<f32> = signal.iter().flat_map(|plane| plane[start..end].iter().copied()).collect();
            let edge = |it: f32| (it * 127.0).round().clamp(-127.0, 127.0) as i8;
            let square = all.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() / all.len() as f64;
            let min = edge(all.iter().copied().fold(f32::INFINITY, f32::min));
            let max = edge(all.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            (min, max, (square.sqrt() * 255.0).round() as u8)
        });
        let mut out = (Vec::new(), Vec::new(), Vec::new());
        for (min, max, rms) in points {
            out.0.push(min);
            out.1.push(max);
            out.2.push(rms);
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn equals_the_definition(frames in 1usize..60_000, sizes in proptest::collection::vec(1usize..5000, 1..4)) {
            let signal = vec![noise(frames, 1), noise(frames, 2)];
            let waveform = measured(800, &signal, &sizes);
            prop_assert!(waveform.min.len() <= MAX_POINTS);
            prop_assert_eq!(waveform.frames_per_point.count_ones(), 1);
            let (min, max, rms) = twin(&signal, waveform.frames_per_point as usize);
            prop_assert_eq!(&waveform.min, &min);
            prop_assert_eq!(&waveform.max, &max);
            let close = waveform.rms.iter().zip(&rms).all(|(ours, theirs)| ours.abs_diff(*theirs) <= 1);
            prop_assert!(close && waveform.rms.len() == rms.len());
        }
    }

    #[test]
    fn long_signals_have_no_more_points() {
        for points in
            [1, MAX_POINTS - 1, MAX_POINTS, MAX_POINTS + 1, 2 * MAX_POINTS, 2 * MAX_POINTS + 1, 9999]
        {
            let waveform = measured(FINEST, &[vec![0.5; points]], &[777]);
            let covered = waveform.min.len() as u64 * waveform.frames_per_point;
            assert!(covered >= points as u64 && covered - (points as u64) < waveform.frames_per_point);
            assert!(points <= MAX_POINTS || waveform.min.len() >= MAX_POINTS / 2);
            assert_eq!(waveform.max.last(), Some(&64));
            assert_eq!(waveform.rms.last(), Some(&128));
        }
    }
}
