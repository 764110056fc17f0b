use super::*;
use crate::corpus::piece::Wishes;
use crate::corpus::style::{Genre, SwingUnit};
use crate::corpus::theory::{Key, Mode};
use clap::ValueEnum;

fn piece(seed: u64, genre: Genre) -> Piece {
    Piece::new(seed, 30.0, &Wishes { genre: Some(genre), ..Wishes::default() })
}

#[test]
fn whatever_is_written_on_a_beat_is_played_on_it() {
    for genre in Genre::value_variants() {
        let piece = piece(3, *genre);
        let notes = compose(&piece);
        let on_beats: Vec<_> = notes.iter().filter(|note| note.step % 4 == 0).collect();
        assert!(on_beats.len() > 50, "{genre:?}");
        for note in on_beats {
            let expected = piece.lead_in + (note.step / 4) as f64 * 60.0 / piece.bpm;
            assert!((note.start - expected).abs() < 1e-9, "{genre:?} {note:?} {expected}");
        }
    }
}

#[test]
fn a_house_kick_falls_on_every_beat() {
    let piece = Piece { bpm: 120.0, lead_in: 0.25, ..piece(3, Genre::House) };
    let kicks: Vec<f64> = compose(&piece).iter().filter(|n| n.part == Part::Kick).map(|n| n.start).collect();
    let expected: Vec<f64> = (0..60).map(|beat| 0.25 + f64::from(beat) * 0.5).collect();
    assert_eq!(kicks, expected);
}

#[test]
fn swing_delays_every_second_note_of_its_pair_and_nothing_else() {
    for genre in Genre::value_variants() {
        let piece = Piece { swing: 2.0 / 3.0, lead_in: 0.0, ..piece(3, *genre) };
        let steps = if piece.style().swing_unit == SwingUnit::Eighths { 4 } else { 2 };
        for note in compose(&piece).iter().filter(|n| n.step % steps == steps / 2) {
            let pair = (note.step / steps) as f64;
            let expected = (pair + 2.0 / 3.0) * steps as f64 / 4.0 * piece.beat();
            assert!((note.start - expected).abs() < 1e-9, "{genre:?} {note:?} {expected}");
        }
    }
}

#[test]
fn a_human_is_never_further_off_than_asked_and_not_always_on_time() {
    let exact = Piece { lead_in: 0.1, ..piece(3, Genre::Pop) };
    let loose = Piece { humanise: 0.02, ..exact.clone() };
    let differences: Vec<f64> =
        compose(&exact).iter().zip(compose(&loose)).map(|(a, b)| (a.start - b.start).abs()).collect();
    assert!(differences.iter().all(|d| *d <= 0.02), "{differences:?}");
    assert!(differences.iter().filter(|d| **d > 0.005).count() > differences.len() / 2);
}

#[test]
fn every_pitch_lies_in_the_scale() {
    for (seed, genre) in (0..).zip(Genre::value_variants()) {
        for tonic in 0..12 {
            for (mode, scale) in
                [(Mode::Major, [0, 2, 4, 5, 7, 9, 11]), (Mode::Minor, [0, 2, 3, 5, 7, 8, 10])]
            {
                let piece = Piece { key: Key { tonic, mode }, ..piece(seed, *genre) };
                let pitches: Vec<u8> = compose(&piece).iter().filter_map(|note| note.pitch).collect();
                assert!(pitches.len() > 50);
                assert!(pitches.iter().all(|p| scale.contains(&((p + 12 - tonic) % 12))), "{piece:?}");
                assert!(pitches.iter().all(|p| (33..96).contains(p)), "{piece:?}");
            }
        }
    }
}

#[test]
fn a_piece_begins_and_ends_on_the_tonic_chord() {
    for seed in 0..50 {
        let piece = Piece::new(seed, 30.0, &Wishes::default());
        let notes = compose(&piece);
        let bass: Vec<u8> = notes.iter().filter(|n| n.part == Part::Bass).filter_map(|n| n.pitch).collect();
        assert_eq!(bass.first().map(|p| p % 12), Some(piece.key.tonic), "{piece:?}");
        let chords = harmony::chords(&piece, bars(&piece), &mut Random::new(seed, "harmony"));
        assert_eq!(chords.last(), Some(&0));
    }
}

#[test]
fn notes_fill_the_piece_and_do_not_leave_it() {
    for genre in Genre::value_variants() {
        let piece = piece(8, *genre);
        let notes = compose(&piece);
        let last = notes.iter().fold(0.0_f64, |last, note| last.max(note.start));
        assert!(last < 30.0 && last > 28.0, "{genre:?} {last}");
        assert!(notes.iter().all(|n| n.length > 0.0 && n.velocity > 0.0 && n.velocity <= 1.0), "{genre:?}");
    }
}
