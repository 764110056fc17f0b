//! What of an older report still holds, and how its new parts are put into it.
//!
//! Each part has a version, raised when the same signal gets another result. A part is stale when its own version or that of
//! anything it is made from has been raised since. What a *newer* analyser made is never stale: while a fleet is being
//! updated, an old worker takes the answer of a new one and does not undo it.

use crate::decode::libav_version;
use crate::{DECODER, Feature, Features, VERSION};
use report::{Report, Versions};

/// How much of a report has to be computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staleness {
    /// Nothing.
    Current,
    /// These parts; the others hold.
    Parts(Features),
    /// All of it: it was made from other samples, or cannot be read as a report of today.
    Whole,
}

/// What of a report, made of these features, is older than this analyser.
#[must_use]
pub fn staleness(asked: Features, known: &Report) -> Staleness {
    if known.schema_version != report::SCHEMA_VERSION {
        return Staleness::Whole;
    }
    let versions = &known.versions;
    if generation(&versions.analysis) > generation(VERSION) {
        return Staleness::Current;
    }
    if versions.analysis != VERSION
        || versions.decoder != DECODER
        || is_older_libav(&known.audio.decoder, &libav_version())
    {
        return Staleness::Whole;
    }
    let stale: Features = asked.iter().filter(|feature| is_stale(*feature, versions)).collect();
    if stale.is_empty() { Staleness::Current } else { Staleness::Parts(stale) }
}

/// The number at the beginning of an analyser's version.
fn generation(version: &str) -> u32 {
    version.split('+').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether libav decoded it, in a version from before ours. A worker without libav takes what another has decoded.
fn is_older_libav(known: &str, ours: &str) -> bool {
    let numbers = |version: &str| -> Option<Vec<u32>> {
        version.strip_prefix("libavcodec-")?.split('.').map(|number| number.parse().ok()).collect()
    };
    numbers(known).zip(numbers(ours)).is_some_and(|(known, ours)| known < ours)
}

fn is_stale(feature: Feature, known: &Versions) -> bool {
    let needed: Features = [feature].into_iter().collect();
    needed.with_ingredients().iter().any(|part| match part.version() {
        Some(version) => known.parts.get(part.name()).is_none_or(|known| *known < version),
        None => false,
    })
}

/// The known report with these parts of a fresh one of the same audio. `None` when the two are not of one kind: then only a
/// whole analysis helps.
///
/// What each part cost is what it cost when it was computed, and the total is their sum with the last decoding.
#[must_use]
pub fn merge(known: &Report, fresh: Report, parts: Features) -> Option<Report> {
    let alike = known.schema_version == fresh.schema_version
        && known.versions.analysis == fresh.versions.analysis
        && known.versions.decoder == fresh.versions.decoder
        && known.audio == fresh.audio;
    if !alike {
        return None;
    }
    let mut merged = known.clone();
    for (part, version) in &fresh.versions.parts {
        let kept = merged.versions.parts.contains_key(part);
        if !kept || parts.iter().any(|feature| feature.name() == part) {
            merged.versions.parts.insert(part.clone(), *version);
        }
    }
    let timings = &mut merged.timings_seconds;
    timings.parts.extend(fresh.timings_seconds.parts.clone());
    timings.decode = fresh.timings_seconds.decode;
    timings.total = timings.decode + timings.parts.values().sum::<f64>();
    let mut fresh = fresh;
    parts.iter().for_each(|feature| take(feature, &mut fresh, &mut merged));
    Some(merged)
}

/// Moves one part. The one place that says which fields of a report a feature fills.
fn take(feature: Feature, from: &mut Report, into: &mut Report) {
    match feature {
        Feature::Tags => into.tags = from.tags.take(),
        Feature::Loudness => into.loudness = from.loudness.take(),
        Feature::Quality => into.quality = from.quality.take(),
        Feature::Silence => into.silence = from.silence.take(),
        Feature::Waveform => into.waveform = from.waveform.take(),
        Feature::Key => (into.key, into.key_absence) = (from.key.take(), from.key_absence.take()),
        Feature::Tempo => (into.tempo, into.tempo_absence) = (from.tempo.take(), from.tempo_absence.take()),
        Feature::Spectral => into.spectral = from.spectral.take(),
        Feature::Descriptors => into.descriptors = from.descriptors.take(),
        Feature::Structure => into.structure = from.structure.take(),
        Feature::Similarity => into.similarity = from.similarity.take(),
        Feature::Fingerprint => into.fingerprint = from.fingerprint.take(),
    }
}

/// Eight hexadecimal digits that stand for all that this analyser would answer with: its version, the features, and the
/// version of each of them. Others mean that at least some reports would differ.
#[must_use]
pub fn revision(asked: Features) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(VERSION.as_bytes()).update(asked.to_string().as_bytes());
    // What ended as unsupported without libav is worth another try with it.
    hasher.update(libav_version().as_bytes());
    for part in asked.with_ingredients().iter() {
        hasher.update(part.name().as_bytes()).update(&part.version().unwrap_or(0).to_le_bytes());
    }
    hasher.finalize().as_bytes()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
