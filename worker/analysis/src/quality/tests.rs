//! Signals with a history that is known.

use super::*;
use crate::signals::{noise, sine};
use crate::stage::testing::run;
use proptest::prelude::*;
use std::f64::consts::PI;

fn measured(rate: u32, bit_depth: Option<u16>, signal: &[Vec<f32>], sizes: &[usize]) -> Quality {
    let format = Format { rate, weights: vec![1.0; signal.len()], bit_depth };
    run(&mut Evidence::new(&format), signal, sizes).quality.unwrap()
}

/// Noise without what lies above `hz`: a sinc under Blackman's window, 500 Hz from band to band.
fn cut(rate: u32, frames: usize, hz: f64) -> Vec<f32> {
    let reach = (2.75 * f64::from(rate) / 500.0).ceil() as i64;
    let taps: Vec<f64> = (-reach..=reach)
        .map(|n| {
            let (share, turn) = (n as f64 / reach as f64, 2.0 * PI * hz / f64::from(rate) * n as f64);
            let window = 0.42 + 0.5 * (PI * share).cos() + 0.08 * (2.0 * PI * share).cos();
            let sinc = if n == 0 { 1.0 } else { turn.sin() / turn };
            2.0 * hz / f64::from(rate) * sinc * window
        })
        .collect();
    let noise = noise(frames + taps.len(), 7);
    (0..frames)
        .map(|at| {
            taps.iter().zip(&noise[at..]).map(|(tap, it)| tap * f64::from(*it) * 0.3).sum::<f64>() as f32
        })
        .collect()
}

#[test]
fn a_cut_is_found_where_it_is() {
    for (rate, hz) in [(44_100, 16_000.0), (44_100, 20_000.0), (48_000, 4000.0), (96_000, 30_000.0)] {
        let quality = measured(rate, None, &[cut(rate, 40_960, hz)], &[4096]);
        let found = quality.cutoff_hz.unwrap();
        assert!((found - hz).abs() < 300.0, "{rate} Hz: {found}, not {hz}");
        assert!(quality.cutoff_drop_db.unwrap() > 40.0 && quality.cutoff_residual_db.unwrap() < -40.0);
    }
}

#[test]
fn full_spectra_and_gentle_slopes_have_no_cut() {
    let white = noise(40_960, 3);
    // 12 dB per octave, twice as much as most music has.
    let mut state = [0f32; 2];
    let dull: Vec<f32> = white
        .iter()
        .map(|it| {
            state[0] += 0.1 * (it - state[0]);
            state[1] += 0.1 * (state[0] - state[1]);
            state[1]
        })
        .collect();
    for signal in
        [white, dull, sine(44_100, 1000.0, 0.5, 1.0), sine(44_100, 9000.0, 0.5, 1.0), vec![0.0; 40_960]]
    {
        let quality = measured(44_100, None, &[signal], &[4096]);
        assert_eq!((quality.cutoff_hz, quality.cutoff_drop_db, quality.source_rate_hz), (None, None, None));
    }
}

#[test]
fn an_old_rate_shows() {
    for (rate, hz, old) in [
        (44_100, 10_700.0, Some(22_050)),
        (96_000, 21_300.0, Some(44_100)),
        (48_000, 7700.0, Some(16_000)),
        // Encoders cut there, resamplers don't.
        (44_100, 19_000.0, None),
        (44_100, 17_000.0, None),
    ] {
        let quality = measured(rate, Some(16), &[cut(rate, 40_960, hz)], &[4096]);
        assert_eq!(quality.source_rate_hz, old, "{hz} in {rate} Hz");
    }
}

#[test]
fn bits_that_are_never_set_are_told() {
    let rounded = |bits: i32| -> Vec<Vec<f32>> {
        let steps = f32::exp2((bits - 1) as f32);
        vec![noise(9000, 5).iter().map(|it| (it * 0.9 * steps).round() / steps).collect()]
    };
    for (stored, bits) in [(16, 8), (16, 16), (24, 16), (24, 20), (24, 24), (32, 24), (32, 16), (8, 8)] {
        assert_eq!(measured(44_100, Some(stored), &rounded(bits), &[4096]).effective_bits, Some(bits as u16));
    }
    assert_eq!(measured(44_100, None, &rounded(8), &[4096]).effective_bits, None);
    assert_eq!(measured(44_100, Some(16), &[vec![0.0; 9000]], &[4096]).effective_bits, None);
}

