//! The format of a WAV file (WAVEFORMATEX, RFC 2361), which Matroska and QuickTime use as well.

use super::bytes::{le16, le32};
use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, CODEC_ID_NULL_AUDIO};

pub(super) const PCM: u16 = 1;
pub(super) const MS_ADPCM: u16 = 2;
pub(super) const FLOAT: u16 = 3;
pub(super) const A_LAW: u16 = 6;
pub(super) const MU_LAW: u16 = 7;
pub(super) const IMA_ADPCM: u16 = 0x11;
pub(super) const MPEG: u16 = 0x50;
pub(super) const MP3: u16 = 0x55;
pub(super) const EXTENSIBLE: u16 = 0xfffe;

/// The part of a subformat that is the same for all that are numbers of codecs (mmreg.h).
const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// A format chunk.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WaveFormat {
    /// Number of the codec; that of the subformat where there is one.
    pub(super) tag: u16,
    pub(super) channels: u16,
    pub(super) rate: u32,
    /// Bytes that can only be decoded together.
    pub(super) block: u16,
    pub(super) bits: u16,
    /// What follows the fixed part, for the codec.
    pub(super) extra: Vec<u8>,
}

impl WaveFormat {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let field = |at| le16(bytes, at);
        let mut tag = field(0)?;
        let extra = bytes.get(18..).unwrap_or_default();
        if tag == EXTENSIBLE && bytes.get(26..40) == Some(&SUBFORMAT) {
            tag = field(24)?;
        }
        Some(Self {
            tag,
            channels: field(2)?,
            rate: le32(bytes, 4)?,
            block: field(12)?,
            // Some codecs have none, and their writers leave the field out.
            bits: field(14).unwrap_or(0),
            extra: extra.to_vec(),
        })
    }

    /// Bytes of one sample of uncompressed formats.
    fn sample_bytes(&self) -> Option<u16> {
        self.block.checked_div(self.channels).filter(|bytes| (1..=8).contains(bytes))
    }

    /// Parameters for the decoder, without a codec if there is none.
    pub(super) fn parameters(&self) -> AudioCodecParameters {
        let codec = match (self.tag, self.sample_bytes()) {
            (PCM | FLOAT, Some(bytes)) => {
                pcm(Pcm { bytes, float: self.tag == FLOAT, big_endian: false, signed: bytes > 1 })
            }
            (A_LAW, _) => CODEC_ID_PCM_ALAW,
            (MU_LAW, _) => CODEC_ID_PCM_MULAW,
            // The packets say which layer they are; the decoder of one takes no other.
            (MP3, _) => CODEC_ID_MP3,
            (0xff | 0x1600, _) => CODEC_ID_AAC,
            _ => CODEC_ID_NULL_AUDIO,
        };
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(codec).with_sample_rate(self.rate).with_channels(plain_channels(self.channels));
        if codec == CODEC_ID_AAC {
            parameters.with_extra_data(self.extra.clone().into_boxed_slice());
        }
        parameters
    }
}

/// Uncompressed samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pcm {
    /// Bytes of one sample.
    pub(super) bytes: u16,
    pub(super) float: bool,
    pub(super) big_endian: bool,
    pub(super) signed: bool,
}

/// The decoder of such samples.
pub(super) fn pcm(samples: Pcm) -> AudioCodecId {
    let Pcm { bytes, float, big_endian, signed } = samples;
    match (bytes, float, signed, big_endian) {
        (4, true, _, false) => CODEC_ID_PCM_F32LE,
        (4, true, _, true) => CODEC_ID_PCM_F32BE,
        (8, true, _, false) => CODEC_ID_PCM_F64LE,
        (8, true, _, true) => CODEC_ID_PCM_F64BE,
        (1, false, true, _) => CODEC_ID_PCM_S8,
        (1, false, false, _) => CODEC_ID_PCM_U8,
        (2, false, true, false) => CODEC_ID_PCM_S16LE,
        (2, false, true, true) => CODEC_ID_PCM_S16BE,
        (2, false, false, false) => CODEC_ID_PCM_U16LE,
        (2, false, false, true) => CODEC_ID_PCM_U16BE,
        (3, false, true, false) => CODEC_ID_PCM_S24LE,
        (3, false, true, true) => CODEC_ID_PCM_S24BE,
        (3, false, false, false) => CODEC_ID_PCM_U24LE,
        (3, false, false, true) => CODEC_ID_PCM_U24BE,
        (4, false, true, false) => CODEC_ID_PCM_S32LE,
        (4, false, true, true) => CODEC_ID_PCM_S32BE,
        (4, false, false, false) => CODEC_ID_PCM_U32LE,
        (4, false, false, true) => CODEC_ID_PCM_U32BE,
        _ => CODEC_ID_NULL_AUDIO,
    }
}

/// Channels that nothing is said of. One stands in the middle and two are left and right; of more nobody knows.
pub(super) fn plain_channels(count: u16) -> Channels {
    match count {
        1 => Channels::Positioned(Position::FRONT_LEFT),
        2 => Channels::Positioned(Position::FRONT_LEFT | Position::FRONT_RIGHT),
        count => Channels::Discrete(count),
    }
}

/// Names of codecs (RFC 2361 and mmreg.h).
pub(super) fn name(tag: u16) -> String {
    let name = match tag {
        MS_ADPCM => "Microsoft ADPCM",
        IMA_ADPCM => "IMA ADPCM",
        0x0005 => "IBM CVSD",
        0x0010 => "OKI ADPCM",
        0x0014 | 0x0040 | 0x0064 | 0x0065 => "G.726 ADPCM",
        0x0017 => "Dialogic OKI ADPCM",
        0x0020 => "Yamaha ADPCM",
        0x0022 => "DSP Group TrueSpeech",
        0x0031 => "GSM 6.10",
        0x0042 => "G.723.1",
        0x0045 => "G.726 ADPCM",
        MPEG => "MPEG audio",
        MP3 => "MP3",
        0x0061 | 0x0062 => "Duck ADPCM",
        0x0075 => "Voxware",
        0x0092 | 0x2000 => "AC-3",
        0x00ff | 0x1600 | 0x1601 | 0x1602 | 0x1610 => "AAC",
        0x0130 => "ACELP.net (Sipro)",
        0x0160..=0x0163 => "WMA",
        0x0270 => "ATRAC3",
        0x0401 => "Indeo audio",
        0x2001 => "DTS",
        0x674f..=0x6771 => "Vorbis",
        0x706d => "AAC",
        0xa109 => "Speex",
        0xf1ac => "FLAC",
        0x5756 => "WavPack",
        _ => "of unknown name",
    };
    format!("{name} (0x{tag:04x})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read() {
        let mut bytes = vec![1, 0, 2, 0, 0x44, 0xac, 0, 0, 0, 0, 0, 0, 6, 0, 24, 0];
        let format = WaveFormat::parse(&bytes).unwrap();
        assert_eq!((format.tag, format.channels, format.rate, format.bits), (PCM, 2, 44_100, 24));
        assert_eq!(format.parameters().codec, CODEC_ID_PCM_S24LE);
        bytes[..2].copy_from_slice(&EXTENSIBLE.to_le_bytes());
        bytes.extend([22, 0, 24, 0, 3, 0, 0, 0, 7, 0]);
        bytes.extend(SUBFORMAT);
        assert_eq!(WaveFormat::parse(&bytes).unwrap().tag, MU_LAW);
        assert_eq!(WaveFormat::parse(&bytes[..10]), None);
    }
}
