use super::*;
use crate::corpus::compose::Part;

const VOICES: [Voice; 8] = [
    Voice::RoundBass,
    Voice::SawBass,
    Voice::Pad,
    Voice::Pluck,
    Voice::Organ,
    Voice::ElectricPiano,
    Voice::Lead,
    Voice::Flute,
];

fn note(length: f64) -> Note {
    Note { part: Part::Lead, step: 0, start: 0.0, length, pitch: None, velocity: 1.0 }
}

#[test]
fn voices_are_finite_bounded_and_end_quietly() {
    for voice in VOICES {
        for (pitch, rate) in [(33, 8_000.0), (69, 44_100.0), (95, 192_000.0), (127, 8_000.0)] {
            let samples = tone(voice, &note(0.4), pitch, rate);
            assert!(samples.iter().all(|x| x.abs() <= 2.0), "{voice:?} {pitch}");
            assert!(samples.last().unwrap().abs() < 0.01, "{voice:?} {pitch}");
            assert!(samples.len() >= (0.4 * rate) as usize, "{voice:?} {pitch}");
        }
    }
}

#[test]
fn drums_are_finite_bounded_and_end_quietly() {
    for drum in [Drum::Kick, Drum::Snare, Drum::ClosedHat, Drum::OpenHat] {
        for rate in [8_000.0, 44_100.0] {
            let samples = hit(drum, &note(0.1), rate, &mut Random::new(1, "test"));
            assert!(samples.iter().all(|x| x.abs() <= 2.0), "{drum:?}");
            assert!(samples.iter().any(|x| x.abs() > 0.2), "{drum:?}");
            assert!(samples.last().unwrap().abs() < 0.01, "{drum:?}");
        }
    }
}

/// Counts the upward zero crossings of the flute, whose fundamental outweighs its harmonics.
#[test]
fn a_voice_sounds_at_its_pitch() {
    for (pitch, hz) in [(69, 440.0), (57, 220.0), (81, 880.0)] {
        let samples = tone(Voice::Flute, &note(1.0), pitch, 44_100.0);
        let crossings = samples[..44_100].windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count() as f64;
        assert!((crossings - hz).abs() <= 2.0, "{pitch}: {crossings}");
    }
}

#[test]
fn velocity_scales() {
    let loud = tone(Voice::Organ, &note(0.1), 60, 8_000.0);
    let soft = tone(Voice::Organ, &Note { velocity: 0.5, ..note(0.1) }, 60, 8_000.0);
    assert!(loud.iter().zip(&soft).all(|(l, s)| (l * 0.5 - s).abs() < 1e-12));
}
