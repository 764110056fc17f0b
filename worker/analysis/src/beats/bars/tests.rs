use super::*;
use crate::onset::{BANDS, PITCHES};
use proptest::prelude::*;

const RATE: f64 = 11_025.0 / 128.0;
const BEAT_SECONDS: f64 = 0.5;

/// Novelty of bars that begin at beat `phase` with the bass and another chord, and have a weaker chord on the other beats.
fn bars(metre: usize, phase: usize, beats: usize) -> (Novelty, Vec<f64>) {
    piece(beats, |beat| {
        let from_one = beat + metre - phase;
        let mut chord = [0.05; PITCHES];
        [0, 4, 7].iter().for_each(|step| chord[(from_one / metre * 5 + step) % PITCHES] = 1.0);
        let flux = if from_one.is_multiple_of(metre) {
            [1.0, 0.5, 0.3, 0.1, 0.5]
        } else {
            [0.05, 0.4, 0.4, 0.1, 0.2]
        };
        (flux, chord)
    })
}

fn piece(beats: usize, what: impl Fn(usize) -> ([f32; BANDS], [f32; PITCHES])) -> (Novelty, Vec<f64>) {
    let mut novelty = Novelty::new(RATE);
    let mut last = usize::MAX;
    for frame in 0..((beats as f64 + 0.5) * BEAT_SECONDS * RATE) as usize {
        let beat = ((frame as f64 / RATE + 1e-9) / BEAT_SECONDS) as usize;
        let (flux, chord) = what(beat);
        novelty.push(if beat == last { [0.01; BANDS] } else { flux }, chord);
        last = beat;
    }
    (novelty, (0..beats).map(|beat| beat as f64 * BEAT_SECONDS).collect())
}

#[test]
fn bars_of_three_and_four_begin_where_chord_and_bass_change() {
    for metre in [3, 4] {
        for phase in 0..metre {
            let (novelty, beats) = bars(metre, phase, 96);
            let bars = Bars::find(&novelty, &beats, 1.0).unwrap();
            assert_eq!(usize::from(bars.metre), metre, "phase {phase}");
            let truth: Vec<f64> = beats.iter().copied().skip(phase).step_by(metre).collect();
            assert_eq!(bars.downbeats, truth, "bars of {metre}");
        }
    }
}

#[test]
fn beats_that_are_all_alike_have_no_bars() {
    let (novelty, beats) = piece(96, |_| ([1.0, 0.8, 0.6, 0.3, 0.4], [0.3; PITCHES]));
    assert_eq!(Bars::find(&novelty, &beats, 1.0), None);
}

#[test]
fn a_piece_whose_bars_shift_in_the_middle_has_none() {
    let shifts = |beat: usize| {
        let one = if beat < 50 { beat.is_multiple_of(4) } else { beat % 4 == 2 };
        let mut chord = [0.05; PITCHES];
        chord[(if beat < 50 { beat / 4 } else { (beat + 2) / 4 }) * 5 % PITCHES] = 1.0;
        (if one { [1.0, 0.5, 0.3, 0.1, 0.5] } else { [0.05, 0.4, 0.4, 0.1, 0.2] }, chord)
    };
    let (novelty, beats) = piece(100, shifts);
    assert_eq!(Bars::find(&novelty, &beats, 1.0), None);
}

#[test]
fn beats_in_doubt_and_few_beats_have_no_bars() {
    let (novelty, beats) = bars(4, 1, 96);
    assert!(Bars::find(&novelty, &beats, 1.0).is_some());
    assert_eq!(Bars::find(&novelty, &beats, 0.5), None);
    assert_eq!(Bars::find(&novelty, &beats[..ENOUGH - 1], 1.0), None);
    assert_eq!(Bars::find(&novelty, &[], 1.0), None);
}

proptest! {
    /// The score against its definition: each beat by its place in the bar.
    #[test]
    fn scores_are_sums_over_the_beats(
        rows in prop::collection::vec(prop::array::uniform10(-3.0f64..3.0), 8..40),
        phase in 0usize..4,
    ) {
        for weights in &METRES {
            let metre = weights.positions.len();
            let phase = phase % metre;
            let mut sums = vec![0.0; metre];
            let mut counts = vec![0.0; metre];
            for (beat, row) in rows.iter().enumerate() {
                let position = (beat + metre * 8 - phase) % metre;
                counts[position] += 1.0;
                for (kind, value) in row.iter().enumerate() {
                    sums[position] += weights.positions[position][kind] * value;
                }
            }
            let mut slow = weights.prior + sums.iter().zip(counts).map(|(sum, count)| sum / count).sum::<f64>();
            for beat in metre..rows.len() {
                for kind in 0..KINDS {
                    let product = rows[beat][kind] * rows[beat - metre][kind];
                    slow += weights.again[kind] * product / (rows.len() - metre) as f64;
                }
            }
            prop_assert!((weights.score(&rows, phase).2 - slow).abs() < 1e-9);
        }
    }
}
