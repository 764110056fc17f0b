//! The test signals of EBU Tech 3341 and 3342, a slow twin, and the reference implementation.

use super::*;
use crate::signals::{amplitude, noise, sine};
use crate::stage::testing::run;
use proptest::prelude::*;

const RATE: u32 = 48_000;

fn measured(rate: u32, weights: &[f64], signal: &[Vec<f32>], sizes: &[usize]) -> Loudness {
    let mut meter = Meter::new(&Format { rate, weights: weights.to_vec(), bit_depth: None });
    run(&mut meter, signal, sizes).loudness.unwrap()
}

/// A stereo sine of 1 kHz whose level changes: pairs of dBFS and seconds.
fn levels(parts: &[(f64, f64)]) -> Vec<Vec<f32>> {
    let plane: Vec<f32> =
        parts.iter().flat_map(|(level, seconds)| sine(RATE, 1000.0, amplitude(*level), *seconds)).collect();
    vec![plane.clone(), plane]
}

fn stereo(parts: &[(f64, f64)]) -> Loudness {
    measured(RATE, &[1.0, 1.0], &levels(parts), &[4096])
}

#[track_caller]
fn near(value: Option<f64>, expected: f64, tolerance: f64) {
    let value = value.unwrap();
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} ± {tolerance}");
}

