//! Near is what sounds alike.

use crate::build::{input, only};
use crate::music::{Score, noise};
use analysis::analyze;
use report::{Report, Similarity};

fn report(score: &Score) -> Report {
    analyze(input(&score.wav()), &only("similarity"), &mut |_| {}).unwrap().report
}

fn point(score: &Score) -> Similarity {
    report(score).similarity.unwrap()
}

/// A band of kick, hats and chords in a key; of different notes for each seed.
fn band(key: f64, seed: u64) -> Score {
    let mut score = Score::new(25.0);
    for (n, place) in noise(50, seed).into_iter().enumerate() {
        let at = n as f64 / 2.0;
        score.kick(at, 0.6);
        score.hat(at + 0.25, 0.3, 0.03);
        for pitch in [0.0, 4.0, 7.0, [12.0, 14.0, 16.0, 19.0][(place.abs() * 4.0) as usize % 4]] {
            score.tone(at, 0.5, 48.0 + key + pitch, 0.05, 8, 0.3);
        }
    }
    score
}

/// Long soft tones.
fn organ(seed: u64) -> Score {
    let mut score = Score::new(25.0);
    for (n, place) in noise(10, seed).into_iter().enumerate() {
        for pitch in [0.0, 3.0, 7.0] {
            score.tone(n as f64 * 2.5, 2.5, 60.0 + (place * 5.0).round() + pitch, 0.05, 3, 1e9);
        }
    }
    score
}

#[test]
fn pieces_of_a_kind_are_nearer_than_others() {
    let bands = [band(0.0, 1), band(0.0, 2), band(2.0, 3)].map(|it| point(&it));
    let organs = [organ(1), organ(2)].map(|it| point(&it));
    let distance = |a: &Similarity, b: &Similarity| a.distance(b).unwrap();
    let across = bands.iter().flat_map(|band| organs.iter().map(|organ| distance(band, organ)));
    let nearest = across.fold(f64::INFINITY, f64::min);
    for near in [(&bands[0], &bands[1]), (&bands[0], &bands[2]), (&organs[0], &organs[1])] {
        assert!(distance(near.0, near.1) < nearest / 2.0, "{} {nearest}", distance(near.0, near.1));
    }
}

#[test]
fn it_comes_alone_if_it_is_asked_for_alone() {
    let report = report(&organ(3));
    assert!(report.descriptors.is_none() && report.spectral.is_none() && report.loudness.is_none());
    assert!(report.tempo.is_none() && report.tempo_absence.is_none() && report.structure.is_none());
    assert!(report.key.is_none() && report.key_absence.is_none());
    let all = analyze(input(&organ(3).wav()), &only("all"), &mut |_| {}).unwrap().report;
    assert_eq!(report.similarity, all.similarity);
    let silence = analyze(input(&Score::new(5.0).wav()), &only("similarity"), &mut |_| {}).unwrap();
    assert_eq!(silence.report.similarity, None);
}
