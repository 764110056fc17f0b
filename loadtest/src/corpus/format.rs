//! The file formats: their names, what is in them, and how they are made.

use super::error::Error;
use super::ffmpeg;
use super::pcm::Pcm;
use super::write::{Tags, aifc, aiff, caf, wav};
use clap::ValueEnum;
use std::fs;
use std::path::Path;

/// A container with a codec in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// RIFF WAVE, PCM.
    Wav,
    /// AIFF, PCM.
    Aiff,
    /// AIFC, PCM: little-endian for 16 bits.
    Aifc,
    /// Core Audio Format, PCM.
    Caf,
    /// FLAC.
    Flac,
    /// MPEG-1/2 layer III.
    Mp3,
    /// Vorbis in Ogg.
    Ogg,
    /// AAC-LC in MPEG-4.
    M4a,
    /// Apple Lossless in MPEG-4.
    Alac,
    /// AAC-LC as an ADTS stream.
    Aac,
    /// FLAC in Matroska.
    Mka,
    /// Vorbis in WebM.
    Webm,
    /// Opus in Ogg.
    Opus,
}

/// Rates of MPEG-1, 2 and 2.5 audio.
const MPEG_RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// Rates that AAC has besides.
const AAC_RATES: [u32; 3] = [64_000, 88_200, 96_000];

/// The facts of a format, in the words of a report.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) extension: &'static str,
    pub(crate) container: &'static str,
    pub(crate) lossless: bool,
    /// What ffmpeg is told; `None` for the formats written here.
    pub(super) encoder: Option<&'static [&'static str]>,
}

impl Format {
    pub(crate) fn facts(self) -> Facts {
        let ours = |extension, container| Facts { extension, container, lossless: true, encoder: None };
        let lossy = |extension, container, encoder| Facts {
            extension,
            container,
            lossless: false,
            encoder: Some(encoder),
        };
        let lossless = |extension, container, encoder| Facts {
            extension,
            container,
            lossless: true,
            encoder: Some(encoder),
        };
        match self {
            Self::Wav => ours("wav", "wav"),
            Self::Aiff => ours("aiff", "aiff"),
            Self::Aifc => ours("aifc", "aiff"),
            Self::Caf => ours("caf", "caf"),
            Self::Flac => lossless(
                "flac",
                "flac",
                &[
                    "-c:a",
                    "flac",
                    "-compression_level",
                    "12",
                    "-metadata_header_padding",
                    "256",
                    "-f",
                    "flac",
                ],
            ),
            Self::Mp3 => lossy("mp3", "mp3", &["-c:a", "libmp3lame", "-id3v2_version", "3", "-f", "mp3"]),
            Self::Ogg => lossy("ogg", "ogg", &["-c:a", "libvorbis", "-f", "ogg"]),
            Self::M4a => lossy("m4a", "mp4", &["-c:a", "aac", "-f", "ipod"]),
            Self::Alac => lossless("alac.m4a", "mp4", &["-c:a", "alac", "-f", "ipod"]),
            Self::Aac => lossy("aac", "adts", &["-c:a", "aac", "-write_id3v2", "1", "-f", "adts"]),
            Self::Mka => {
                lossless("mka", "mkv", &["-c:a", "flac", "-compression_level", "12", "-f", "matroska"])
            }
            Self::Webm => lossy("webm", "mkv", &["-c:a", "libvorbis", "-f", "webm"]),
            Self::Opus => lossy("opus", "ogg", &["-c:a", "libopus", "-f", "opus"]),
        }
    }

    /// Name of the codec in a report, for samples of so many bits.
    pub(crate) fn codec(self, bits: u16) -> &'static str {
        match (self, bits) {
            (Self::Wav | Self::Caf, 24) => "pcm_s24le",
            (Self::Aiff | Self::Aifc, 24) => "pcm_s24be",
            (Self::Wav | Self::Aifc | Self::Caf, _) => "pcm_s16le",
            (Self::Aiff, _) => "pcm_s16be",
            (Self::Flac | Self::Mka, _) => "flac",
            (Self::Mp3, _) => "mp3",
            (Self::Ogg | Self::Webm, _) => "vorbis",
            (Self::M4a | Self::Aac, _) => "aac",
            (Self::Alac, _) => "alac",
            (Self::Opus, _) => "opus",
        }
    }

    /// The sample rate a decoder will state for samples of this rate; `None` if the codec cannot hold them.
    pub(crate) fn coded_rate(self, rate: u32) -> Option<u32> {
        match self {
            Self::Mp3 => MPEG_RATES.contains(&rate).then_some(rate),
            Self::M4a | Self::Aac => {
                (MPEG_RATES.contains(&rate) || AAC_RATES.contains(&rate)).then_some(rate)
            }
            // Opus always runs at 48 kHz.
            Self::Opus => Some(48_000),
            _ => Some(rate),
        }
    }

    /// Writes a file. `bitrate_kbps` is heeded by the lossy codecs alone.
    pub(crate) fn write(self, pcm: &Pcm, tags: &Tags, bitrate_kbps: u32, path: &Path) -> Result<(), Error> {
        let Some(encoder) = self.facts().encoder else {
            return fs::write(path, self.bytes(pcm, tags)).map_err(super::error::writing(path));
        };
        let mut arguments: Vec<String> = encoder.iter().map(ToString::to_string).collect();
        if self.facts().lossless {
            // ffmpeg takes 24 bits out of 32 for FLAC and ALAC alike, and 16 in its planar or packed form.
            let wide = if self == Self::Alac { ("s32p", "s16p") } else { ("s32", "s16") };
            arguments.extend([
                "-sample_fmt".to_owned(),
                if pcm.layout.bits > 16 { wide.0 } else { wide.1 }.to_owned(),
            ]);
        } else {
            arguments.extend(["-b:a".to_owned(), format!("{bitrate_kbps}k")]);
        }
        ffmpeg::encode(&wav(pcm, &Tags::default()), &arguments, tags, path)
    }

    /// The bytes of a format that is written here; a WAV for the others.
    pub(crate) fn bytes(self, pcm: &Pcm, tags: &Tags) -> Vec<u8> {
        match self {
            Self::Aiff => aiff(pcm, tags),
            Self::Aifc => aifc(pcm, tags),
            Self::Caf => caf(pcm, tags),
            _ => wav(pcm, tags),
        }
    }

    /// Whether the format is written here, byte for byte the same everywhere.
    pub(crate) fn is_ours(self) -> bool {
        self.facts().encoder.is_none()
    }
}
