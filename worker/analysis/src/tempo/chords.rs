use crate::onset::{Curves, Novelty, PITCHES};

/// Change of the sounding pitches at which nothing changes: keeps the ratios of two small changes near one.
const STILL: f64 = 0.02;

/// What sounds from beat to beat. Chords change with beats and bars, most often every second to fourth beat, and where there
/// are no drums little else tells a beat from its half.
#[derive(Debug)]
pub(crate) struct Chords {
    chords: Vec<[f64; PITCHES]>,
}

impl Chords {
    /// From each beat to the next, in frames of the curves.
    pub(crate) fn new(novelty: &Novelty, curves: &Curves, beats: &[usize]) -> Self {
        let chord = |pair: &[usize]| centred(novelty.chord(curves.from + pair[0], curves.from + pair[1]));
        Self { chords: beats.windows(2).map(chord).collect() }
    }

    /// Change of the pitches from each beat to the one `lag` later: one minus their correlation, 0 to 2.
    pub(crate) fn changes(&self, lag: usize) -> Vec<f64> {
        let later = self.chords.iter().skip(lag);
        self.chords
            .iter()
            .zip(later)
            .map(|(a, b)| 1.0 - a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>())
            .collect()
    }

    /// Natural logarithms: the change over one beat against that over four, over two against eight, and that over one.
    pub(crate) fn features(&self) -> [f64; 3] {
        let [one, two, four, eight] = [1, 2, 4, 8].map(|lag| mean(&self.changes(lag)) + STILL);
        [(one / four).ln(), (two / eight).ln(), one.ln()]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Without their mean, scaled to unit length.
fn centred(chord: [f32; PITCHES]) -> [f64; PITCHES] {
    let chord = chord.map(f64::from);
    let middle = mean(&chord);
    let length = chord.iter().map(|it| (it - middle).powi(2)).sum::<f64>().sqrt().max(1e-6);
    chord.map(|it| (it - middle) / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chords that last `length` beats each, of a novelty with `frames` to the beat.
    fn features(length: usize, frames: usize) -> [f64; 3] {
        let mut novelty = Novelty::new(86.0);
        for frame in 0..frames * 64 {
            let mut pitches = [0.1; PITCHES];
            let root = frame / frames / length % 5 * 5;
            [0, 4, 7].iter().for_each(|step| pitches[(root + step) % PITCHES] = 2.0);
            novelty.push([0.0; crate::onset::BANDS], pitches);
        }
        let curves = Curves::new(&novelty, 0, novelty.len());
        let beats: Vec<usize> = (0..64).map(|beat| beat * frames).collect();
        Chords::new(&novelty, &curves, &beats).features()
    }

    #[test]
    fn the_longer_a_chord_lasts_the_smaller_is_the_change_from_beat_to_beat() {
        let [one, two, four] = [1, 2, 4].map(|length| features(length, 48));
        assert!(one[0].abs() < 0.6, "each beat has its chord: {one:?}");
        assert!(two[0] < one[0] - 0.3 && four[0] < two[0] - 0.3, "{two:?} {four:?}");
        assert!(four[2] < two[2] && two[2] < one[2]);
        // A quarter of the beats changes the chord.
        assert!((four[0] - 0.25f64.ln()).abs() < 0.3, "{four:?}");
    }

    #[test]
    fn one_chord_changes_nothing() {
        let [ratio, _, change] = features(64, 48);
        assert!(ratio.abs() < 1e-6 && (change - STILL.ln()).abs() < 1e-3);
    }
}
