//! Instruments: a note in, its samples out. A voice knows neither the piece nor where in the stereo field it stands.

use super::compose::Note;
use super::random::Random;

mod additive;
mod drums;
mod fm;

/// An instrument that plays pitches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    RoundBass,
    SawBass,
    Pad,
    Pluck,
    Organ,
    ElectricPiano,
    Lead,
    Flute,
}

/// A drum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drum {
    Kick,
    Snare,
    ClosedHat,
    OpenHat,
}

/// Samples of a pitched note at `rate`, about −1 to 1, from its first moment to the end of its release.
pub(crate) fn tone(voice: Voice, note: &Note, pitch: u8, rate: f64) -> Vec<f64> {
    let mut samples = match voice {
        Voice::RoundBass => fm::tone(&fm::ROUND_BASS, pitch, note.length, rate),
        Voice::ElectricPiano => fm::tone(&fm::ELECTRIC_PIANO, pitch, note.length, rate),
        Voice::SawBass => additive::tone(&additive::SAW_BASS, pitch, note.length, rate),
        Voice::Pad => additive::tone(&additive::PAD, pitch, note.length, rate),
        Voice::Pluck => additive::tone(&additive::PLUCK, pitch, note.length, rate),
        Voice::Organ => additive::tone(&additive::ORGAN, pitch, note.length, rate),
        Voice::Lead => additive::tone(&additive::LEAD, pitch, note.length, rate),
        Voice::Flute => additive::tone(&additive::FLUTE, pitch, note.length, rate),
    };
    scale(&mut samples, note.velocity);
    samples
}

/// Samples of a drum hit.
pub(crate) fn hit(drum: Drum, note: &Note, rate: f64, random: &mut Random) -> Vec<f64> {
    let mut samples = match drum {
        Drum::Kick => drums::kick(rate),
        Drum::Snare => drums::snare(rate, random),
        Drum::ClosedHat => drums::hat(0.06, rate, random),
        Drum::OpenHat => drums::hat(0.3, rate, random),
    };
    scale(&mut samples, note.velocity);
    samples
}

fn scale(samples: &mut [f64], gain: f64) {
    for sample in samples {
        *sample *= gain;
    }
}

/// How a held note begins and ends, in seconds.
#[derive(Debug)]
struct Envelope {
    attack: f64,
    /// To −60 dB, while the note is held; `None` holds its level.
    decay: Option<f64>,
    release: f64,
}

impl Envelope {
    /// Level of every sample of a note held for `length` seconds.
    fn levels(&self, length: f64, rate: f64) -> Vec<f64> {
        let attack = (self.attack * rate).max(1.0);
        let held = (length * rate) as usize;
        let release = ((self.release * rate) as usize).max(1);
        let decay = self.decay.map_or(1.0, |seconds| super::math::decay_per_sample(seconds, rate));
        let mut decayed = 1.0;
        (0..held + release)
            .map(|i| {
                decayed *= decay;
                let rise = ((i as f64 + 1.0) / attack).min(1.0);
                let left = ((held + release - i) as f64 / release as f64).min(1.0);
                decayed * rise * left
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
