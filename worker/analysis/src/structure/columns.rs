use crate::chroma::{CLASSES, Harmony};
use crate::timbre::Texture;

/// Dimensions of a column: level, twelve cepstral coefficients, level of the bass, twelve pitch classes.
pub(super) const WIDTH: usize = 14 + CLASSES;
const BASS: usize = 13;
/// The level in dB of a column is its coefficient over the root of the number of bands; −90 dB is silence.
const BANDS_ROOT: f32 = 6.324_555;
const SILENCE_DB: f32 = -90.0;
/// Frames overlap by half, so the slices of the harmony, four frames at first, belong to a time that is half a hop later than
/// their count says: an eighth of a slice. (The columns are late by a sixteenth of theirs, which is nothing.)
const LATE: f64 = 0.125;
/// Half of the window that the usual deviation is taken in: what happens within 8 s is not structure.
const WINDOW_SECONDS: f64 = 4.0;
/// The least deviations: a timbre that stays within 2 dB and a pitch class within 2 % of the sum are the same.
const LEAST_DB: f64 = 2.0;
const LEAST_SHARE: f64 = 0.02;
/// No value is further from the median than so many deviations, or a pause would outweigh the music.
const FARTHEST: f64 = 6.0;

/// A description of the sound over time. Each dimension is in units of its usual deviation within some seconds, so that
/// what changes with every beat or chord counts for little and what stays counts for much.
#[derive(Debug)]
pub(super) struct Columns {
    /// Sums of all columns before each one, and of all.
    sums: Vec<[f64; WIDTH]>,
    /// Sums of the squared lengths.
    squares: Vec<f64>,
}

impl Columns {
    pub(super) fn new(texture: &Texture, harmony: &Harmony) -> Self {
        let half = (WINDOW_SECONDS / texture.column_seconds()).ceil() as usize;
        let mut columns = raw(texture, harmony);
        for dimension in 0..WIDTH {
            let values: Vec<f64> = columns.iter().map(|it| it[dimension]).collect();
            let least = if dimension < WIDTH - CLASSES { LEAST_DB } else { LEAST_SHARE };
            let (scale, middle) = (deviation(&values, half).max(least), median(values));
            for column in &mut columns {
                column[dimension] = ((column[dimension] - middle) / scale).clamp(-FARTHEST, FARTHEST);
            }
        }
        Self::of(&columns)
    }

    pub(super) fn of(columns: &[[f64; WIDTH]]) -> Self {
        let mut sums = vec![[0.0; WIDTH]; columns.len() + 1];
        let mut squares = vec![0.0; columns.len() + 1];
        for (at, column) in columns.iter().enumerate() {
            sums[at + 1] = std::array::from_fn(|dimension| sums[at][dimension] + column[dimension]);
            squares[at + 1] = squares[at] + column.iter().map(|it| it * it).sum::<f64>();
        }
        Self { sums, squares }
    }

    pub(super) fn len(&self) -> usize {
        self.squares.len() - 1
    }

    pub(super) fn mean(&self, from: usize, to: usize) -> [f64; WIDTH] {
        let count = to.saturating_sub(from).max(1) as f64;
        std::array::from_fn(|dimension| (self.sums[to][dimension] - self.sums[from][dimension]) / count)
    }

    /// Sum of the squared distances of the columns from their mean, over the dimensions, per dimension.
    pub(super) fn scatter(&self, from: usize, to: usize) -> f64 {
        let (first, last) = (&self.sums[from], &self.sums[to]);
        let length: f64 = first.iter().zip(last).map(|(first, last)| (last - first).powi(2)).sum();
        (self.squares[to] - self.squares[from] - length / (to - from) as f64) / WIDTH as f64
    }
}

fn raw(texture: &Texture, harmony: &Harmony) -> Vec<[f64; WIDTH]> {
    let per_slice = harmony.slice_seconds / texture.column_seconds();
    let column = |(at, column): (usize, &crate::timbre::Column)| {
        let slice = ((at as f64 + 0.5) / per_slice - LATE).max(0.0) as usize;
        let plain = harmony.slices.get(slice).or(harmony.slices.last()).map_or([0.0; CLASSES], |it| it.plain);
        let total = plain.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let mut values = [0.0; WIDTH];
        values[0] = f64::from((column.cepstrum[0] / BANDS_ROOT).max(SILENCE_DB));
        values[BASS] = f64::from((10.0 * column.bass.log10()).max(SILENCE_DB));
        for (to, from) in values[1..BASS].iter_mut().zip(&column.cepstrum[1..]) {
            *to = f64::from(*from);
        }
        for (to, from) in values[WIDTH - CLASSES..].iter_mut().zip(plain) {
            *to = from / total;
        }
        values
    };
    texture.columns().iter().enumerate().map(column).collect()
}

/// The median over the piece of the deviation within windows.
fn deviation(values: &[f64], half: usize) -> f64 {
    let windows = values.chunks((2 * half).max(2)).filter(|window| window.len() > half);
    let within = |window: &[f64]| {
        let mean = window.iter().sum::<f64>() / window.len() as f64;
        (window.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / window.len() as f64).sqrt()
    };
    median(windows.map(within).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    /// The slow twin: every distance from the mean.
    #[test]
    fn mean_and_scatter_agree_with_their_definitions() {
        let noise = signals::noise(20 * WIDTH, 3);
        let columns: Vec<[f64; WIDTH]> =
            (0..20).map(|at| std::array::from_fn(|it| f64::from(noise[at * WIDTH + it]) + 3.0)).collect();
        let found = Columns::of(&columns);
        for (from, to) in [(0, 20), (3, 4), (5, 17)] {
            let (mean, mut scatter) = (found.mean(from, to), 0.0);
            for dimension in 0..WIDTH {
                let values: Vec<f64> = columns[from..to].iter().map(|it| it[dimension]).collect();
                let slow = values.iter().sum::<f64>() / values.len() as f64;
                assert!((mean[dimension] - slow).abs() < 1e-9);
                scatter += values.iter().map(|it| (it - slow).powi(2)).sum::<f64>() / WIDTH as f64;
            }
            assert!((found.scatter(from, to) - scatter).abs() < 1e-9);
        }
    }

    #[test]
    fn the_usual_deviation_is_that_within_windows() {
        // Steps at the edges of the windows, an alternation inside.
        let values: Vec<f64> = (0..64).map(|at| f64::from(at / 8 * 10 + at % 2)).collect();
        assert!((deviation(&values, 4) - 0.5).abs() < 1e-12);
        assert!((deviation(&[], 4)).abs() < 1e-12);
    }
}
