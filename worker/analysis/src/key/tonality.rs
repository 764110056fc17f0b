//! Whether there is a key at all.

use super::evidence;
use super::profiles::{self, ALBRECHT_SHANAHAN};
use crate::chroma::Harmony;
use report::KeyAbsence;

/// What the accord on a tuning and twice the fit must add up to. Of 45 tracks of drums alone and of noise the highest reached
/// 1.47, of 580 pieces of music, 42 of them the orchestral and dance music of games, the lowest 1.62.
const TONAL: f64 = 1.5;
/// A second of sound has five frames; less is one chord.
const MIN_SECONDS: f64 = 1.0;
/// One pitch class with its spill-over to the next ones has more than this share; a bare fifth has half.
const MAX_SHARE: f64 = 0.7;

/// Passes what has a key.
pub(super) fn check(harmony: &Harmony) -> Result<(), KeyAbsence> {
    let classes = evidence::sum(harmony.slices.iter().map(|slice| slice.clean));
    let total: f64 = classes.iter().sum();
    if total <= 0.0 {
        return Err(KeyAbsence::Silent);
    }
    if tonality(harmony) < TONAL {
        return Err(KeyAbsence::Atonal);
    }
    let largest = classes.iter().copied().fold(0.0, f64::max);
    if harmony.sounding_seconds < MIN_SECONDS || largest > MAX_SHARE * total {
        return Err(KeyAbsence::TooLittle);
    }
    Ok(())
}

/// 0 to 3: the accord and twice the mean fit of stretches of 8 s to their best key. A whole piece would not do: one that
/// modulates fits no key.
fn tonality(harmony: &Harmony) -> f64 {
    let plain: Vec<_> = harmony.slices.iter().map(|slice| slice.plain).collect();
    let fits: Vec<f64> = evidence::stretches(&plain, harmony.slice_seconds)
        .iter()
        .filter(|classes| classes.iter().sum::<f64>() > 0.0)
        .map(|classes| profiles::correlate(&ALBRECHT_SHANAHAN, classes).into_iter().fold(0.0, f64::max))
        .collect();
    harmony.accord + 2.0 * fits.iter().sum::<f64>() / fits.len().max(1) as f64
}