#[test]
fn what_channels_have_in_common() {
    let (one, other) = (noise(50_000, 1), noise(50_000, 2));
    let inverse: Vec<f32> = one.iter().map(|it| -it).collect();
    let stereo = |right: Vec<f32>| measured(44_100, None, &[one.clone(), right], &[4096]);
    let same = stereo(one.clone());
    assert_eq!((same.correlation, same.side_level_db), (Some(1.0), Some(-120.0)));
    let opposite = stereo(inverse);
    assert_eq!((opposite.correlation, opposite.side_level_db), (Some(-1.0), Some(120.0)));
    let quieter = stereo(one.iter().map(|it| 0.5 * it).collect());
    assert!(quieter.correlation.unwrap() > 0.999_999);
    assert!((quieter.side_level_db.unwrap() - 20.0 * (0.25f64 / 0.75).log10()).abs() < 0.001);
    let apart = stereo(other);
    assert!(apart.correlation.unwrap().abs() < 0.02 && apart.side_level_db.unwrap().abs() < 0.2);
    let half = stereo(vec![0.25; 50_000]);
    assert_eq!(half.correlation, None);
    let silent = measured(44_100, None, &[vec![0.0; 5000], vec![0.0; 5000]], &[4096]);
    assert_eq!((silent.correlation, silent.side_level_db), (None, None));
    let mono = measured(44_100, None, &[one], &[4096]);
    assert_eq!((mono.correlation, mono.side_level_db), (None, None));
}

proptest! {
    #[test]
    fn correlation_is_pearsons(seed in 0u64..100, mix in -1.0f32..1.0, offset in -0.3f32..0.3, size in 1usize..900) {
        let (left, other) = (noise(2000, seed), noise(2000, seed + 1000));
        let right: Vec<f32> = left.iter().zip(&other).map(|(l, o)| mix * l + 0.3 * o + offset).collect();
        let mean = |it: &[f32]| it.iter().map(|it| f64::from(*it)).sum::<f64>() / it.len() as f64;
        let (l, r) = (mean(&left), mean(&right));
        let [mut ll, mut rr, mut lr] = [0.0; 3];
        for (a, b) in left.iter().zip(&right) {
            let (a, b) = (f64::from(*a) - l, f64::from(*b) - r);
            (ll, rr, lr) = (ll + a * a, rr + b * b, lr + a * b);
        }
        let quality = measured(44_100, None, &[left, right], &[size]);
        prop_assert!((quality.correlation.unwrap() - lr / (ll * rr).sqrt()).abs() < 1e-4);
    }

    #[test]
    fn every_hole_is_found_to_the_frame(
        start in 60usize..6000, length in 1usize..1000, size in 1usize..5000, seed in 0u64..100,
    ) {
        let mut plane = noise(8000, seed);
        plane[start..start + length].fill(0.0);
        let quality = measured(8000, None, &[plane.clone(), plane], &[size]);
        let found = if length >= 40 { vec![start as f64 / 8000.0] } else { Vec::new() };
        prop_assert_eq!(quality.dropouts, found.len() as u64);
        prop_assert_eq!(quality.dropout_positions_seconds, found);
        let seconds = if length >= 40 { length as f64 / 8000.0 } else { 0.0 };
        prop_assert!((quality.dropout_seconds - seconds).abs() < 1e-9);
    }
}

#[test]
fn pauses_are_no_dropouts() {
    let rate = 44_100;
    let pause = vec![0.0; 9000];
    let note = sine(rate, 220.0, 0.5, 0.5);
    let level = |at: usize| (-(at as f32) / 2000.0).exp();
    let faded: Vec<f32> = note.iter().enumerate().map(|(at, it)| it * level(at)).collect();
    // The note decays before the pause, and the next begins at once.
    let music = [faded, pause.clone(), note.clone()].concat();
    assert_eq!(measured(rate, None, &[music], &[4096]).dropouts, 0);
    // One channel rests, the other does not.
    let resting = [note.clone(), pause, note.clone()].concat();
    let playing = sine(rate, 330.0, 0.5, resting.len() as f64 / f64::from(rate));
    assert_eq!(measured(rate, None, &[resting, playing], &[4096]).dropouts, 0);
    // Silence before, behind, and for long.
    let long = [vec![0.0; 4000], note.clone(), vec![0.0; 100_000], note, vec![0.0; 4000]].concat();
    assert_eq!(measured(rate, None, &[long], &[4096]).dropouts, 0);
}
