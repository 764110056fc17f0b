//! What `fpcalc` 1.5.1 makes of signals that are synthesised here.

use super::encode::testing::decode;
use super::*;
use crate::listener::Mono;
use crate::signals::noise;
use crate::stage::{Block, Format};
use proptest::prelude::*;
use std::f64::consts::TAU;

/// `fpcalc -plain` of ten seconds of [`tune`] with the seed 1 as a mono WAV file of 16 bits and 8 kHz.
const AT_8000: &str = "\
    AQAAO7rKEleSp_ixM0M_DU2k_MKjfHie4XWQIJ0SpviiJ7gmYfuLpxdy-khe4iiaqxn2KGyQVGrFIk5yMBdOBjXVIHRiJFEeHT9-\
    XMqFOck1gYmOWnkxMjmSB3miH1-HazhNPMGlN3iaQ9WnoszDFFNq4_nxVIJ2w0m_43qGZvmxOziJHVeWHtnTJsEtI40eAoIINIYQ\
    AQgjDgFHgAAEAKaEMg5AIBghBBiloAKCMWIIAEgIZARjgAAJhEAWCYEE";
/// As above, at 48 kHz.
const AT_48000: &str = "\
    AQAAO7rKEleSp_ixM0M_DU2k_MKjfHie4XWQIJ0SpviiJ7gmYfuLpxdy-khe4iiaqxn2KGyQVGrFIk5yMBdOBjXVIHRiJFEeHT9-\
    XMqFOck1gYmOWnkxMjmSB3miH1-HazhNPMGlN3iaQ9WnoszDFFNq4_nxVIJ2w0m_43qGZvmxOziJHVc4HdnTJsEtI40eAoIINIYQ\
    AQgjDgFHgAAEAKaEMg5AIBghBBiloAKCMWIIAEgIZARjgAAJhEAOCYEE";
/// In stereo, with the seed 2 to the right; `fpcalc` prints the same for 44.1 and for 96 kHz.
const IN_STEREO: &str = "\
    AQAAOwqtaAklxE4e6CfCO7ARap_xHUlf_Ph2PD3OxEaeQcuNSQkRP_gn7MivENIZB1eEyz3CJDomXsLNY8oXVBzWJUqPSj4a8spw\
    DD2yHwl3BtWOZ2fwCd4PcvmMKweT-Chv3M-BUMzWomGG6wj3PPifDF9yGZG5QHMiI1fw4E-xB48OJmMCQhBDQgHEiTKCUCKNAEYR\
    hYAxQAlgCFHGEMiIAQQgZJARgBNigAFGGIqQJg4";

/// A chord of three random notes each 0.4 s, which dies away, in 16 bits.
fn tune(rate: u32, seconds: u32, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut semitones = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % 36) as f64
    };
    let chords: Vec<[f64; 3]> =
        (0..=5 * seconds / 2).map(|_| [(); 3].map(|()| 110.0 * f64::exp2(semitones() / 12.0))).collect();
    let sample = |n: u32| {
        let time = f64::from(n) / f64::from(rate);
        let chord = (time / 0.4) as usize;
        let tone = |note: &f64| {
            (1..4).map(|it| (TAU * f64::from(it) * note * time).sin() / f64::from(it)).sum::<f64>()
        };
        let sum: f64 = chords[chord].iter().map(tone).sum();
        let level = 4000.0 * (-3.0 * (time - 0.4 * chord as f64)).exp();
        ((sum * level + 0.5).floor().clamp(-32_768.0, 32_767.0) / 32_768.0) as f32
    };
    (0..rate * seconds).map(sample).collect()
}

