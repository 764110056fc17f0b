//! Whether there is a key at all.

use super::evidence;
use super::profiles::{self, ALBRECHT_SHANAHAN};
use crate::chroma::Harmony;
use report::KeyAbsence;

/// What the accord on a tuning, the best correlation with a profile, and half the share of lasting sound must add up to. Of
/// 45 tracks of drums alone and of noise the highest reached 1.14, of 424 pieces of music the lowest 1.42.
const TONAL: f64 = 1.2;
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

/// 0 to 2.5.
fn tonality(harmony: &Harmony) -> f64 {
    let plain = evidence::sum(harmony.slices.iter().map(|slice| slice.plain));
    let fit = profiles::correlate(&ALBRECHT_SHANAHAN, &plain).into_iter().fold(0.0, f64::max);
    harmony.accord + fit + 0.5 * harmony.lasting
}
