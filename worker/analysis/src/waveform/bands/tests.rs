//! Tones, noise, and a Fourier transform for a twin.

use super::*;
use crate::listener::Mono;
use crate::signals::{noise, sine};
use crate::stage::{Block, Format, Stage};
use crate::waveform::Overview;
use proptest::prelude::*;
use realfft::RealFftPlanner;
use report::Waveform;

fn coloured(rate: u32, signal: &[f32], piece: usize) -> Waveform {
    let format = Format { rate, weights: vec![1.0], bit_depth: None };
    let (mut overview, mut mono) = (Overview::new(&format), Mono::new(&format));
    let mut colours = Box::new(Colours::new(mono.sound()));
    for piece in signal.chunks(piece) {
        let planes = [piece.to_vec()];
        let block = Block::new(&planes, piece.len());
        overview.block(&block);
        mono.block(&block);
        colours.hear(mono.sound());
    }
    let mut report = Report::default();
    overview.finish(&mut report);
    mono.finish();
    colours.hear(mono.sound());
    colours.finish(&mut report, &mut crate::traces::Traces::default());
    report.waveform.unwrap()
}

/// Amplitudes of the three bands in the middle of the signal.
fn levels(waveform: &Waveform) -> [f64; 3] {
    [&waveform.low, &waveform.middle, &waveform.high].map(|band| {
        let inner = &band[band.len() / 4..3 * band.len() / 4];
        let squares: f64 = inner.iter().map(|it| (f64::from(*it) / 255.0).powi(4)).sum();
        (squares / inner.len() as f64).sqrt()
    })
}

/// The same from the spectrum of the whole signal, under the filters' responses.
fn twin(rate: u32, signal: &[f32]) -> [f64; 3] {
    let plan = RealFftPlanner::<f64>::new().plan_fft_forward(signal.len());
    let mut input: Vec<f64> = signal.iter().map(|it| f64::from(*it)).collect();
    let mut bins = plan.make_output_vec();
    plan.process(&mut input, &mut bins).unwrap();
    let mut bands = [0.0; 3];
    for (bin, value) in bins.iter().enumerate() {
        let hz = bin as f64 * f64::from(rate) / signal.len() as f64;
        let pass = |ratio: f64| 1.0 / (1.0 + ratio.powi(4));
        let power = 2.0 * value.norm_sqr() / (signal.len() as f64).powi(2);
        let highs = [pass(200.0 / hz.max(1e-9)), pass(2000.0 / hz.max(1e-9))];
        bands[0] += power * pass(hz / 200.0);
        bands[1] += power * highs[0] * pass(hz / 2000.0);
        bands[2] += power * highs[1];
    }
    bands.map(f64::sqrt)
}

#[test]
fn tones_have_the_colour_of_their_band() {
    for rate in [22_050, 44_100, 48_000, 96_000] {
        for (hz, band) in [(60.0, 0), (1000.0, 1), (8000.0, 2)] {
            let signal = sine(rate, hz, 0.5, 2.0);
            let (ours, slow) = (levels(&coloured(rate, &signal, 4096)), twin(rate, &signal));
            for other in 0..3 {
                // A step of the scale is 0.8 % of the value squared; the rest is the warp of digital filters near their edge.
                assert!((ours[other] - slow[other]).abs() < 0.03, "{rate} {hz}: {ours:?}, {slow:?}");
                assert!(other == band || ours[other] < 0.35 * ours[band], "{rate} {hz}: {ours:?}");
            }
            assert!((ours[band] / 0.5f64.powf(1.5) - 1.0).abs() < 0.1, "{rate} {hz}: {ours:?}");
        }
    }
}

#[test]
fn noise_has_all_colours() {
    for rate in [8000, 16_000, 44_100, 48_000] {
        let signal = noise(2 * rate as usize, 1);
        let (ours, slow) = (levels(&coloured(rate, &signal, 4096)), twin(rate, &signal));
        for band in 0..3 {
            assert!((ours[band] / slow[band] - 1.0).abs() < 0.12, "{rate}: {ours:?}, {slow:?}");
        }
    }
}

#[test]
fn silence_and_the_highest_rates_have_no_trouble() {
    let silent = coloured(44_100, &vec![0.0; 50_000], 4096);
    assert!([silent.low, silent.middle, silent.high].concat().iter().all(|it| *it == 0));
    // At 300 Hz there is no middle to split, and nothing is high.
    let slow = coloured(300, &noise(3000, 1), 4096);
    assert!(slow.low.iter().any(|it| *it > 100) && slow.high.iter().all(|it| *it == 0));
}

#[test]
fn a_sound_colours_its_own_points() {
    let rate = 44_100;
    let signal = [vec![0.0; 44_100], sine(rate, 8000.0, 0.5, 1.0), vec![0.0; 44_100]].concat();
    let waveform = coloured(rate, &signal, 1000);
    for (point, (rms, high)) in waveform.rms.iter().zip(&waveform.high).enumerate() {
        assert_eq!(*rms > 20, *high > 60, "point {point}: {rms}, {high}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn there_is_a_colour_for_every_point(
        frames in 1usize..60_000, piece in 1usize..5000, rate in prop::sample::select(vec![800u32, 8000, 23_000, 44_100]),
    ) {
        let signal = noise(frames, 1);
        let waveform = coloured(rate, &signal, piece);
        for band in [&waveform.low, &waveform.middle, &waveform.high] {
            prop_assert_eq!(band.len(), waveform.rms.len());
        }
        // Other pieces, other rounding.
        let other = coloured(rate, &signal, 4096);
        prop_assert!(other.low.iter().zip(&waveform.low).all(|(a, b)| a.abs_diff(*b) <= 1));
    }
}
