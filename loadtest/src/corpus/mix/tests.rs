use super::*;
use crate::corpus::piece::Wishes;
use crate::corpus::style::Genre;
use crate::corpus::write::{Tags, wav};
use clap::ValueEnum;
use hearing::{heard_key, periodicity, scale_share};

pub(in crate::corpus) mod hearing;

const LAYOUT: Layout = Layout { rate: 22_050, channels: 2, bits: 16 };

fn hash(seed: u64) -> blake3::Hash {
    let pcm = render(&Piece::new(seed, 4.0, &Wishes::default()), LAYOUT);
    blake3::hash(&wav(&pcm, &Tags::default()))
}

#[test]
fn a_seed_is_a_file() {
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn the_peak_is_where_it_should_be_and_nothing_clips() {
    for (seed, genre) in (0..).zip(Genre::value_variants()) {
        for layout in [LAYOUT, Layout { channels: 1, bits: 24, ..LAYOUT }] {
            let piece = Piece::new(seed, 3.0, &Wishes { genre: Some(*genre), ..Wishes::default() });
            let pcm = render(&piece, layout);
            assert_eq!(pcm.frames(), 3 * 22_050);
            let highest = f64::from((1_i32 << (layout.bits - 1)) - 1);
            let peak = pcm.samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
            let expected = highest * from_decibels(piece.peak_dbfs);
            assert!((f64::from(peak) - expected).abs() <= 1.0, "{genre:?} {peak} {expected}");
        }
    }
}

#[test]
fn fades_begin_and_end_at_nothing_and_the_middle_stays() {
    let wishes =
        Wishes { fade_in: Some(0.5), fade_out: Some(1.0), genre: Some(Genre::House), ..Wishes::default() };
    let faded = Piece::new(5, 4.0, &wishes);
    let plain = Piece { fade_in: 0.0, fade_out: 0.0, ..faded.clone() };
    let (faded, plain) = (render(&faded, LAYOUT).samples, render(&plain, LAYOUT).samples);
    assert_eq!((faded[0], faded[faded.len() - 1]), (0, 0));
    assert_eq!(faded[50_000..60_000], plain[50_000..60_000]);
    let energy = |samples: &[i32]| samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
    let last_second = faded.len() - 44_100..;
    // The mean of the square of a fall from 1 to 0 is a third.
    let share = energy(&faded[last_second.clone()]) / energy(&plain[last_second]);
    assert!((0.2..0.5).contains(&share), "{share}");
}

#[test]
fn the_stereo_field_is_used_and_balanced() {
    let pcm = render(&Piece::new(5, 10.0, &Wishes::default()), LAYOUT);
    let power =
        |which: usize| pcm.samples.iter().skip(which).step_by(2).map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let balance = power(0) / power(1);
    assert!((0.5..2.0).contains(&balance), "{balance}");
    assert!(pcm.samples.chunks(2).any(|frame| (frame[0] - frame[1]).abs() > 500));
}

#[test]
fn a_piece_of_120_bpm_repeats_every_half_second() {
    for genre in [Genre::House, Genre::Trance, Genre::Rock, Genre::Pop] {
        let piece =
            Piece::new(9, 16.0, &Wishes { genre: Some(genre), bpm: Some(120.0), ..Wishes::default() });
        let period = periodicity(&render(&piece, LAYOUT), 0.35, 0.7);
        assert!((period - 0.5).abs() <= 0.01, "{genre:?} {period}");
    }
}

#[test]
fn the_key_can_be_heard() {
    let mut missed = Vec::new();
    for seed in 0..40 {
        let piece = Piece::new(seed, 16.0, &Wishes::default());
        let pcm = render(&piece, LAYOUT);
        let share = scale_share(&pcm, piece.key);
        // Seven of twelve pitch classes have 58 % of noise.
        assert!(share > 0.65, "{piece:?}: {share}");
        if heard_key(&pcm) != piece.key {
            missed.push(piece);
        }
    }
    // The listener is a simple one, and now and then takes a harmonic of the bass for a note.
    assert!(missed.len() <= 1, "{missed:?}");
}
