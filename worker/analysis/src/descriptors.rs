//! Descriptors: what can be said of a piece in one number each. Formulas and sources are in the documentation of
//! [`report::Descriptors`].
//!
//! This room hears nothing. It reads the parts of the report that the others filled, and the novelty.

mod fluctuation;
mod pulse;
mod scale;

use crate::onset::{Band, Novelty, onsets_per_second};
use crate::traces::Traces;
use report::{Descriptors, Key, Mode, Report, Spectral, TempoAbsence};
use scale::{Scale, falling, rising};

/// Version of what is computed here.
pub(crate) const VERSION: u16 = 1;
/// Name of the heuristics, for those who read the report.
const METHOD: &str = "heuristic-1";

// The middles lie between the medians of what shall differ, in the generated dance music and grooves and in the folk tunes and
// slow pop songs of the development music; the widths are about half the distance of these medians.

/// Exponent of the fluctuations: dance music has 0.19, grooves 0.28, slow pop 0.38, folk tunes 0.70; white noise 0.26.
const REGULAR: Scale = falling(0.32, 0.07);
/// Bass novelty on the beats, in deviations: music with a kick 3.9, without 1.8.
const BASS_BEAT: Scale = rising(2.6, 0.7);
/// In LUFS: from chamber music (−30) to today's masters (−8).
const LOUD: Scale = rising(-18.0, 4.0);
const BUSY: Scale = rising(3.5, 1.2);
const RESTLESS: Scale = rising(0.22, 0.07);
/// In LU.
const EVEN: Scale = falling(4.0, 2.0);
/// In octaves above 1 Hz: 1600 Hz and 3200 Hz.
const BRIGHT: Scale = rising(10.644, 0.45);
const ROLLED_OFF: Scale = rising(11.644, 0.5);
/// Logarithm of the flatness: dance music −1.8, grooves −2.2, folk tunes −3.
const TONAL: Scale = falling(-2.4, 0.35);
/// In dB.
const CLEAR: Scale = rising(29.0, 2.5);
/// In octaves above 1 Hz: 1900 Hz.
const NARROW: Scale = falling(10.892, 0.3);
/// Logarithm of the novelty in the air: 0.04.
const AIRLESS: Scale = falling(-4.644, 0.8);
/// In octaves above 1 BPM: 105 BPM.
const FAST: Scale = rising(6.714, 0.35);
/// The least flatness and novelty that a logarithm is taken of.
const LEAST: f64 = 1e-6;

/// Describes the piece. `None` if nothing sounds.
pub(crate) fn describe(report: &Report, traces: &Traces) -> Option<Descriptors> {
    let (spectral, novelty) = (report.spectral.as_ref()?, traces.novelty.as_ref()?);
    let onsets_per_second = onsets_per_second(novelty)?;
    let lufs = report.loudness.as_ref().and_then(|it| it.integrated_lufs);
    let range = report.loudness.as_ref().and_then(|it| it.range_lu);
    let (busy, brightness) = (BUSY.of(onsets_per_second), brightness(spectral));
    let chroma = traces.harmony.as_ref().and_then(|harmony| harmony.mean());
    Some(Descriptors {
        onsets_per_second,
        chroma_mean: chroma.map_or_else(Vec::new, Vec::from),
        method: METHOD.to_owned(),
        danceability: danceability(report, novelty),
        energy: lufs.zip(range).map(|(lufs, range)| {
            let flux = RESTLESS.of(spectral.flux.mean);
            0.45 * LOUD.of(lufs) + 0.2 * busy + 0.25 * flux + 0.1 * EVEN.of(range)
        }),
        brightness: Some(brightness),
        acousticness: Some(acousticness(spectral, novelty)),
        valence: report.key.as_ref().zip(report.tempo.as_ref()).map(|(key, tempo)| {
            0.5 * major(key) + 0.3 * FAST.of(tempo.bpm.max(1.0).log2()) + 0.2 * brightness
        }),
        arousal: lufs.map(|lufs| 0.45 * LOUD.of(lufs) + 0.3 * busy + 0.25 * brightness),
    })
}

fn danceability(report: &Report, novelty: &Novelty) -> Option<f64> {
    if report.tempo.is_none() && report.tempo_absence == Some(TempoAbsence::TooShort) {
        return None;
    }
    // Noise fluctuates as evenly as a groove does, so evenness counts only where there is a pulse.
    let Some(tempo) = &report.tempo else { return Some(0.0) };
    let regular = fluctuation::exponent(novelty).map_or(0.0, |exponent| REGULAR.of(exponent));
    let beat = BASS_BEAT.of(pulse::strength(novelty, &tempo.beats));
    Some(0.5 * regular + 0.3 * beat + 0.2 * tempo.stability)
}

fn brightness(spectral: &Spectral) -> f64 {
    let octaves = |hz: f64| hz.max(1.0).log2();
    0.6 * BRIGHT.of(octaves(spectral.centroid_hz.mean))
        + 0.4 * ROLLED_OFF.of(octaves(spectral.rolloff_hz.mean))
}

fn acousticness(spectral: &Spectral, novelty: &Novelty) -> f64 {
    let contrast = spectral.contrast_db.iter().sum::<f64>() / spectral.contrast_db.len().max(1) as f64;
    let air = novelty.means()[Band::Air as usize];
    0.35 * TONAL.of(spectral.flatness.mean.max(LEAST).log10())
        + 0.25 * CLEAR.of(contrast)
        + 0.2 * NARROW.of(spectral.bandwidth_hz.mean.max(1.0).log2())
        + 0.2 * AIRLESS.of(air.max(LEAST).log2())
}

/// Chance that the mode is major, of the candidates.
fn major(key: &Key) -> f64 {
    let weight = |mode: Option<Mode>| -> f64 {
        key.candidates.iter().filter(|it| mode.is_none_or(|mode| it.mode == mode)).map(|it| it.weight).sum()
    };
    let all = weight(None);
    if all > 0.0 { weight(Some(Mode::Major)) / all } else { 0.5 }
}
