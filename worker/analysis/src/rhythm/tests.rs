use super::*;
use crate::onset::PITCHES;
use crate::signals;

const RATE: u32 = 22_050;

/// A short burst of noise over a thump: as a drum, it has all bands.
fn hit(signal: &mut [f32], seconds: f64, level: f32, thump: f32) {
    let at = (seconds * f64::from(RATE)).round() as usize;
    let noise = signals::noise(2000, at as u64);
    for (n, noise) in noise.iter().enumerate() {
        if let Some(sample) = signal.get_mut(at + n) {
            let fade = (-(n as f32) / 300.0).exp();
            let tone =
                (n as f32 * std::f32::consts::TAU * 70.0 / RATE as f32).sin() * (-(n as f32) / 1500.0).exp();
            *sample += level * 0.5 * noise * fade + thump * 0.5 * tone;
        }
    }
}

/// Hits at these instants: seconds, level of the noise, level of the thump.
fn drums(seconds: f64, hits: impl IntoIterator<Item = (f64, f32, f32)>) -> Vec<f32> {
    let mut signal = vec![0.0; (seconds * f64::from(RATE)) as usize];
    for (at, level, thump) in hits {
        hit(&mut signal, at, level, thump);
    }
    signal
}

fn novelty(signal: &[f32], piece: usize) -> Novelty {
    let mut decimator = Decimator::new(RATE);
    let mut onset = Onset::new(decimator.low_rate());
    for piece in signal.chunks(piece) {
        decimator.push(piece);
        onset.push(decimator.low(), decimator.upper());
    }
    decimator.finish();
    onset.push(decimator.low(), decimator.upper());
    onset.finish()
}

fn tempo(signal: &[f32]) -> Result<Tempo, TempoAbsence> {
    find(&novelty(signal, 4096))
}

/// Share of the true beats that have one of ours within 20 ms.
fn met(tempo: &Tempo, truth: impl Iterator<Item = f64>) -> f64 {
    let truth: Vec<f64> = truth.collect();
    let near = |at: &&f64| tempo.beats.iter().any(|beat| (beat - **at).abs() < 0.02);
    truth.iter().filter(near).count() as f64 / truth.len() as f64
}

#[test]
fn a_click_each_second_is_60() {
    let tempo = tempo(&drums(40.0, (0..40).map(|n| (f64::from(n) + 0.2, 0.8, 0.8)))).unwrap();
    assert!((tempo.bpm - 60.0).abs() < 0.02 || (tempo.bpm - 120.0).abs() < 0.04, "{}", tempo.bpm);
    assert!(tempo.candidates.iter().any(|it| (it.bpm - 60.0).abs() < 0.2), "{:?}", tempo.candidates);
    assert!(met(&tempo, (1..39).map(|n| f64::from(n) + 0.2)) > 0.99, "{:?}", tempo.beats);
}

/// Kick on one and three, snare on two and four, and hats on the eighths, the second of which may be late.
fn rock(bpm: f64, seconds: f64, swing: f64) -> Vec<f32> {
    let beat = 60.0 / bpm;
    let beats = 0..(seconds / beat) as u32;
    let on = beats.clone().map(|n| {
        (f64::from(n) * beat, if n % 2 == 1 { 0.9 } else { 0.2 }, if n % 2 == 0 { 1.0 } else { 0.1 })
    });
    let off = beats.map(|n| ((f64::from(n) + swing) * beat, 0.15, 0.0));
    drums(seconds, on.chain(off))
}

#[test]
fn a_rock_beat_has_its_tempo() {
    for bpm in [92.0, 120.0, 133.7] {
        let tempo = tempo(&rock(bpm, 40.0, 0.5)).unwrap();
        assert!((tempo.bpm - bpm).abs() < 0.02, "{bpm}: {:?}", tempo.candidates);
        assert!(met(&tempo, (2..(38.0 * bpm / 60.0) as u32).map(|n| f64::from(n) * 60.0 / bpm)) > 0.99);
        assert!(tempo.stability > 0.99 && tempo.segments.len() == 1);
    }
}

