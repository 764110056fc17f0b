//! The level in three bands, by which DJ programs colour a waveform.
//!
//! What decimation removes lies above the upper crossover at all usual rates and counts as high; what it leaves is split by
//! Butterworth filters of second order (the formulas of Bristow-Johnson's *Audio EQ Cookbook*), side by side in one register.

use super::{FINEST, MAX_POINTS, VERSION};
use crate::decimate::Decimator;
use crate::listener::Listener;
use crate::traces::Traces;
use report::Report;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The crossovers: below the first are kick and bass, above the second cymbals and breath.
const LOW_HZ: f64 = 200.0;
const HIGH_HZ: f64 = 2000.0;
/// A crossover above this share of the rate splits nothing.
const TOO_HIGH: f64 = 0.45;
/// State of a filter that is set to zero between blocks: numbers of which there are only denormal multiples left are slow.
const NOTHING: f32 = 1e-15;

/// Energy by band in one point, and the frames it was taken from.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    energy: [f64; 3],
    frames: u64,
}

impl Point {
    fn merge(self, other: Self) -> Self {
        Self {
            energy: std::array::from_fn(|band| self.energy[band] + other.energy[band]),
            frames: self.frames + other.frames,
        }
    }
}

/// Hears the decimated channel and all that was removed from it.
#[derive(Debug)]
pub(crate) struct Colours {
    halvings: u32,
    filters: Filters,
    points: Points,
    /// Samples of the decimated channel so far, and of each of the octaves removed.
    heard: u64,
    removed: Vec<u64>,
}

/// The points, on the grid of the overview.
#[derive(Debug)]
struct Points {
    frames_per_point: u64,
    points: Vec<Point>,
}

impl Colours {
    pub(crate) fn new(sound: &Decimator) -> Self {
        Self {
            halvings: sound.halvings(),
            filters: Filters::new(sound.low_rate()),
            points: Points {
                frames_per_point: u64::from(sound.rate().div_ceil(FINEST)),
                points: Vec::with_capacity(MAX_POINTS),
            },
            heard: 0,
            removed: vec![0; sound.halvings() as usize],
        }
    }
}

impl Points {
    /// The point that this frame is in.
    fn at(&mut self, frame: u64) -> &mut Point {
        while frame / self.frames_per_point >= MAX_POINTS as u64 {
            self.halve();
        }
        let point = (frame / self.frames_per_point) as usize;
        if self.points.len() <= point {
            self.points.resize(point + 1, Point::default());
        }
        &mut self.points[point]
    }

    fn halve(&mut self) {
        self.frames_per_point *= 2;
        let merged = self.points.len().div_ceil(2);
        for index in 0..merged {
            let other = self.points.get(2 * index + 1).copied().unwrap_or_default();
            self.points[index] = self.points[2 * index].merge(other);
        }
        self.points.truncate(merged);
    }

    /// Takes samples, one in each 2^`halvings` frames, by stretches that lie in one point.
    fn take(
        &mut self,
        heard: &mut u64,
        halvings: u32,
        mut samples: &[f32],
        mut energy: impl FnMut(&[f32]) -> Point,
    ) {
        while !samples.is_empty() {
            let frame = *heard << halvings;
            let taken = *self.at(frame);
            let end = (frame / self.frames_per_point + 1) * self.frames_per_point;
            let room = usize::try_from((end - frame).div_ceil(1 << halvings)).unwrap_or(usize::MAX);
            let (now, later) = samples.split_at(room.min(samples.len()));
            *self.at(frame) = taken.merge(energy(now));
            *heard += now.len() as u64;
            samples = later;
        }
    }
}

impl Listener for Colours {
    fn name(&self) -> &'static str {
        "waveform"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn hear(&mut self, sound: &Decimator) {
        let Self { halvings, filters, points, heard, removed } = self;
        let frames = |samples: &[f32], halvings: u32| (samples.len() as u64) << halvings;
        points.take(heard, *halvings, sound.low(), |samples| {
            let weight = f64::from(1u32 << *halvings);
            Point {
                energy: filters.energies(samples).map(|sum| sum * weight),
                frames: frames(samples, *halvings),
            }
        });
        filters.rest();
        for ((halvings, samples), heard) in sound.removed().zip(removed) {
            points.take(heard, halvings, samples, |samples| {
                let energy = squares(samples) * f64::from(1u32 << halvings);
                Point { energy: [0.0, 0.0, energy], frames: 0 }
            });
        }
    }

