use std::f64::consts::PI;

/// Odd taps on each side of the centre; the even ones are zero, which is what makes a half-band filter cheap. 31 taps with the
/// window below pass all up to 0.19 of the input rate within 0.01 dB and keep what folds down below it 60 dB down: 4.2 kHz
/// when 22.05 kHz is halved, where rhythm and harmony have nearly all they have.
pub(super) const PAIRS: usize = 8;
/// Kaiser's window parameter for 60 dB (Kaiser & Schafer 1980).
const BETA: f64 = 5.65;

/// Halves the rate once, and keeps what it removes.
#[derive(Debug)]
pub(super) struct HalfBand {
    taps: [f32; PAIRS],
    /// Input samples of even and odd number that are still needed. `odd` starts `PAIRS` samples before `even` does.
    even: Vec<f32>,
    odd: Vec<f32>,
    /// Samples taken, samples given.
    taken: u64,
    given: u64,
    kept: Vec<f32>,
    removed: Vec<f32>,
}

impl HalfBand {
    pub(super) fn new() -> Self {
        Self {
            taps: taps(),
            even: Vec::new(),
            odd: vec![0.0; PAIRS],
            taken: 0,
            given: 0,
            kept: Vec::new(),
            removed: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        self.take(samples);
        self.give();
    }

    /// The last samples, and then the silence that the filter looks ahead into.
    pub(super) fn finish(&mut self, samples: &[f32]) {
        self.take(samples);
        let frames = self.taken.div_ceil(2);
        self.take(&[0.0; 2 * PAIRS + 1]);
        self.give();
        let surplus = self.given.saturating_sub(frames) as usize;
        let length = self.kept.len().saturating_sub(surplus);
        self.kept.truncate(length);
        self.removed.truncate(length);
    }

    /// Samples of the lower half of the spectrum that the last call yielded.
    pub(super) fn kept(&self) -> &[f32] {
        &self.kept
    }

    /// Samples of the upper half, folded down, one for each of [`Self::kept`].
    pub(super) fn removed(&self) -> &[f32] {
        &self.removed
    }

    fn take(&mut self, samples: &[f32]) {
        let (first, rest) = samples.split_at(samples.len().min((self.taken % 2) as usize));
        self.odd.extend_from_slice(first);
        let (pairs, last) = rest.as_chunks::<2>();
        self.even.extend(pairs.iter().map(|pair| pair[0]));
        self.odd.extend(pairs.iter().map(|pair| pair[1]));
        self.even.extend_from_slice(last);
        self.taken += samples.len() as u64;
    }

    fn give(&mut self) {
        let ready = self.even.len().min((self.odd.len() + 1).saturating_sub(2 * PAIRS));
        self.kept.clear();
        self.removed.clear();
        if ready == 0 {
            return;
        }
        self.kept.resize(ready, 0.0);
        for (pair, tap) in self.taps.iter().enumerate() {
            let before = &self.odd[PAIRS - 1 - pair..][..ready];
            let after = &self.odd[PAIRS + pair..][..ready];
            for ((sum, a), b) in self.kept.iter_mut().zip(before).zip(after) {
                *sum += tap * (a + b);
            }
        }
        let halves = self.even[..ready].iter().map(|it| 0.5 * it);
        self.removed.extend(halves.zip(&self.kept).map(|(half, sum)| half - sum));
        for (sum, sample) in self.kept.iter_mut().zip(&self.even) {
            *sum += 0.5 * sample;
        }
        self.even.drain(..ready);
        self.odd.drain(..ready);
        self.given += ready as u64;
    }
}

/// A sinc of half the band under Kaiser's window, scaled so that a constant passes unchanged.
fn taps() -> [f32; PAIRS] {
    let reach = (2 * PAIRS) as f64;
    let raw: [f64; PAIRS] = std::array::from_fn(|pair| {
        let distance = (2 * pair + 1) as f64;
        let window = bessel(BETA * (1.0 - (distance / reach).powi(2)).sqrt()) / bessel(BETA);
        (0.5 * PI * distance).sin() / (PI * distance) * window
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|tap| (tap * 0.25 / sum) as f32)
}

/// Modified Bessel function of the first kind, order 0, by its power series.
pub(crate) fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..30 {
        term *= (0.5 * x / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}
