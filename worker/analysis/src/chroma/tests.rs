//! The whole road from samples to pitch classes.

use super::*;
use crate::signals;
use proptest::prelude::*;

const RATE: f64 = 11_025.0;

fn harmony(signal: &[f32], pieces: &[usize]) -> Harmony {
    let mut chroma = Chroma::new(RATE);
    let mut rest = signal;
    let mut pieces = pieces.iter().cycle();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
        chroma.push(now);
        rest = later;
    }
    chroma.finish()
}

fn hz(pitch: f64) -> f64 {
    440.0 * ((pitch - 69.0) / 12.0).exp2()
}

/// The slow twin: one histogram at the pitch classes themselves, once the tuning is known.
fn slowly(signal: &[f32], tuning: f64) -> [f64; CLASSES] {
    let mut spectrum = Spectrum::new(4096);
    let mut classes = [0.0; CLASSES];
    for start in (0..=signal.len() - 4096).step_by(2048) {
        let mut peaks = Vec::new();
        peaks::pick(spectrum.powers(&signal[start..start + 4096]), RATE / 4096.0, &mut peaks);
        let total: f64 = peaks.iter().map(|it| f64::from(it.weight())).sum();
        for peak in &peaks {
            for (class, sum) in classes.iter_mut().enumerate() {
                let distance = (f64::from(peak.pitch) - tuning - class as f64 + 6.0).rem_euclid(12.0) - 6.0;
                if distance.abs() < 2.0 / 3.0 {
                    let weight = (std::f64::consts::PI * distance * 0.75).cos().powi(2);
                    *sum += f64::from(peak.weight()) * weight / total;
                }
            }
        }
    }
    classes
}

#[test]
fn it_agrees_with_a_histogram_that_knows_the_tuning() {
    let mut signal = signals::noise(40_000, 5).iter().map(|it| it * 0.01).collect::<Vec<f32>>();
    for pitch in [48.1, 60.1, 64.1, 67.1, 76.1] {
        for (sample, tone) in signal.iter_mut().zip(signals::sine(11_025, hz(pitch), 0.1, 4.0)) {
            *sample += tone;
        }
    }
    let harmony = harmony(&signal, &[1000]);
    let mut sums = [0.0; CLASSES];
    for slice in &harmony.slices {
        for (sum, class) in sums.iter_mut().zip(slice.plain) {
            *sum += class;
        }
    }
    let frames = ((signal.len() - 4096) / 2048 + 1) as f64;
    for (fast, slow) in sums.iter().zip(slowly(&signal, harmony.tuning)) {
        // The steps of 10 cents are all the difference.
        assert!((fast - slow).abs() < 0.02 * frames, "{sums:?}");
    }
}

#[test]
fn the_tuning_is_found() {
    for cents in [-40.0, -13.0, 0.0, 20.0, 37.0] {
        let signal: Vec<f32> = [57.0, 60.0, 64.0, 66.0, 69.0]
            .iter()
            .flat_map(|pitch| signals::sine(11_025, hz(pitch + cents / 100.0), 0.3, 1.0))
            .collect();
        let harmony = harmony(&signal, &[4096]);
        assert!((harmony.tuning * 100.0 - cents).abs() < 2.0, "{cents}: {}", harmony.tuning * 100.0);
        assert!(harmony.accord > 0.8);
    }
}

#[test]
fn noise_agrees_on_no_tuning() {
    assert!(harmony(&signals::noise(55_125, 2), &[4096]).accord < 0.2);
}

#[test]
fn short_and_silent_signals() {
    assert!(harmony(&[], &[1]).slices.is_empty());
    assert!((harmony(&[0.0; 30_000], &[700]).sounding_seconds).abs() < 1e-12);
    let short = harmony(&signals::sine(11_025, 440.0, 0.5, 0.1), &[700]);
    assert!(short.slices[0].plain[9] > 0.5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pieces_of_any_length_are_the_same(pieces in prop::collection::vec(1usize..9000, 1..6), length in 1usize..30_000) {
        let signal = signals::noise(length, 7);
        prop_assert_eq!(harmony(&signal, &pieces), harmony(&signal, &[length]));
    }

    #[test]
    fn nothing_is_ever_not_a_number(rate in 1.0f64..50_000.0, level in -200.0f64..200.0, frames in 0usize..40_000) {
        let mut chroma = Chroma::new(rate);
        let gain = signals::amplitude(level) as f32;
        chroma.push(&signals::noise(frames, 1).iter().map(|it| it * gain).collect::<Vec<f32>>());
        let harmony = chroma.finish();
        let values = harmony.slices.iter().flat_map(|it| it.plain.into_iter().chain(it.clean));
        prop_assert!(values.chain([harmony.tuning, harmony.accord]).all(f64::is_finite));
    }
}
