//! Pieces whose sections are known.

use crate::build::{input, only};
use crate::music::{Score, noise};
use analysis::analyze;
use report::Structure;

/// Pieces of each kind. With 40, boundaries within 3 s and within 0.5 s and labels have F = 0.94, 0.67 and 0.93 where harmony
/// alone differs, and 1.00, 1.00 and 0.99 where timbre or both do.
const PIECES: u64 = 4;

/// How the sections of a piece differ.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Harmony,
    Timbre,
    Both,
}

/// Four triads each, all in different keys or modes.
const CHORDS: [[f64; 4]; 3] = [[0.0, 5.0, 7.0, 0.0], [4.0, 9.0, 11.0, 4.0], [8.0, 1.0, 3.0, 8.0]];
/// Partials, length of the notes in beats, hats.
const SOUNDS: [(u32, f64, f64); 3] = [(2, 1.0, 0.0), (14, 0.4, 0.1), (6, 2.0, 0.03)];

struct Piece {
    score: Score,
    /// Start, and which section it is.
    sections: Vec<(f64, usize)>,
    seconds: f64,
}

/// A-B-A-C-A with sections of 9 to 25 s.
fn piece(kind: Kind, seed: u64) -> Piece {
    let dice = noise(64, seed);
    let beat = 0.45 + 0.1 * dice[0];
    let mut sections = Vec::new();
    let mut at = 0.0;
    for (n, section) in [0usize, 1, 0, 2, 0].into_iter().enumerate() {
        sections.push((at, section));
        at += (17.0 + 8.0 * dice[n + 1]).max(9.0);
    }
    let mut score = Score::new(at);
    let mut beats = 0;
    for (n, (from, section)) in sections.iter().enumerate() {
        let to = sections.get(n + 1).map_or(at, |it| it.0);
        let (harmony, timbre) = match kind {
            Kind::Harmony => (*section, 0),
            Kind::Timbre => (0, *section),
            Kind::Both => (*section, *section),
        };
        let (partials, length, hat) = SOUNDS[timbre];
        let mut time = *from;
        while time + 0.1 < to {
            let root = 48.0 + CHORDS[harmony][beats / 4 % 4];
            let long = (length * beat).min(to - time);
            for pitch in [0.0, 4.0, 7.0, 12.0] {
                score.tone(time, long, root + pitch, 0.06 + 0.02 * dice[beats % 64], partials, 1.0);
            }
            if hat > 0.0 {
                score.hat(time, hat, 0.03);
            }
            time += beat;
            beats += 1;
        }
    }
    Piece { score, sections, seconds: at }
}

fn found(score: &Score) -> Structure {
    analyze(input(&score.wav()), &only("structure"), &mut |_| {}).unwrap().report.structure.unwrap()
}

fn f_measure(hits: f64, found: f64, expected: f64) -> f64 {
    if found + expected > 0.0 { 2.0 * hits / (found + expected) } else { 1.0 }
}

/// Boundaries hit within a tolerance, each once (MIREX structural segmentation, without start and end).
fn boundaries(piece: &Piece, structure: &Structure, tolerance: f64) -> f64 {
    let expected: Vec<f64> = piece.sections[1..].iter().map(|it| it.0).collect();
    let found: Vec<f64> = structure.sections[1..].iter().map(|it| it.start_seconds).collect();
    let mut left = found.clone();
    let mut hits = 0.0;
    for at in &expected {
        if let Some(near) = left.iter().position(|it| (it - at).abs() <= tolerance) {
            left.remove(near);
            hits += 1.0;
        }
    }
    f_measure(hits, found.len() as f64, expected.len() as f64)
}

/// Pairs of instants, of a grid of 0.2 s, that are in sections of the same name in both (Levy & Sandler 2008).
fn pairs(piece: &Piece, structure: &Structure) -> f64 {
    let instants = (0..(piece.seconds / 0.2) as usize).map(|n| n as f64 * 0.2 + 0.1);
    let labels: Vec<(usize, &str)> = instants
        .map(|at| {
            let expected = piece.sections.iter().rfind(|it| it.0 <= at).unwrap().1;
            let section = structure.sections.iter().rfind(|it| it.start_seconds <= at).unwrap();
            (expected, section.label.as_str())
        })
        .collect();
    let (mut both, mut expected, mut found) = (0.0, 0.0, 0.0);
    for (n, a) in labels.iter().enumerate() {
        for b in &labels[n + 1..] {
            let alike = (a.0 == b.0, a.1 == b.1);
            expected += f64::from(u8::from(alike.0));
            found += f64::from(u8::from(alike.1));
            both += f64::from(u8::from(alike.0 && alike.1));
        }
    }
    f_measure(both, found, expected)
}

#[test]
fn sections_are_found_where_they_are() {
    for (kind, least) in
        [(Kind::Harmony, [0.85, 0.5, 0.85]), (Kind::Timbre, [0.95; 3]), (Kind::Both, [0.95; 3])]
    {
        let mut sums = [0.0; 3];
        for seed in 1..=PIECES {
            let piece = piece(kind, seed);
            let structure = found(&piece.score);
            let (first, last) = (&structure.sections[0], structure.sections.last().unwrap());
            assert!(first.start_seconds == 0.0 && (last.end_seconds - piece.seconds).abs() < 0.01);
            assert!(structure.sections.windows(2).all(|it| it[0].end_seconds == it[1].start_seconds));
            sums[0] += boundaries(&piece, &structure, 3.0);
            sums[1] += boundaries(&piece, &structure, 0.5);
            sums[2] += pairs(&piece, &structure);
        }
        let means = sums.map(|sum| sum / PIECES as f64);
        assert!(means.iter().zip(least).all(|(mean, least)| *mean >= least), "{kind:?}: {means:?}");
    }
}

#[test]
fn intro_and_outro_are_where_the_bass_is_not() {
    let mut score = Score::new(60.0);
    for n in 0..120u32 {
        let at = f64::from(n) * 0.5;
        score.tone(at, 0.5, 72.0 + f64::from(n % 4), 0.05, 4, 0.3);
        if (16.0..44.0).contains(&at) {
            score.kick(at, 0.7);
        }
    }
    let structure = found(&score);
    assert!((structure.intro_end_seconds.unwrap() - 16.0).abs() < 0.5, "{structure:?}");
    assert!((structure.outro_start_seconds.unwrap() - 44.0).abs() < 0.5, "{structure:?}");
    assert_eq!(structure.sections[0].label, structure.sections[2].label);
}

#[test]
fn what_stays_the_same_is_one_section() {
    let hiss = Score { samples: noise(60 * 22_050, 1).into_iter().map(|it| it * 0.1).collect() };
    let mut drone = Score::new(60.0);
    drone.tone(0.0, 60.0, 50.0, 0.2, 8, 1e9);
    for score in [hiss, drone] {
        let structure = found(&score);
        assert_eq!(structure.sections.len(), 1, "{structure:?}");
        assert_eq!((structure.intro_end_seconds, structure.outro_start_seconds), (None, None));
        assert_eq!((structure.sections[0].label.as_str(), structure.sections[0].novelty), ("A", 1.0));
    }
}

#[test]
fn short_and_silent_pieces() {
    let mut short = Score::new(19.0);
    short.tone(0.0, 9.0, 50.0, 0.2, 8, 1e9);
    short.tone(9.0, 10.0, 70.0, 0.2, 1, 1e9);
    assert_eq!(found(&short).sections.len(), 1);
    let silence = analyze(input(&Score::new(30.0).wav()), &only("structure"), &mut |_| {}).unwrap();
    assert_eq!(silence.report.structure, None);
}
