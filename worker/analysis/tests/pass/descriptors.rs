//! Orderings that anybody would agree on, and what is there when.

use crate::build::{Coding, Sound, input, only};
use crate::music::{RATE, Score, noise};
use analysis::analyze;
use report::{Descriptors, Report};

fn report(bytes: &[u8], features: &str) -> Report {
    analyze(input(bytes), &only(features), &mut |_| {}).unwrap().report
}

fn described(score: &Score) -> Descriptors {
    report(&score.wav(), "descriptors").descriptors.unwrap()
}

/// Four on the floor with hats and a bass line in eighths.
fn dance(level: f64) -> Score {
    let mut score = Score::new(30.0);
    let beat = 60.0 / 124.0;
    for n in 0..60u32 {
        let at = f64::from(n) * beat;
        score.kick(at, 0.8 * level);
        score.hat(at + beat / 2.0, 0.4 * level, 0.05);
        score.hat(at + beat / 4.0, 0.2 * level, 0.02);
        let bass = [33.0, 33.0, 36.0, 31.0][n as usize / 4 % 4];
        score.tone(at, beat / 2.0, bass + 12.0, 0.15 * level, 12, 0.2);
        score.tone(at + beat / 2.0, beat / 2.0, bass + 24.0, 0.15 * level, 12, 0.2);
    }
    score
}

/// A slow chord now and then, not in time.
fn chords(minor: bool, step: f64) -> Score {
    let mut score = Score::new(30.0);
    let third = if minor { 3.0 } else { 4.0 };
    let sixth = if minor { 8.0 } else { 9.0 };
    let mut at = 0.1;
    for (n, wait) in noise((30.0 / step) as usize, 4).into_iter().enumerate() {
        // I, IV, V and I of the key of C.
        let triad = match n % 4 {
            1 => [5.0, 5.0 + third, 12.0],
            2 => [7.0, 11.0, 14.0],
            _ => [0.0, third, 7.0],
        };
        for pitch in triad {
            score.tone(at, 2.0 * step, 60.0 + pitch, 0.05, 4, 1.0);
        }
        score.tone(at, step, 72.0 + if n % 4 == 1 { sixth } else { 7.0 }, 0.05, 3, 1.0);
        at += step * (1.0 + 0.02 * wait);
    }
    score
}

#[test]
fn dance_music_is_more_of_everything_than_slow_chords_but_acoustic() {
    let (dance, chords) = (described(&dance(1.0)), described(&chords(false, 1.3)));
    assert!(dance.danceability > chords.danceability.map(|it| it + 0.2), "{dance:?} {chords:?}");
    assert!(dance.energy > chords.energy.map(|it| it + 0.2), "{dance:?} {chords:?}");
    assert!(dance.arousal > chords.arousal.map(|it| it + 0.2));
    assert!(dance.brightness > chords.brightness.map(|it| it + 0.2));
    assert!(chords.acousticness > dance.acousticness.map(|it| it + 0.2));
    assert!(dance.onsets_per_second > 2.0 * chords.onsets_per_second);
    assert_eq!((dance.method.as_str(), dance.chroma_mean.len()), ("heuristic-1", 12));
}

#[test]
fn louder_is_more_energetic_and_just_as_easy_to_dance_to() {
    let (loud, soft) = (described(&dance(0.5)), described(&dance(0.05)));
    assert!(loud.energy > soft.energy && loud.arousal > soft.arousal);
    assert!((loud.danceability.unwrap() - soft.danceability.unwrap()).abs() < 0.1, "{loud:?} {soft:?}");
}

#[test]
fn major_is_more_pleasant_than_minor() {
    let [major, minor] = [false, true].map(|minor| described(&chords(minor, 0.6)));
    assert!(major.valence > minor.valence.map(|it| it + 0.3), "{major:?} {minor:?}");
    assert!((major.arousal.unwrap() - minor.arousal.unwrap()).abs() < 0.1);
    let share = major.chroma_mean.iter().sum::<f64>();
    assert!((share - 1.0).abs() < 1e-9 && major.chroma_mean[0] > 0.1, "{:?}", major.chroma_mean);
}

#[test]
fn a_metronome_drags_no_one_to_the_floor_of_rain() {
    // The same drops, in time and at random.
    let (mut steady, mut rain) = (Score::new(30.0), Score::new(30.0));
    for (n, place) in noise(120, 8).into_iter().enumerate() {
        steady.hat(n as f64 / 4.0, 0.5, 0.03);
        rain.hat(15.0 + 14.9 * place, 0.5, 0.03);
    }
    let (steady, rain) = (described(&steady), described(&rain));
    assert!(steady.danceability > rain.danceability.map(|it| it + 0.3), "{steady:?} {rain:?}");
    assert!((steady.onsets_per_second - 4.0).abs() < 0.2, "{steady:?}");
}

#[test]
fn what_has_no_key_has_no_valence_but_all_else() {
    let hiss = Score { samples: noise(20 * RATE as usize, 1).into_iter().map(|it| it * 0.1).collect() };
    let hiss = described(&hiss);
    assert_eq!(hiss.valence, None);
    assert!(hiss.danceability.is_some_and(|it| it < 0.3), "{hiss:?}");
    assert!(hiss.energy.is_some() && hiss.arousal.is_some() && hiss.acousticness.is_some_and(|it| it < 0.3));
    let mut blip = Score::new(2.0);
    blip.tone(0.0, 2.0, 60.0, 0.2, 4, 1.0);
    let blip = described(&blip);
    assert_eq!((blip.danceability, blip.energy, blip.valence), (None, None, None));
    assert!(blip.arousal.is_some() && blip.brightness.is_some());
}

#[test]
fn silence_is_not_described() {
    let silence = Sound::new(RATE, Coding::S16, vec![vec![0.0; 10 * RATE as usize]]);
    assert_eq!(report(&silence.wav(), "descriptors").descriptors, None);
}

#[test]
fn ingredients_stay_out_of_the_report() {
    let bytes = dance(0.5).wav();
    let report = report(&bytes, "descriptors");
    assert!(report.loudness.is_none() && report.spectral.is_none());
    assert!(report.tempo.is_none() && report.tempo_absence.is_none());
    assert!(report.key.is_none() && report.key_absence.is_none());
    let all = analyze(input(&bytes), &only("all"), &mut |_| {}).unwrap().report;
    assert_eq!(report.descriptors, all.descriptors);
    assert!(all.loudness.is_some() && all.tempo.is_some() && all.spectral.is_some());
}
