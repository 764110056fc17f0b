//! K-weighting: the pre-filter of ITU-R BS.1770-4 Annex 1.

use std::f64::consts::PI;

/// A second-order section: `y = b0 x + b1 x' + b2 x'' − a1 y' − a2 y''`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

/// The two sections of BS.1770-4 tables 1 and 2. The standard gives coefficients for 48 kHz alone; these are the analogue
/// prototypes behind them, which other implementations (libebur128, FFmpeg) use as well: a shelf of +4 dB above 1682 Hz for
/// the head, then a high pass at 38 Hz.
fn sections(rate: f64) -> [Section; 2] {
    let (frequency, gain_db, q) = (1_681.974_450_955_533, 3.999_843_853_973_347, 0.707_175_236_955_419_6);
    let k = f64::tan(PI * frequency / rate);
    let high = 10f64.powf(gain_db / 20.0);
    let band = high.powf(0.499_666_774_154_541_6);
    let norm = 1.0 / (1.0 + k / q + k * k);
    let shelf = Section {
        b: [
            (high + band * k / q + k * k) * norm,
            2.0 * (k * k - high) * norm,
            (high - band * k / q + k * k) * norm,
        ],
        a: [2.0 * (k * k - 1.0) * norm, (1.0 - k / q + k * k) * norm],
    };

    let (frequency, q) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
    let k = f64::tan(PI * frequency / rate);
    let norm = 1.0 / (1.0 + k / q + k * k);
    let high_pass =
        Section { b: [1.0, -2.0, 1.0], a: [2.0 * (k * k - 1.0) * norm, (1.0 - k / q + k * k) * norm] };
    [shelf, high_pass]
}

/// Below this the memory of a filter is silence. Left alone it would decay into denormal numbers, which take a hundred times
/// as long; from here it cannot get there within one call.
const SILENT: f64 = 1e-30;

/// Two channels go through the filter side by side, because one alone waits for its own feedback.
const LANES: usize = 2;
type Pair = [f64; LANES];

/// The filter with the memory of two channels, in transposed direct form II.
#[derive(Debug, Clone)]
pub(crate) struct Weighting {
    sections: [Section; 2],
    state: [[Pair; 2]; 2],
}

impl Weighting {
    /// For samples at `rate` Hz. Below 4 kHz the shelf would lie above the Nyquist frequency, where it has no meaning; there it
    /// is left where it is for 4 kHz.
    pub(crate) fn new(rate: u32) -> Self {
        Self { sections: sections(f64::from(rate).max(4000.0)), state: Default::default() }
    }

    /// Filters the samples of both channels, which are equally many, and returns the sum of the squares of each.
    pub(crate) fn energy(&mut self, first: &[f32], second: &[f32]) -> Pair {
        let [shelf, high_pass] = self.sections;
        let [mut head, mut low] = self.state;
        let mut energy = [0.0; LANES];
        for (first, second) in first.iter().zip(second) {
            let weighted =
                step(&high_pass, &mut low, step(&shelf, &mut head, [f64::from(*first), f64::from(*second)]));
            for (sum, sample) in energy.iter_mut().zip(weighted) {
                *sum += sample * sample;
            }
        }
        self.state = [head, low];
        for value in self.state.iter_mut().flatten().flatten() {
            if value.abs() < SILENT {
                *value = 0.0;
            }
        }
        energy
    }
}

#[inline(always)]
fn step(section: &Section, state: &mut [Pair; 2], input: Pair) -> Pair {
    let mut output = [0.0; LANES];
    for lane in 0..LANES {
        let (x, y) = (input[lane], section.b[0] * input[lane] + state[0][lane]);
        state[0][lane] = section.b[1] * x - section.a[0] * y + state[1][lane];
        state[1][lane] = section.b[2] * x - section.a[1] * y;
        output[lane] = y;
    }
    output
}

#[cfg(test)]
pub(crate) mod twin {
    //! The same filter, written down as its difference equation.

    use super::sections;

    pub(crate) fn weighted(rate: u32, samples: &[f32]) -> Vec<f64> {
        let mut signal: Vec<f64> = samples.iter().map(|it| f64::from(*it)).collect();
        for section in sections(f64::from(rate)) {
            let at = |signal: &[f64], index: usize, back: usize| {
                index.checked_sub(back).map_or(0.0, |it| signal[it])
            };
            let mut output = vec![0.0; signal.len()];
            for n in 0..signal.len() {
                let forward: f64 = (0..3).map(|k| section.b[k] * at(&signal, n, k)).sum();
                let back: f64 = (1..3).map(|k| section.a[k - 1] * at(&output, n, k)).sum();
                output[n] = forward - back;
            }
            signal = output;
        }
        signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{noise, sine};

    #[test]
    fn the_coefficients_are_those_of_the_standard() {
        let [shelf, high_pass] = sections(48_000.0);
        let close =
            |value: f64, expected: f64| assert!((value - expected).abs() < 1e-8, "{value} {expected}");
        // BS.1770-4 table 1.
        close(shelf.b[0], 1.535_124_859_586_97);
        close(shelf.b[1], -2.691_696_189_406_38);
        close(shelf.b[2], 1.198_392_810_852_85);
        close(shelf.a[0], -1.690_659_293_182_41);
        close(shelf.a[1], 0.732_480_774_215_85);
        // Table 2.
        close(high_pass.a[0], -1.990_047_454_833_98);
        close(high_pass.a[1], 0.990_072_250_366_21);
    }

    #[test]
    fn equals_the_difference_equation_in_pieces_of_any_size() {
        let (first, second) = (noise(5000, 1), noise(5000, 2));
        let expected = [&first, &second]
            .map(|samples| twin::weighted(44_100, samples).iter().map(|it| it * it).sum::<f64>());
        let mut weighting = Weighting::new(44_100);
        let mut sum = [0.0; 2];
        for (first, second) in first.chunks(777).zip(second.chunks(777)) {
            let energy = weighting.energy(first, second);
            sum = [sum[0] + energy[0], sum[1] + energy[1]];
        }
        for (sum, expected) in sum.iter().zip(expected) {
            assert!((sum / expected - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn silence_after_sound_becomes_exact_silence() {
        let mut weighting = Weighting::new(48_000);
        let tone = sine(48_000, 997.0, 0.5, 1.0);
        let quiet = vec![0.0; 4800];
        weighting.energy(&tone, &tone);
        for _ in 0..100 {
            weighting.energy(&quiet, &quiet);
        }
        assert_eq!(weighting.state, <[[Pair; 2]; 2]>::default());
    }
}
