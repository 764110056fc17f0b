//! The similarity vector: a piece as a point, near to those that sound alike. What its numbers are is in the documentation of
//! [`report::Similarity`].
//!
//! This room hears nothing: it reads the parts of the report that the others filled.

mod corpus;

use crate::chroma::CLASSES;
use corpus::CORPUS;
use report::{Descriptors, Loudness, Report, Similarity, Spectral, Tempo};
use std::f64::consts::PI;

/// Version of what is computed here.
pub(crate) const VERSION: u16 = 1;

/// Numbers of each group, and how much the group counts. Timbre and rhythm know a piece by themselves, harmony and dynamics
/// hardly: of 103 pieces cut in two, the other half was the nearest of all 205 for 77, 68, 20 and 18 %, with all four counting
/// alike for 71 %, with these weights for 83 %.
const GROUPS: [(usize, f64); 4] = [(27, 2.0), (6, 1.0), (6, 0.5), (3, 0.5)];
/// Numbers in a vector.
pub(crate) const WIDTH: usize = 42;
/// Steps to a deviation of a group of one number that counts 1: with this, three deviations of any of them fit a byte.
const STEPS: f64 = 100.0;
/// What is further from the mean, in deviations, is as far as this.
const FARTHEST: f64 = 3.0;
/// The least flatness that a logarithm is taken of.
const LEAST_FLATNESS: f64 = 1e-6;
/// Onsets per second where the logarithm begins to tell them apart.
const FEW_ONSETS: f64 = 0.5;

/// Describes the piece. `None` if nothing sounds.
pub(crate) fn describe(report: &Report) -> Option<Similarity> {
    let weights = GROUPS
        .iter()
        .flat_map(|(count, weight)| std::iter::repeat_n((weight / *count as f64).sqrt() * STEPS, *count));
    let numbers = numbers(report)?.into_iter().zip(CORPUS).zip(weights);
    let vector = numbers.map(|((number, (mean, deviation)), weight)| {
        let away = number.map_or(0.0, |it| ((it - mean) / deviation).clamp(-FARTHEST, FARTHEST));
        (away * weight).round() as i8
    });
    Some(Similarity { version: VERSION, vector: vector.collect() })
}

/// The numbers as they are; `None` what the piece does not have.
pub(crate) fn numbers(report: &Report) -> Option<[Option<f64>; WIDTH]> {
    let (spectral, descriptors) = (report.spectral.as_ref()?, report.descriptors.as_ref()?);
    let mut numbers = [None; WIDTH];
    let found = timbre(spectral)
        .into_iter()
        .chain(rhythm(spectral, descriptors, report.tempo.as_ref()))
        .chain(harmony(&descriptors.chroma_mean))
        .chain(dynamics(spectral, report.loudness.as_ref()?));
    numbers.iter_mut().zip(found).for_each(|(to, from)| *to = from);
    Some(numbers)
}

fn timbre(spectral: &Spectral) -> [Option<f64>; 27] {
    let octaves = |hz: f64| Some(hz.max(1.0).log2());
    std::array::from_fn(|at| match at {
        0..12 => spectral.mfcc_mean.get(at + 1).copied(),
        12..19 => spectral.mfcc_variance.get(at - 12).map(|it| it.ln_1p()),
        19..24 => spectral.contrast_db.get(at - 18).copied(),
        24 => octaves(spectral.centroid_hz.mean),
        25 => Some(spectral.flatness.mean.max(LEAST_FLATNESS).log10()),
        _ => octaves(spectral.rolloff_hz.mean),
    })
}

/// An octave of the tempo is a full turn, so half and twice the tempo are the same.
fn rhythm(spectral: &Spectral, descriptors: &Descriptors, tempo: Option<&Tempo>) -> [Option<f64>; 6] {
    let turn = tempo.map(|it| 2.0 * PI * it.bpm.max(1.0).log2());
    [
        Some((descriptors.onsets_per_second + FEW_ONSETS).log2()),
        descriptors.danceability,
        Some(spectral.flux.mean),
        Some(spectral.flux.deviation),
        turn.map(f64::cos),
        turn.map(f64::sin),
    ]
}

/// To transpose is to turn the phases alone.
fn harmony(chroma: &[f64]) -> [Option<f64>; 6] {
    std::array::from_fn(|at| {
        (chroma.len() == CLASSES).then(|| {
            let turn = 2.0 * PI * (at + 1) as f64 / CLASSES as f64;
            let part = |wave: fn(f64) -> f64| -> f64 {
                chroma.iter().enumerate().map(|(class, share)| share * wave(turn * class as f64)).sum()
            };
            part(f64::cos).hypot(part(f64::sin))
        })
    })
}

fn dynamics(spectral: &Spectral, loudness: &Loudness) -> [Option<f64>; 3] {
    let above = loudness.true_peak_dbtp.zip(loudness.integrated_lufs).map(|(peak, lufs)| peak - lufs);
    [loudness.range_lu, above, spectral.mfcc_variance.first().map(|it| it.sqrt())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::Spread;

    #[test]
    fn three_deviations_of_any_number_fit_a_byte() {
        assert_eq!(GROUPS.iter().map(|(count, _)| count).sum::<usize>(), WIDTH);
        for (count, weight) in GROUPS {
            assert!((weight / count as f64).sqrt() * STEPS * FARTHEST <= 127.0);
        }
        assert!(CORPUS.iter().all(|(mean, deviation)| mean.is_finite() && *deviation > 0.0));
    }

    fn piece(tonic: usize, bpm: f64) -> Report {
        let mut chroma = [0.2, 0.0, 0.1, 0.0, 0.2, 0.1, 0.0, 0.2, 0.0, 0.1, 0.0, 0.1].to_vec();
        chroma.rotate_right(tonic);
        let spread = Spread { mean: 0.2, deviation: 0.1 };
        let spectral = Spectral { flux: spread, mfcc_mean: vec![1.0; 13], ..Spectral::default() };
        Report {
            spectral: Some(spectral),
            descriptors: Some(Descriptors {
                chroma_mean: chroma,
                onsets_per_second: 3.0,
                ..Descriptors::default()
            }),
            loudness: Some(Loudness::default()),
            tempo: Some(Tempo { bpm, ..Tempo::default() }),
            ..Report::default()
        }
    }

    #[test]
    fn neither_the_key_nor_the_octave_of_the_tempo_matters() {
        let one = describe(&piece(0, 70.0)).unwrap();
        assert_eq!(describe(&piece(7, 140.0)), Some(one.clone()));
        let other = describe(&piece(0, 99.0)).unwrap();
        assert!(one.distance(&other).unwrap() > 0.2);
    }

    #[test]
    fn the_transform_agrees_with_its_definition() {
        let chroma: Vec<f64> = (0..12).map(|it| f64::from(it * it % 7)).collect();
        for (at, found) in harmony(&chroma).into_iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, value) in chroma.iter().enumerate() {
                let turn = -2.0 * PI * ((at + 1) * n) as f64 / 12.0;
                re += value * turn.cos();
                im += value * turn.sin();
            }
            assert!((found.unwrap() - (re * re + im * im).sqrt()).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_missing_counts_as_the_mean() {
        let silent = Report { spectral: None, ..piece(0, 100.0) };
        assert_eq!(describe(&silent), None);
        let still = describe(&Report { tempo: None, ..piece(0, 100.0) }).unwrap();
        assert_eq!(still.vector[31..33], [0, 0]);
    }
}