#[test]
fn swing_does_not_matter() {
    let tempo = tempo(&rock(126.0, 40.0, 2.0 / 3.0)).unwrap();
    assert!((tempo.bpm - 126.0).abs() < 0.02, "{:?}", tempo.candidates);
}

#[test]
fn a_drifting_tempo_is_followed() {
    let mut instants = vec![0.1f64];
    while instants[instants.len() - 1] < 58.0 {
        let last = instants[instants.len() - 1];
        instants.push(last + 0.5 / (1.0 + 0.03 * (last / 8.0).sin()));
    }
    let hits = instants
        .iter()
        .enumerate()
        .map(|(n, at)| (*at, if n % 2 == 1 { 0.9 } else { 0.3 }, if n % 2 == 0 { 1.0 } else { 0.1 }));
    let tempo = tempo(&drums(60.0, hits)).unwrap();
    assert!(met(&tempo, instants.iter().copied().filter(|at| (3.0..57.0).contains(at))) > 0.95);
    assert!((tempo.bpm - 120.0).abs() < 2.0 && tempo.stability < 0.9, "{} {}", tempo.bpm, tempo.stability);
}

#[test]
fn a_waltz_keeps_its_quarters() {
    let hits = (0..100).map(|n| {
        (f64::from(n) * 0.4, if n % 3 == 0 { 0.3 } else { 0.6 }, if n % 3 == 0 { 1.0 } else { 0.0 })
    });
    let tempo = tempo(&drums(40.0, hits)).unwrap();
    assert!((tempo.bpm - 150.0).abs() < 0.02, "{:?}", tempo.candidates);
}

/// Bars with the bass on their first beat and drums on the others, each on a chord of its own.
fn song(metre: u32, beat: f64, bars: u32) -> Vec<f32> {
    let seconds = f64::from(bars * metre) * beat;
    let hits = (0..bars * metre).map(|n| {
        let one = n.is_multiple_of(metre);
        let backbeat = n % 2 == 1 || metre == 3;
        (
            f64::from(n) * beat,
            if one {
                0.1
            } else if backbeat {
                0.5
            } else {
                0.1
            },
            if one { 1.0 } else { 0.1 },
        )
    });
    let mut signal = drums(seconds, hits);
    let length = (f64::from(metre) * beat * f64::from(RATE)) as usize;
    for (bar, part) in signal.chunks_mut(length).enumerate() {
        for step in [0, 4, 7] {
            let semitones = [0, 5, 7, 9][bar % 4] + step;
            let hz = 261.63 * (f64::from(semitones) / 12.0).exp2();
            let tone = signals::sine(RATE, hz, 0.1, part.len() as f64 / f64::from(RATE));
            part.iter_mut().zip(tone).for_each(|(sample, tone)| *sample += tone);
        }
    }
    signal
}

#[test]
fn bars_of_three_and_four_are_heard() {
    for (metre, beat) in [(3, 0.4), (4, 0.5)] {
        let tempo = tempo(&song(metre, beat, 30)).unwrap();
        assert_eq!(tempo.metre.map(u32::from), Some(metre), "{} {:?}", tempo.confidence, tempo.candidates);
        let bar = f64::from(metre) * beat;
        let place = |it: &f64| (it / bar).fract().min(1.0 - (it / bar).fract()) * bar;
        assert!(tempo.downbeats.len() >= 28 && tempo.downbeats.iter().all(|it| place(it) < 0.03));
        assert!(tempo.downbeats.iter().all(|it| tempo.beats.contains(it)));
    }
}

#[test]
fn clicks_that_are_all_alike_have_no_bars() {
    let tempo = tempo(&drums(40.0, (0..80).map(|n| (f64::from(n) * 0.5, 0.8, 0.8)))).unwrap();
    assert_eq!((tempo.metre, tempo.downbeats), (None, Vec::new()));
}

