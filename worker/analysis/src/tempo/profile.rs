use crate::onset::{BANDS, Band, Curves};

/// Parts of a beat; twelve hold halves, thirds and quarters.
const PARTS: usize = 12;
/// Keeps the contrast of two weak places near zero, in units of the curves' deviation.
const WEAK: f64 = 0.3;

/// Mean novelty of each band at the twelfths of a beat.
#[derive(Debug, Clone)]
pub(crate) struct Profile([[f64; PARTS]; BANDS]);

impl Profile {
    /// Over all beats, which are in frames of the curves.
    pub(crate) fn new(curves: &Curves, beats: &[usize]) -> Self {
        let mut sums = [[0f64; PARTS]; BANDS];
        for pair in beats.windows(2) {
            let places: [usize; PARTS] =
                std::array::from_fn(|part| pair[0] + ((pair[1] - pair[0]) * part + PARTS / 2) / PARTS);
            for (band, sums) in curves.bands.iter().zip(&mut sums) {
                for (sum, place) in sums.iter_mut().zip(places) {
                    *sum += f64::from(around(band, place));
                }
            }
        }
        let count = beats.len().saturating_sub(1).max(1) as f64;
        Self(sums.map(|sums| sums.map(|sum| sum / count)))
    }

    /// How much stronger a part is than the beat itself, −1 to 1.
    pub(crate) fn contrast(&self, band: Band, part: usize) -> f64 {
        let [beat, other] = [0, part].map(|part| self.0[band as usize][part]);
        (other - beat) / (other + beat + WEAK)
    }
}

/// The largest value within a frame of the place.
pub(crate) fn around(curve: &[f32], frame: usize) -> f32 {
    let to = (frame + 2).min(curve.len());
    curve[frame.saturating_sub(1).min(to)..to].iter().copied().fold(0.0, f32::max)
}
