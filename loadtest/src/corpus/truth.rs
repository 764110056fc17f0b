//! The truth beside the files: what an analysis should find, as JSON.

use super::error::{Error, writing};
use super::format::Format;
use super::pcm::{Layout, Pcm};
use super::piece::{ARTIST, Piece};
use super::write::Tags;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Name of the truth in its folder.
pub(crate) const FILE_NAME: &str = "truth.json";

const METHOD: &str = "Tempo, key, metre, beats and duration are those the piece was composed with; the lossy codecs of some containers add \
    up to 0.1 s of padding at the ends. integrated_lufs and true_peak_dbtp were measured on the encoded file by ffmpeg's ebur128 filter \
    (-af ebur128=peak=true), which rounds to 0.1; null where they were not measured or have no value. source_blake3 is the BLAKE3 hash of \
    the samples as they were encoded, interleaved little-endian.";

/// A folder's truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Truth {
    pub(crate) schema_version: u16,
    /// How each value was found.
    pub(crate) method: String,
    pub(crate) files: Vec<FileTruth>,
}

/// The truth of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileTruth {
    /// Relative to the truth's folder, with `/`.
    pub(crate) path: String,
    pub(crate) container: String,
    pub(crate) codec: String,
    pub(crate) lossless: bool,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u16,
    /// `None` for lossy codecs.
    pub(crate) bit_depth: Option<u16>,
    /// Length of the samples that were encoded.
    pub(crate) duration_seconds: f64,
    pub(crate) bpm: f64,
    pub(crate) time_signature: String,
    /// The first beat, a downbeat. Beat n is at `first_beat_seconds + n × 60 / bpm`.
    pub(crate) first_beat_seconds: f64,
    pub(crate) swing: f64,
    pub(crate) humanise_seconds: f64,
    pub(crate) key: KeyTruth,
    pub(crate) integrated_lufs: Option<f64>,
    pub(crate) true_peak_dbtp: Option<f64>,
    pub(crate) title: String,
    pub(crate) artist: String,
    pub(crate) album: String,
    pub(crate) genre: String,
    pub(crate) seed: u64,
    pub(crate) source_blake3: String,
    /// BLAKE3 of the whole file.
    pub(crate) file_blake3: String,
}

/// A key in the words of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyTruth {
    pub(crate) tonic: String,
    pub(crate) mode: String,
}

impl Truth {
    pub(crate) fn new(files: Vec<FileTruth>) -> Self {
        Self { schema_version: 1, method: METHOD.to_owned(), files }
    }
}

impl FileTruth {
    pub(crate) fn new(path: String, piece: &Piece, format: Format, pcm: &Pcm, file: &[u8]) -> Self {
        let facts = format.facts();
        let Layout { rate, channels, bits } = pcm.layout;
        let tags = tags(piece);
        Self {
            path,
            container: facts.container.to_owned(),
            codec: format.codec(bits).to_owned(),
            lossless: facts.lossless,
            sample_rate_hz: format.coded_rate(rate).unwrap_or(rate),
            channels,
            bit_depth: facts.lossless.then_some(bits),
            duration_seconds: pcm.seconds(),
            bpm: piece.bpm,
            time_signature: format!("{}/4", piece.style().beats_per_bar),
            first_beat_seconds: piece.lead_in,
            swing: piece.swing,
            humanise_seconds: piece.humanise,
            key: KeyTruth {
                tonic: piece.key.tonic_name().to_owned(),
                mode: piece.key.mode_name().to_owned(),
            },
            integrated_lufs: None,
            true_peak_dbtp: None,
            title: tags.title,
            artist: tags.artist,
            album: tags.album,
            genre: tags.genre,
            seed: piece.seed,
            source_blake3: blake3::hash(&pcm.bytes(super::pcm::Order::LittleEndian)).to_hex().to_string(),
            file_blake3: blake3::hash(file).to_hex().to_string(),
        }
    }
}

/// The tags of a piece.
pub(crate) fn tags(piece: &Piece) -> Tags {
    Tags {
        title: piece.title.clone(),
        artist: ARTIST.to_owned(),
        album: piece.album.clone(),
        genre: piece.style().name.to_owned(),
    }
}

/// Writes a truth into `folder`.
pub(crate) fn write(folder: &Path, truth: &impl Serialize) -> Result<(), Error> {
    let path = folder.join(FILE_NAME);
    let mut json = serde_json::to_string_pretty(truth).map_err(|e| writing(&path)(e.into()))?;
    json.push('\n');
    fs::write(&path, json).map_err(writing(&path))
}