#[test]
fn integrated_loudness_of_tech_3341() {
    let cases: [(&[(f64, f64)], f64); 5] = [
        (&[(-23.0, 20.0)], -23.0),
        (&[(-33.0, 20.0)], -33.0),
        (&[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
        (&[(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0),
        (&[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
    ];
    for (parts, expected) in cases {
        near(stereo(parts).integrated_lufs, expected, 0.1);
    }
}

#[test]
fn surround_channels_weigh_more_and_the_bass_channel_nothing() {
    let level = |db| sine(RATE, 1000.0, amplitude(db), 20.0);
    let signal = vec![level(-28.0), level(-28.0), level(-24.0), level(0.0), level(-30.0), level(-30.0)];
    let weights = [1.0, 1.0, 1.0, 0.0, 1.41, 1.41];
    near(measured(RATE, &weights, &signal, &[4096]).integrated_lufs, -23.0, 0.1);
}

#[test]
fn a_mono_sine_of_997_hz_at_full_scale_is_3_01_lufs_below_0() {
    let loudness = measured(RATE, &[1.0], &[sine(RATE, 997.0, 1.0, 10.0)], &[4096]);
    near(loudness.integrated_lufs, -3.01, 0.01);
    near(loudness.momentary_max_lufs, -3.01, 0.01);
    near(loudness.short_term_max_lufs, -3.01, 0.01);
    near(loudness.replaygain_gain_db, -18.0 + 3.01, 0.01);
    near(loudness.sample_peak_dbfs, 0.0, 0.01);
}

#[test]
fn range_of_tech_3342() {
    let cases: [(&[(f64, f64)], f64); 4] = [
        (&[(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        (&[(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        (&[(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        (&[(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ];
    for (parts, expected) in cases {
        near(stereo(parts).range_lu, expected, 1.0);
    }
}

#[test]
fn the_loudest_moments_of_tech_3341() {
    // Test signals 9 and 12: the mean over each window is the same, however the parts fall.
    let short_term: Vec<_> = [(-20.0, 1.34), (-30.0, 1.66)].repeat(5);
    near(stereo(&short_term).short_term_max_lufs, -23.0, 0.1);
    let momentary: Vec<_> = [(-20.0, 0.18), (-30.0, 0.22)].repeat(25);
    near(stereo(&momentary).momentary_max_lufs, -23.0, 0.1);
}

#[test]
fn the_loudest_moments_wherever_they_begin() {
    // Test signals 10 and 13 of Tech 3341: one block of sound behind silence of growing length.
    let after = |silence: f64, sound: f64| stereo(&[(-200.0, silence), (-23.0, sound), (-200.0, 1.0)]);
    for n in 0..20 {
        near(after(0.15 * f64::from(n), 3.0).short_term_max_lufs, -23.0, 0.1);
        near(after(0.02 * f64::from(n), 0.4).momentary_max_lufs, -23.0, 0.1);
    }
}

#[test]
fn silence_and_short_sounds_have_no_loudness() {
    let silent = measured(RATE, &[1.0], &[vec![0.0; 96_000]], &[4096]);
    assert_eq!(silent, Loudness { replaygain_peak: Some(0.0), ..Loudness::default() });
    let short = measured(RATE, &[1.0], &[sine(RATE, 1000.0, 0.5, 0.3)], &[4096]);
    assert_eq!((short.integrated_lufs, short.momentary_max_lufs), (None, None));
    near(short.sample_peak_dbfs, -6.02, 0.01);
    let seconds = measured(RATE, &[1.0], &[sine(RATE, 1000.0, 0.5, 2.0)], &[4096]);
    assert!(seconds.integrated_lufs.is_some() && seconds.short_term_max_lufs.is_none());
}

/// The definition of integrated loudness, with the whole signal and every block in memory.
fn twin(rate: u32, signal: &[Vec<f32>]) -> f64 {
    let step = (rate as usize).div_ceil(10);
    let weighted: Vec<Vec<f64>> = signal.iter().map(|it| weighting::twin::weighted(rate, it)).collect();
    let block = |start: usize| -> f64 {
        let power = |plane: &Vec<f64>| plane[start..start + 4 * step].iter().map(|it| it * it).sum::<f64>();
        weighted.iter().map(power).sum::<f64>() / (4 * step) as f64
    };
    let blocks: Vec<f64> =
        (0..).map(|it| it * step).take_while(|it| it + 4 * step <= signal[0].len()).map(block).collect();
    let gated = |gate: f64| {
        let kept: Vec<f64> = blocks.iter().copied().filter(|it| lufs(*it) >= gate).collect();
        kept.iter().sum::<f64>() / kept.len() as f64
    };
    lufs(gated((lufs(gated(-70.0)) - 10.0).max(-70.0)))
}

/// Noise whose level wanders, so that the gates have something to do.
fn music(rate: u32, seconds: f64, seed: u64) -> Vec<f32> {
    let frames = (seconds * f64::from(rate)) as usize;
    let level = |n: usize| (0.5 + 0.5 * (n as f64 / f64::from(rate) * 1.7 + seed as f64).sin()).powi(4);
    noise(frames, seed).iter().enumerate().map(|(n, it)| it * level(n) as f32 * 0.5).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn equals_the_definition_in_blocks_of_any_size(
        seed in 0u64..100, rate in 0usize..4, sizes in proptest::collection::vec(1usize..9000, 1..4),
    ) {
        let rate = [8000, 22_050, 44_100, 48_000][rate];
        let signal = vec![music(rate, 5.0, seed), music(rate, 5.0, seed + 1000)];
        let loudness = measured(rate, &[1.0, 1.0], &signal, &sizes);
        prop_assert!((loudness.integrated_lufs.unwrap() - twin(rate, &signal)).abs() < 0.01);
    }

    #[test]
    fn agrees_with_the_reference_implementation(seed in 0u64..100, rate in 0usize..4, channels in 1usize..3) {
        let rate = [22_050, 44_100, 48_000, 96_000][rate];
        let signal: Vec<Vec<f32>> = (0..channels).map(|it| music(rate, 20.0, seed + 1000 * it as u64)).collect();
        let ours = measured(rate, &vec![1.0; channels], &signal, &[4096]);
        let theirs = reference(rate, &signal);
        let peak = (0..channels as u32).map(|it| theirs.true_peak(it).unwrap()).fold(0.0, f64::max);
        prop_assert!((ours.integrated_lufs.unwrap() - theirs.loudness_global().unwrap()).abs() < 0.02);
        prop_assert!((ours.replaygain_peak.unwrap() - peak).abs() < 1e-5);
    }
}

fn reference(rate: u32, signal: &[Vec<f32>]) -> ebur128::EbuR128 {
    // Without its histogram, whose bins are 0.1 LU wide.
    let modes = ebur128::Mode::I | ebur128::Mode::LRA | ebur128::Mode::TRUE_PEAK;
    let mut meter = ebur128::EbuR128::new(signal.len() as u32, rate, modes).unwrap();
    let planes: Vec<&[f32]> = signal.iter().map(Vec::as_slice).collect();
    meter.add_frames_planar_f32(&planes).unwrap();
    meter
}

#[test]
fn range_agrees_with_the_reference_implementation() {
    // A level that falls slowly, because the reference looks once a second and this ten times.
    let parts: Vec<_> = (0..40).map(|it| (-15.0 - 0.5 * f64::from(it), 2.0)).collect();
    let signal = levels(&parts);
    let theirs = reference(RATE, &signal).loudness_range().unwrap();
    near(measured(RATE, &[1.0, 1.0], &signal, &[4096]).range_lu, theirs, 0.2);
}
