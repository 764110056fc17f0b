//! The key: which of the 24 major and minor keys the pitch classes fit.
//!
//! [`evidence`] compares them with what is known of how often each degree is heard ([`profiles`]) — in the whole piece, in
//! stretches of it, at its end — [`decision`] weighs that into a chance for each key, [`modulation`] looks for changes, and
//! [`notation`] spells the answer. All of these know pitch classes alone, no samples and no file.

mod cadence;
mod decision;
mod evidence;
mod modulation;
mod notation;
mod profiles;
#[cfg(test)]
mod tests;
mod tonality;

use crate::chroma::{CLASSES, Chroma, Harmony};
use crate::decimate::Decimator;
use crate::listener::Listener;
use crate::traces::Traces;
use decision::Chances;
use report::{Key, KeyAbsence, KeyCandidate, KeySegment, Report};

/// Version of what is computed here and in [`crate::chroma`].
pub(crate) const VERSION: u16 = 1;

/// Tonics times modes: C to B major, then C to B minor.
const KEYS: usize = 2 * CLASSES;
/// Candidates to report.
const CANDIDATES: usize = 3;

/// Listens for the key.
#[derive(Debug)]
pub(crate) struct KeyFinder(Chroma);

impl KeyFinder {
    /// For samples at `rate` Hz, as [`Decimator::low`] gives them.
    pub(crate) fn new(rate: f64) -> Self {
        Self(Chroma::new(rate))
    }
}

impl Listener for KeyFinder {
    fn name(&self) -> &'static str {
        "key"
    }

    fn version(&self) -> u16 {
        VERSION
    }

    fn hear(&mut self, sound: &Decimator) {
        self.0.push(sound.low());
    }

    fn finish(self: Box<Self>, report: &mut Report, traces: &mut Traces) {
        let harmony = self.0.finish();
        match find(&harmony) {
            Ok(key) => report.key = Some(key),
            Err(absence) => report.key_absence = Some(absence),
        }
        traces.harmony = Some(harmony);
    }
}

/// Decides on the key.
///
/// # Errors
/// Why there is none.
pub(crate) fn find(harmony: &Harmony) -> Result<Key, KeyAbsence> {
    tonality::check(harmony)?;
    let chances = decision::whole(harmony);
    let ranked = ranked(&chances);
    let candidates: Vec<KeyCandidate> =
        ranked.into_iter().take(CANDIDATES).map(|key| candidate(key, &chances)).collect();
    let best = ranked[0];
    let (tonic, mode) = notation::spell(best);
    Ok(Key {
        tonic,
        mode,
        confidence: chances[best],
        candidates,
        camelot: notation::camelot(best),
        open_key: notation::open_key(best),
        tuning_cents: harmony.tuning * 100.0,
        reference_hz: 440.0 * (harmony.tuning / 12.0).exp2(),
        segments: modulation::segments(harmony).into_iter().map(segment).collect(),
    })
}

/// The keys by falling chance; of equal ones the first in order.
fn ranked(chances: &Chances) -> [usize; KEYS] {
    let mut keys = std::array::from_fn(|key| key);
    keys.sort_by(|&a, &b| chances[b].total_cmp(&chances[a]));
    keys
}

fn candidate(key: usize, chances: &Chances) -> KeyCandidate {
    let (tonic, mode) = notation::spell(key);
    KeyCandidate { tonic, mode, weight: chances[key] }
}

fn segment(found: modulation::Segment) -> KeySegment {
    let (tonic, mode) = notation::spell(found.key);
    KeySegment { start_seconds: found.start, end_seconds: found.end, tonic, mode, confidence: found.chance }
}
