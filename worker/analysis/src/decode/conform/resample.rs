//! Band-limited interpolation (J. O. Smith, "Digital Audio Resampling", §2): a windowed sinc at any ratio of whole rates.

use std::f64::consts::PI;
use std::sync::OnceLock;

/// Zero crossings of the sinc on each side. With the window below, what lies above the lower rate's half is 80 dB down.
const CROSSINGS: usize = 32;
/// Entries of the table between two crossings; between entries it is interpolated.
const RESOLUTION: usize = 512;
/// Share of the band that is kept, so that the slope of the filter ends at half of the lower rate.
const ROLL_OFF: f64 = 0.95;
/// Shape of the Kaiser window: 80 dB.
const BETA: f64 = 8.0;

/// The right half of the windowed sinc, one entry more than its length.
fn table() -> &'static [f64] {
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let len = CROSSINGS * RESOLUTION;
        (0..=len + 1)
            .map(|index| {
                let x = index as f64 / RESOLUTION as f64;
                let sinc = if index == 0 { 1.0 } else { (PI * x).sin() / (PI * x) };
                let place = (x / CROSSINGS as f64).min(1.0);
                sinc * bessel(BETA * (1.0 - place * place).sqrt()) / bessel(BETA)
            })
            .collect()
    })
}

/// Modified Bessel function of the first kind and order 0, by its series.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..64 {
        term *= (x / (2.0 * f64::from(n))).powi(2);
        sum += term;
    }
    sum
}

/// Converts one channel.
#[derive(Debug)]
pub(super) struct Resampler {
    from: u64,
    to: u64,
    /// Cut-off relative to the input's half rate.
    cutoff: f64,
    /// Input samples on each side that count.
    reach: usize,
    /// The input from `first` on, counted from the start of the stream with `reach` zeros before it.
    waiting: Vec<f32>,
    first: u64,
    /// Input and output samples so far.
    taken: u64,
    made: u64,
}

impl Resampler {
    pub(super) fn new(from: u32, to: u32) -> Self {
        let cutoff = (f64::from(to) / f64::from(from)).min(1.0) * ROLL_OFF;
        let reach = (CROSSINGS as f64 / cutoff).ceil() as usize;
        Self {
            from: from.into(),
            to: to.into(),
            cutoff,
            reach,
            waiting: vec![0.0; reach],
            first: 0,
            taken: 0,
            made: 0,
        }
    }

    /// Takes samples and appends what can be made of all so far.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.waiting.extend_from_slice(samples);
        self.taken += samples.len() as u64;
        self.make(out, u64::MAX);
    }

    /// Appends the rest: as many samples in all as the time is long.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let total = (u128::from(self.taken) * u128::from(self.to) + u128::from(self.from / 2))
            / u128::from(self.from);
        self.waiting.resize(self.waiting.len() + 2 * self.reach + 2, 0.0);
        self.make(out, u64::try_from(total).unwrap_or(u64::MAX));
    }

    fn make(&mut self, out: &mut Vec<f32>, limit: u64) {
        while self.made < limit {
            let place = u128::from(self.made) * u128::from(self.from);
            // The sample left of the place, in the input with the zeros before it, and how far behind it the place is.
            let left = (place / u128::from(self.to)) as u64 + self.reach as u64;
            let behind = (place % u128::from(self.to)) as f64 / self.to as f64;
            let at = (left - self.first) as usize;
            if at + self.reach + 1 >= self.waiting.len() {
                break;
            }
            out.push(self.sample(at, behind));
            self.made += 1;
            let spent = at.saturating_sub(self.reach);
            // Now and then, since it moves all that waits.
            if spent > 4096 {
                self.waiting.drain(..spent);
                self.first += spent as u64;
            }
        }
    }

    fn sample(&self, at: usize, behind: f64) -> f32 {
        let table = table();
        let mut sum = 0.0;
        let from = at.saturating_sub(self.reach - 1);
        for (index, sample) in self.waiting[from..=at + self.reach].iter().enumerate() {
            let distance =
                ((from + index) as f64 - at as f64 - behind).abs() * self.cutoff * RESOLUTION as f64;
            let entry = distance as usize;
            if entry < CROSSINGS * RESOLUTION {
                let weight = table[entry] + (table[entry + 1] - table[entry]) * (distance - entry as f64);
                sum += f64::from(*sample) * weight;
            }
        }
        (sum * self.cutoff) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: f64, frequency: f64, len: usize) -> Vec<f32> {
        (0..len).map(|n| (2.0 * PI * frequency * n as f64 / rate).sin() as f32 * 0.5).collect()
    }

    #[test]
    fn a_sine_stays_a_sine() {
        for (from, to) in [(44_100, 48_000), (22_050, 44_100), (48_000, 44_100), (8000, 48_000)] {
            let mut resampler = Resampler::new(from, to);
            let mut out = Vec::new();
            for chunk in sine(f64::from(from), 997.0, from as usize).chunks(1152) {
                resampler.push(chunk, &mut out);
            }
            resampler.finish(&mut out);
            assert_eq!(out.len(), to as usize);
            let expected = sine(f64::from(to), 997.0, to as usize);
            let worst = out.iter().zip(&expected).skip(1000).take(to as usize - 2000);
            let worst = worst.map(|(it, expected)| (it - expected).abs()).fold(0.0, f32::max);
            assert!(worst < 5e-4, "{from} {to} {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_removed() {
        let mut resampler = Resampler::new(48_000, 16_000);
        let mut out = Vec::new();
        resampler.push(&sine(48_000.0, 11_000.0, 48_000), &mut out);
        let peak = out[200..].iter().fold(0f32, |peak, it| peak.max(it.abs()));
        assert!(peak < 0.001, "{peak}");
    }
}
