//! Timbre over time, in bounded memory.

use super::mel::COEFFICIENTS;

/// Frames in a column at first: 0.37 s.
const FRAMES: u64 = 8;
/// Columns to keep. When there are more, each two are made one: seven minutes go by before that, and ten hours have 757 of
/// 48 s. They take 80 KiB.
const MAX_COLUMNS: usize = 1200;

/// The coefficient of the level of a frame whose bands are all at −100 dB: that times the root of their number.
const SILENT_LEVEL: f32 = -632.456;

/// Means over a stretch of frames.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Column {
    /// Cepstral coefficients in dB, that of the level first.
    pub(crate) cepstrum: [f32; COEFFICIENTS],
    /// Power below [`super::BASS_HZ`] and of all, 1 for a sine of full scale.
    pub(crate) bass: f32,
    pub(crate) power: f32,
}

impl Column {
    /// A frame of nothing that can be heard: its level is that of the quietest frame that can.
    pub(super) const SILENT: Self = {
        let mut cepstrum = [0.0; COEFFICIENTS];
        cepstrum[0] = SILENT_LEVEL;
        Self { cepstrum, bass: 0.0, power: 0.0 }
    };

    pub(super) fn new(cepstrum: &[f64], bass: f32, power: f32) -> Self {
        let mut column = Self { bass, power, ..Self::default() };
        column.cepstrum.iter_mut().zip(cepstrum).for_each(|(to, from)| *to = *from as f32);
        column
    }

    fn values(&mut self) -> impl Iterator<Item = &mut f32> {
        self.cepstrum.iter_mut().chain([&mut self.bass, &mut self.power])
    }

    fn add(&mut self, mut other: Self) {
        self.values().zip(other.values()).for_each(|(sum, value)| *sum += *value);
    }
}

/// The columns so far: sums while it grows, means once it is [finished](Self::finish).
#[derive(Debug)]
pub(crate) struct Texture {
    columns: Vec<Column>,
    column_frames: u64,
    frames: u64,
    seconds_per_frame: f64,
}

impl Texture {
    pub(super) fn new(seconds_per_frame: f64) -> Self {
        Self { columns: Vec::new(), column_frames: FRAMES, frames: 0, seconds_per_frame }
    }

    /// Adds a frame.
    pub(super) fn frame(&mut self, frame: Column) {
        if self.frames == self.columns.len() as u64 * self.column_frames {
            if self.columns.len() == MAX_COLUMNS {
                self.halve();
            }
            self.columns.push(Column::default());
        }
        self.frames += 1;
        if let Some(column) = self.columns.last_mut() {
            column.add(frame);
        }
    }

    /// An even number of full columns becomes half as many.
    fn halve(&mut self) {
        for at in 0..self.columns.len() / 2 {
            let mut column = self.columns[2 * at];
            column.add(self.columns[2 * at + 1]);
            self.columns[at] = column;
        }
        self.columns.truncate(self.columns.len() / 2);
        self.column_frames *= 2;
    }

    /// Turns the sums into means.
    pub(super) fn finish(mut self) -> Self {
        let mut left = self.frames;
        for column in &mut self.columns {
            let count = left.min(self.column_frames);
            column.values().for_each(|value| *value /= count as f32);
            left -= count;
        }
        self
    }

    /// Equal stretches of the signal in order; the last may be shorter.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Length of a column in seconds.
    pub(crate) fn column_seconds(&self) -> f64 {
        self.column_frames as f64 * self.seconds_per_frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texture(frames: u64) -> Texture {
        let mut texture = Texture::new(0.05);
        for frame in 0..frames {
            texture.frame(Column { bass: frame as f32, power: 1.0, ..Column::default() });
        }
        texture.finish()
    }

    #[test]
    fn a_column_is_the_mean_of_its_frames() {
        let texture = texture(2 * FRAMES + 3);
        let found: Vec<_> = texture.columns().iter().map(|it| (it.bass, it.power)).collect();
        assert_eq!(found, [(3.5, 1.0), (11.5, 1.0), (17.0, 1.0)]);
        assert!((texture.column_seconds() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn memory_stays_the_same_and_nothing_is_lost() {
        let count = 9 * FRAMES * MAX_COLUMNS as u64 + 3;
        let texture = texture(count);
        let columns = texture.columns();
        assert!(columns.len() <= MAX_COLUMNS && columns.len() >= MAX_COLUMNS / 2);
        let frames = texture.column_frames;
        assert_eq!(columns.len() as u64, count.div_ceil(frames));
        for (at, column) in columns[..columns.len() - 1].iter().enumerate() {
            let middle = (at as f64 + 0.5) * frames as f64 - 0.5;
            assert!((f64::from(column.bass) - middle).abs() < 0.01 * middle, "{at}");
            assert!((column.power - 1.0).abs() < 1e-6);
        }
    }
}
