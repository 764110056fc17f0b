//! The schema of what an analysis leaves behind: one [`Report`] per piece of audio, stored, cached and exported as it is.
//!
//! This crate is data alone. It knows neither how a value is computed nor where it is kept.
//!
//! **Compatibility.** Readers ignore fields they do not know and fill the ones that are missing with their defaults, in
//! MessagePack with named fields as in JSON. So a field may be added at any time; a field whose meaning or unit changes
//! gets a new name, or a new [`SCHEMA_VERSION`].
//!
//! **Numbers.** Every number is finite: what has no finite value (the level of digital silence, the loudness of a piece
//! below the gate) is `None`. Names carry their units.

mod audio;
mod descriptors;
mod fingerprint;
mod key;
mod loudness;
mod origin;
mod quality;
mod quantised;
mod similarity;
mod spectral;
mod structure;
mod tags;
mod tempo;
mod waveform;

pub use audio::Audio;
pub use descriptors::Descriptors;
pub use fingerprint::Fingerprint;
pub use key::{Key, KeyAbsence, KeyCandidate, KeySegment, Mode};
pub use loudness::Loudness;
pub use origin::{Timings, Versions};
pub use quality::{Quality, Silence};
pub use similarity::Similarity;
pub use spectral::{Spectral, Spread};
pub use structure::{Section, Structure};
pub use tags::{CoverArt, MusicBrainz, ReplayGain, Tags};
pub use tempo::{Tempo, TempoAbsence, TempoCandidate, TempoSegment};
pub use waveform::Waveform;

use serde::{Deserialize, Serialize};

/// The version of this schema, raised only when a stored report can no longer be read as a current one.
pub const SCHEMA_VERSION: u16 = 1;

/// Everything that was found out about one piece of audio. A part that was not asked for, or that does not apply, is
/// `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Report {
    /// The schema this report was written with: [`SCHEMA_VERSION`] of its writer.
    pub schema_version: u16,
    /// Container, codec, format of the samples, and length.
    pub audio: Audio,
    /// What the file says of itself.
    pub tags: Option<Tags>,
    /// Loudness and peaks.
    pub loudness: Option<Loudness>,
    /// Silence at both ends.
    pub silence: Option<Silence>,
    /// Evidence of damage: clipping, offset, decoder errors.
    pub quality: Option<Quality>,
    /// An overview of the signal, for drawing.
    pub waveform: Option<Waveform>,
    /// Tempo and beats.
    pub tempo: Option<Tempo>,
    /// Why there is no tempo, if one was looked for.
    pub tempo_absence: Option<TempoAbsence>,
    /// The key.
    pub key: Option<Key>,
    /// Why there is no key, if one was looked for.
    pub key_absence: Option<KeyAbsence>,
    /// How the sound is spread over the frequencies.
    pub spectral: Option<Spectral>,
    /// What a listener might say of the piece.
    pub descriptors: Option<Descriptors>,
    /// Sections.
    pub structure: Option<Structure>,
    /// A point near to those of pieces that sound alike.
    pub similarity: Option<Similarity>,
    /// What the recording is known by. `None` for less than 2.7 s of audio and for silence.
    pub fingerprint: Option<Fingerprint>,
    /// What computed this report.
    pub versions: Versions,
    /// What it cost. The only part that differs from one run to the next.
    pub timings_seconds: Timings,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            audio: Audio::default(),
            tags: None,
            loudness: None,
            silence: None,
            quality: None,
            waveform: None,
            tempo: None,
            tempo_absence: None,
            key: None,
            key_absence: None,
            spectral: None,
            descriptors: None,
            structure: None,
            similarity: None,
            fingerprint: None,
            versions: Versions::default(),
            timings_seconds: Timings::default(),
        }
    }
}
