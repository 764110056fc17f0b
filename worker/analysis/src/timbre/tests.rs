//! Whole signals with known timbre.

use super::*;
use crate::signals;
use proptest::prelude::*;

fn measured(rate: u32, signal: &[f32]) -> Option<Spectral> {
    let mut timbre = Timbre::new(f64::from(rate), false);
    signal.chunks(1000).for_each(|piece| timbre.push(piece));
    timbre.measure().0
}

#[test]
fn a_sine_is_where_it_is() {
    for rate in [22_050, 24_000, 32_000, 44_099] {
        let found = measured(rate, &signals::sine(rate, 2000.0, 0.5, 3.0)).unwrap();
        assert!((found.centroid_hz.mean - 2000.0).abs() < 15.0, "{rate}: {found:?}");
        assert!(found.bandwidth_hz.mean < 250.0 && (found.rolloff_hz.mean - 2000.0).abs() < 25.0, "{rate}");
        assert!(found.flatness.mean < 1e-3 && found.flux.mean < 1e-3, "{rate}");
        assert!((found.zero_crossings_per_second.mean - 4000.0).abs() < 30.0, "{rate}");
        assert!(
            found.centroid_hz.deviation < 1.0 && found.mfcc_variance.iter().all(|it| *it < 1.0),
            "{rate}"
        );
        assert_eq!((found.mfcc_mean.len(), found.contrast_db.len()), (13, 7));
    }
}

#[test]
fn white_noise_is_flat() {
    let found = measured(22_050, &signals::noise(200_000, 9)).unwrap();
    // All magnitudes alike: the centroid is the middle, the bandwidth the deviation of an even distribution.
    assert!((found.centroid_hz.mean - 5512.0).abs() < 60.0, "{found:?}");
    assert!((found.bandwidth_hz.mean - 11_025.0 / 12f64.sqrt()).abs() < 60.0);
    assert!((found.rolloff_hz.mean - 0.85 * 11_025.0).abs() < 100.0);
    // The powers are exponentially distributed, whose geometric mean is e^-γ of the arithmetic one.
    assert!((found.flatness.mean - (-0.5772f64).exp()).abs() < 0.03);
    assert!((found.zero_crossings_per_second.mean - 11_025.0).abs() < 150.0);
}

/// The slow twin of the shape: each sum by its formula.
#[test]
fn the_shape_agrees_with_the_definitions() {
    let powers: Vec<f32> = signals::noise(1025, 4).iter().map(|it| it * it).collect();
    let earlier: Vec<f32> = signals::noise(1025, 5).iter().map(|it| it * it).collect();
    let mut shape = Shape::new(10.0);
    assert_eq!(shape.of(&earlier).flux, None);
    let found = shape.of(&powers);
    let magnitudes: Vec<f64> = powers.iter().map(|it| f64::from(*it).sqrt()).collect();
    let before: Vec<f64> = earlier.iter().map(|it| f64::from(*it).sqrt()).collect();
    let sum: f64 = magnitudes.iter().sum();
    let hz = |bin: usize| 10.0 * bin as f64;
    let centroid = magnitudes.iter().enumerate().map(|(bin, it)| hz(bin) * it).sum::<f64>() / sum;
    let bandwidth =
        magnitudes.iter().enumerate().map(|(bin, it)| (hz(bin) - centroid).powi(2) * it).sum::<f64>() / sum;
    let rolloff = (0..1025).find(|bin| magnitudes[..=*bin].iter().sum::<f64>() >= 0.85 * sum).unwrap();
    let logs: f64 = powers.iter().map(|it| f64::from(it.max(1e-10)).ln()).sum::<f64>() / 1025.0;
    let flatness = logs.exp() / (powers.iter().map(|it| f64::from(it.max(1e-10))).sum::<f64>() / 1025.0);
    let length = |values: &[f64]| values.iter().map(|it| it * it).sum::<f64>().sqrt();
    let (now, then) = (length(&magnitudes), length(&before));
    let flux: f64 = magnitudes.iter().zip(&before).map(|(a, b)| (a / now - b / then).powi(2)).sum();
    assert!((found.centroid - centroid).abs() < 1e-2);
    assert!((found.bandwidth - bandwidth.sqrt()).abs() < 1e-2);
    assert!((found.rolloff - hz(rolloff)).abs() < 1e-9);
    assert!((found.flatness - flatness).abs() < 1e-6);
    assert!((found.flux.unwrap() - flux).abs() < 1e-5);
}

#[test]
fn a_step_of_the_sound_is_flux() {
    let steady = measured(22_050, &signals::sine(22_050, 440.0, 0.5, 4.0)).unwrap();
    let steps: Vec<f32> =
        (0..16).flat_map(|n| signals::sine(22_050, 300.0 * f64::from(n % 4 + 1), 0.5, 0.25)).collect();
    assert!(measured(22_050, &steps).unwrap().flux.mean > steady.flux.mean + 0.1);
}

#[test]
fn silence_has_no_timbre() {
    assert_eq!(measured(22_050, &[]), None);
    assert_eq!(measured(22_050, &[0.0; 50_000]), None);
    // What sounds is measured as if the silence about it were not there.
    let tone = signals::sine(22_050, 1000.0, 0.5, 2.0);
    let padded = [vec![0.0; 2048 * 20], tone.clone(), vec![0.0; 2048 * 20]].concat();
    let (alone, among) = (measured(22_050, &tone).unwrap(), measured(22_050, &padded).unwrap());
    assert!((alone.centroid_hz.mean - among.centroid_hz.mean).abs() < 60.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn nothing_is_ever_not_a_number(rate in 1u32..50_000, level in -200.0f64..200.0, frames in 0usize..30_000) {
        let gain = signals::amplitude(level) as f32;
        let signal: Vec<f32> = signals::noise(frames, 1).iter().map(|it| it * gain).collect();
        if let Some(found) = measured(rate, &signal) {
            let spreads = [found.centroid_hz, found.bandwidth_hz, found.rolloff_hz, found.flatness, found.flux];
            prop_assert!(spreads.iter().all(|it| it.mean.is_finite() && it.deviation.is_finite()));
            let lists = [found.contrast_db, found.mfcc_mean, found.mfcc_variance];
            prop_assert!(lists.iter().flatten().all(|it| it.is_finite()));
        }
    }
}
