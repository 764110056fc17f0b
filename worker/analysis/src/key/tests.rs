//! Whole signals with known keys.

#[cfg(feature = "fitting")]
mod record;

use super::*;
use crate::signals;
use report::Mode;

const RATE: u32 = 11_025;

fn hz(pitch: f64) -> f64 {
    440.0 * ((pitch - 69.0) / 12.0).exp2()
}

fn find_in(signal: &[f32]) -> Result<Key, KeyAbsence> {
    let mut chroma = Chroma::new(f64::from(RATE));
    signal.chunks(4096).for_each(|piece| chroma.push(piece));
    find(&chroma.finish())
}

/// Notes (in semitones as MIDI counts) that sound together, each with four falling partials, fading away.
fn chord(pitches: &[f64], seconds: f64) -> Vec<f32> {
    let mut sum = vec![0f32; (seconds * f64::from(RATE)).round() as usize];
    for pitch in pitches {
        for partial in 1..=4u8 {
            let level = 0.08 * 0.5f64.powi(i32::from(partial) - 1);
            let tone = signals::sine(RATE, hz(*pitch) * f64::from(partial), level, seconds);
            for (n, (sum, sample)) in sum.iter_mut().zip(tone).enumerate() {
                *sum += sample * (-1.5 * n as f64 / f64::from(RATE)).exp() as f32;
            }
        }
    }
    sum
}

/// Triads (semitones above the tonic, whether minor) with their root in the bass, two seconds each.
fn progression(tonic: f64, triads: &[(f64, bool)]) -> Vec<f32> {
    let notes = |(root, minor): &(f64, bool)| {
        let root = (tonic + root).rem_euclid(12.0);
        chord(&[36.0 + root, 60.0 + root, if *minor { 63.0 } else { 64.0 } + root, 67.0 + root], 2.0)
    };
    triads.iter().flat_map(notes).collect()
}

/// I vi IV V and i iv V i.
const MAJOR: [(f64, bool); 4] = [(0.0, false), (9.0, true), (5.0, false), (7.0, false)];
const MINOR: [(f64, bool); 4] = [(0.0, true), (5.0, true), (7.0, false), (0.0, true)];

fn piece(key: usize, bars: usize) -> Vec<f32> {
    let triads = if key < CLASSES { MAJOR } else { MINOR };
    progression((key % CLASSES) as f64, &triads.repeat(bars / 4))
}

#[test]
fn a_progression_is_known_in_every_key() {
    for key in 0..KEYS {
        let found = find_in(&piece(key, 16)).unwrap();
        let (tonic, mode) = notation::spell(key);
        assert_eq!((found.tonic, found.mode), (tonic, mode), "{key}");
        assert!(found.confidence > 0.5 && found.segments.is_empty(), "{key}");
        assert_eq!(found.camelot, notation::camelot(key));
        assert_eq!(found.candidates.len(), CANDIDATES);
        assert!((found.candidates[0].weight - found.confidence).abs() < 1e-12);
    }
}

#[test]
fn a_detuned_scale_has_its_key_and_its_tuning() {
    let scale = [0.0, 2.0, 4.0, 5.0, 7.0, 9.0, 11.0, 12.0];
    let up: Vec<f32> = scale.iter().flat_map(|step| chord(&[60.2 + step], 0.5)).collect();
    let down: Vec<f32> = scale.iter().rev().flat_map(|step| chord(&[60.2 + step], 0.5)).collect();
    let found = find_in(&[up, down].concat()).unwrap();
    assert_eq!((found.tonic.as_str(), found.mode), ("C", Mode::Major));
    assert!((found.tuning_cents - 20.0).abs() < 2.0, "{}", found.tuning_cents);
    assert!((found.reference_hz - 440.0 * (0.2f64 / 12.0).exp2()).abs() < 0.6);
}

#[test]
fn a_change_of_key_is_found_where_it_is() {
    let found = find_in(&[piece(0, 20), piece(2, 20)].concat()).unwrap();
    let [first, second] = found.segments.as_slice() else { panic!("{:?}", found.segments) };
    assert_eq!((first.tonic.as_str(), second.tonic.as_str()), ("C", "D"));
    assert_eq!((first.mode, second.mode), (Mode::Major, Mode::Major));
    assert!((first.end_seconds - 40.0).abs() < 4.0, "{first:?}");
    assert!((second.start_seconds - first.end_seconds).abs() < 1e-9);
    assert!((second.end_seconds - 80.0).abs() < 2.0 && first.confidence > 0.5 && second.confidence > 0.5);
}

/// A kick that glides down, a snare and a hat of noise.
fn drums() -> Vec<f32> {
    let beat = RATE as usize / 2;
    let noise = signals::noise(64 * beat, 4);
    let mut turn = 0.0;
    (0..64 * beat)
        .map(|n| {
            let (number, at) = (n / beat, (n % beat) as f64 / f64::from(RATE));
            let glide = 45.0 + 110.0 * (-28.0 * at).exp();
            turn = if n % beat == 0 { 0.0 } else { turn + glide / f64::from(RATE) };
            let kick = (turn * std::f64::consts::TAU).sin() * (-9.0 * at).exp();
            let snare = if number % 2 == 1 { 0.6 * (-18.0 * at).exp() } else { 0.0 };
            let hat = 0.3 * (-70.0 * (at % 0.25)).exp();
            (0.5 * kick + (snare + hat) * f64::from(noise[n])) as f32
        })
        .collect()
}

#[test]
fn what_has_no_key_says_why() {
    assert_eq!(find_in(&[]), Err(KeyAbsence::Silent));
    assert_eq!(find_in(&vec![0.0; 100_000]), Err(KeyAbsence::Silent));
    assert_eq!(find_in(&signals::noise(300_000, 8)), Err(KeyAbsence::Atonal));
    assert_eq!(find_in(&drums()), Err(KeyAbsence::Atonal));
    assert_eq!(find_in(&signals::sine(RATE, 440.0, 0.5, 10.0)), Err(KeyAbsence::TooLittle));
    assert_eq!(find_in(&piece(0, 4)[..RATE as usize / 2]), Err(KeyAbsence::TooLittle));
}

#[test]
fn drums_do_not_hide_a_key() {
    let music = piece(9, 32);
    let both: Vec<f32> = music.iter().zip(drums()).map(|(a, b)| a + 0.5 * b).collect();
    let found = find_in(&both).unwrap();
    assert_eq!((found.tonic.as_str(), found.mode), ("A", Mode::Major));
}