    fn finish(mut self: Box<Self>, report: &mut Report, _: &mut Traces) {
        let Some(waveform) = &mut report.waveform else { return };
        while self.points.frames_per_point < waveform.frames_per_point {
            self.points.halve();
        }
        // The last point may have fewer frames than one decimated sample covers.
        self.points.points.resize(waveform.rms.len(), Point::default());
        let band = |band: usize| {
            let level = |point: &Point| (point.energy[band] / point.frames.max(1) as f64).sqrt();
            self.points.points.iter().map(|point| (level(point).sqrt() * 255.0).round() as u8).collect()
        };
        (waveform.low, waveform.middle, waveform.high) = (band(0), band(1), band(2));
    }
}

/// Sum of squares, in eight lanes.
fn squares(samples: &[f32]) -> f64 {
    let mut lanes = [0f32; 8];
    let (chunks, rest) = samples.as_chunks::<8>();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += sample * sample;
        }
    }
    lanes.iter().map(|it| f64::from(*it)).sum::<f64>() + rest.iter().map(|it| f64::from(it * it)).sum::<f64>()
}

/// Four filters: low-pass and high-pass at the lower crossover, high-pass and low-pass at the upper one. The last hears what
/// the second gave a sample before, which makes the middle band; the delay matters to no level.
#[derive(Debug)]
struct Filters {
    /// Of the input now, one and two samples ago, then of the output one and two samples ago.
    taps: [[f32; 4]; 5],
    states: [[f32; 4]; 2],
    above: f32,
}

impl Filters {
    fn new(rate: f64) -> Self {
        let filters = [(LOW_HZ, false), (LOW_HZ, true), (HIGH_HZ, true), (HIGH_HZ, false)]
            .map(|(hz, high)| butterworth(hz / rate, high));
        Self {
            taps: std::array::from_fn(|tap| filters.map(|filter| filter[tap])),
            states: [[0.0; 4]; 2],
            above: 0.0,
        }
    }

    /// Sums of squares in the low, the middle and the high band.
    fn energies(&mut self, samples: &[f32]) -> [f64; 3] {
        let [now, before, earlier, back, further] = self.taps;
        let [mut first, mut second] = self.states;
        let mut above = self.above;
        let mut sums = [0f32; 4];
        for sample in samples {
            let input = [*sample, *sample, *sample, above];
            let mut output = [0f32; 4];
            for lane in 0..4 {
                output[lane] = now[lane] * input[lane] + first[lane];
                first[lane] = before[lane] * input[lane] - back[lane] * output[lane] + second[lane];
                second[lane] = earlier[lane] * input[lane] - further[lane] * output[lane];
                sums[lane] += output[lane] * output[lane];
            }
            above = output[1];
        }
        self.states = [first, second];
        self.above = above;
        [sums[0], sums[3], sums[2]].map(f64::from)
    }

    fn rest(&mut self) {
        for state in self.states.iter_mut().flatten().chain([&mut self.above]) {
            if state.abs() < NOTHING {
                *state = 0.0;
            }
        }
    }
}

/// Taps of a low-pass or high-pass filter at this share of the rate.
fn butterworth(share: f64, high: bool) -> [f32; 5] {
    if share >= TOO_HIGH {
        return if high { [0.0; 5] } else { [1.0, 0.0, 0.0, 0.0, 0.0] };
    }
    let (sine, cosine) = (2.0 * PI * share).sin_cos();
    let alpha = sine * FRAC_1_SQRT_2;
    let (outer, inner) =
        if high { ((1.0 + cosine) / 2.0, -1.0 - cosine) } else { ((1.0 - cosine) / 2.0, 1.0 - cosine) };
    [outer, inner, outer, -2.0 * cosine, 1.0 - alpha].map(|tap| (tap / (1.0 + alpha)) as f32)
}

#[cfg(test)]
mod tests;