#[test]
fn what_has_no_beat_has_no_tempo() {
    let silence = vec![0.0; 30 * RATE as usize];
    assert_eq!(tempo(&silence), Err(TempoAbsence::NoOnsets));
    assert_eq!(tempo(&signals::noise(60 * RATE as usize, 7)), Err(TempoAbsence::NoPulse));
    let drone: Vec<f32> = [110.0, 165.0, 220.0]
        .iter()
        .map(|hz| signals::sine(RATE, *hz, 0.2, 60.0))
        .reduce(|a, b| a.iter().zip(b).map(|(a, b)| a + b).collect())
        .unwrap();
    assert_eq!(tempo(&drone), Err(TempoAbsence::NoOnsets));
    // Gaps without any memory, as of rain.
    let random = signals::noise(400, 3);
    let mut at = 0.0;
    let hits: Vec<_> = random
        .iter()
        .map(|it| (at, 0.5, 0.3, at -= 0.15 * f64::from((it + 1.001) / 2.002).ln()))
        .map(|it| (it.0, it.1, it.2))
        .collect();
    assert_eq!(tempo(&drums(60.0, hits)), Err(TempoAbsence::NoPulse));
    assert_eq!(tempo(&silence[..1]), Err(TempoAbsence::TooShort));
    assert_eq!(tempo(&signals::noise(3 * RATE as usize, 7)), Err(TempoAbsence::TooShort));
}

#[test]
fn loudness_hardly_matters() {
    let loud = rock(110.0, 30.0, 0.5);
    let quiet: Vec<f32> = loud.iter().map(|it| it * 0.03).collect();
    let (loud, quiet) = (tempo(&loud).unwrap(), tempo(&quiet).unwrap());
    assert!((loud.bpm - quiet.bpm).abs() < 0.02);
}

#[test]
fn the_size_of_the_pieces_does_not_matter() {
    let signal = rock(101.0, 20.0, 0.5);
    assert_eq!(find(&novelty(&signal, 1000)), find(&novelty(&signal, 4096)));
}

#[test]
fn a_long_piece_is_tracked_in_one_go() {
    // 25 minutes of novelty, which is three stretches, without the sound.
    let rate = 11_025.0 / 128.0;
    let mut novelty = Novelty::new(rate);
    let beat = rate * 60.0 / 128.0;
    for frame in 0..(1500.0 * rate) as usize {
        let place = (frame as f64 / beat).fract() * beat;
        let level = if place < 1.0 { 1.0 } else { 0.0 };
        let other = if (frame as f64 / beat + 0.5).fract() * beat < 1.0 { 0.4 } else { 0.0 };
        let mut chord = [0.0; PITCHES];
        chord[(frame as f64 / beat / 4.0) as usize % 3 * 4] = 1.0;
        novelty.push([level, level.max(other), level.max(other), other, 0.0], chord);
    }
    let tempo = find(&novelty).unwrap();
    assert!((tempo.bpm - 128.0).abs() < 0.01, "{:?}", tempo.candidates);
    assert!((tempo.beats.len() as f64 - 3200.0).abs() < 4.0, "{}", tempo.beats.len());
    assert!(tempo.beats.windows(2).all(|pair| (pair[1] - pair[0] - 60.0 / 128.0).abs() < 0.001));
}

#[test]
fn all_numbers_are_finite_whatever_comes() {
    let mut wild = signals::noise(20 * RATE as usize, 1);
    for (n, sample) in wild.iter_mut().enumerate() {
        *sample *= if (n / 7000) % 2 == 0 { 1e6 } else { 0.0 };
    }
    if let Ok(tempo) = tempo(&wild) {
        let mut numbers = vec![tempo.bpm, tempo.confidence, tempo.stability, tempo.start_bpm, tempo.end_bpm];
        numbers.extend(&tempo.beats);
        numbers.extend(tempo.candidates.iter().flat_map(|it| [it.bpm, it.weight]));
        numbers.extend(tempo.segments.iter().flat_map(|it| [it.start_seconds, it.end_seconds, it.bpm]));
        assert!(numbers.iter().all(|it| it.is_finite()));
    }
}