fn heard(rate: u32, planes: &[Vec<f32>], piece: usize) -> Option<Fingerprint> {
    let mut mono = Mono::new(&Format { rate, weights: vec![1.0; planes.len()], bit_depth: None });
    let mut listener = Box::new(Fingerprinter::new(mono.sound()));
    for from in (0..planes[0].len()).step_by(piece) {
        let to = planes[0].len().min(from + piece);
        let block: Vec<Vec<f32>> = planes.iter().map(|plane| plane[from..to].to_vec()).collect();
        mono.block(&Block::new(&block, to - from));
        listener.hear(mono.sound());
    }
    mono.finish();
    listener.hear(mono.sound());
    let mut report = Report::default();
    report.audio.duration_seconds = planes[0].len() as f64 / f64::from(rate);
    listener.finish(&mut report, &mut crate::traces::Traces::default());
    report.fingerprint
}

/// Share of the bits in which two fingerprints differ.
fn bit_error(one: &str, other: &str) -> f64 {
    let [(_, one), (_, other)] = [one, other].map(|text| decode(text).unwrap());
    assert_eq!(one.len(), other.len());
    let wrong: u32 = one.iter().zip(&other).map(|(a, b)| (a ^ b).count_ones()).sum();
    f64::from(wrong) / (32 * one.len()) as f64
}

#[test]
fn bit_errors_are_counted() {
    let [ones, others] = [[0b1011u32, 0, 0, 0], [0b1110, 0, 0, u32::MAX]].map(|it| encode::encode(&it));
    assert!((bit_error(&ones, &others) - 34.0 / 128.0).abs() < 1e-12);
}

#[test]
fn fpcalc_says_the_same() {
    let cases = [(8000, 1, AT_8000), (48_000, 1, AT_48000), (44_100, 2, IN_STEREO), (96_000, 2, IN_STEREO)];
    for (rate, channels, theirs) in cases {
        let planes: Vec<_> = (1..=channels).map(|seed| tune(rate, 10, seed)).collect();
        let ours = heard(rate, &planes, 4096).unwrap();
        // No bit differed when this was written; one in a thousand may where another compiler rounds otherwise.
        let error = bit_error(&ours.encoded, theirs);
        assert!(error <= 0.001, "{rate} Hz: {error}");
        assert_eq!((ours.algorithm.as_str(), ours.duration_seconds), ("chromaprint-test2", 10));
        assert!(ours.seconds_covered > 9.8 && ours.seconds_covered <= 10.0);
    }
}

#[test]
fn the_encoding_is_that_of_fpcalc() {
    for text in [AT_8000, AT_48000, IN_STEREO] {
        let (algorithm, items) = decode(text).unwrap();
        assert_eq!((algorithm, items.len()), (1, 59));
        assert_eq!(encode::encode(&items), text);
    }
}

#[test]
fn no_more_than_two_minutes_are_heard() {
    let long = noise(11_025 * 130, 5);
    let ours = heard(11_025, std::slice::from_ref(&long), 4096).unwrap();
    let first = heard(11_025, &[long[..11_025 * 120].to_vec()], 4096).unwrap();
    assert_eq!((&ours.encoded, ours.duration_seconds, first.duration_seconds), (&first.encoded, 130, 120));
    // As many as fpcalc prints of any file of two minutes or more.
    assert_eq!(decode(&ours.encoded).unwrap().1.len(), 948);
    assert!(ours.seconds_covered > 119.8 && ours.seconds_covered <= 120.0);
}

#[test]
fn silence_and_short_sounds_have_none() {
    assert_eq!(heard(44_100, &[vec![0.0; 200_000]], 4096), None);
    // Less than half a step of 16 bits is silence there.
    assert_eq!(heard(44_100, &[vec![1e-5; 200_000]], 4096), None);
    assert_eq!(heard(11_025, &[noise(FRAME + 19 * HOP - 1, 1)], 4096), None);
    assert!(heard(11_025, &[noise(FRAME + 19 * HOP, 1)], 4096).is_some());
    assert_eq!(heard(1000, &[noise(100_000, 1)], 4096), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn pieces_of_any_length_give_the_same(piece in 1usize..10_000, seed in 0u64..100) {
        let signal = [noise(150_000, seed)];
        prop_assert_eq!(heard(32_000, &signal, piece), heard(32_000, &signal, 4096));
    }
}
