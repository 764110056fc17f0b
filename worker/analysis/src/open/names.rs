//! Names for what the decoder library has numbers for.

use symphonia::core::audio::{Channels, Position};
#[cfg(feature = "libav")]
use symphonia::core::codecs::audio::CODEC_ID_NULL_AUDIO;
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::common::FourCc;

/// What a codec is, apart from its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodecTraits {
    pub(crate) name: &'static str,
    /// Every bit of the samples is kept. `None` for codecs that are not known well enough to tell.
    pub(crate) lossless: Option<bool>,
    /// The packets are nothing but samples, so that damage of one leaves its neighbours alone and packets may be cut
    /// anywhere.
    pub(crate) pcm: bool,
}

const fn pcm(name: &'static str) -> CodecTraits {
    CodecTraits { name, lossless: Some(true), pcm: true }
}

const fn lossy(name: &'static str) -> CodecTraits {
    CodecTraits { name, lossless: Some(false), pcm: false }
}

const fn lossless(name: &'static str) -> CodecTraits {
    CodecTraits { name, lossless: Some(true), pcm: false }
}

/// Name and nature of a codec. PCM formats are named as FFmpeg names them, which is how most people know them.
pub(crate) fn codec_traits(parameters: &AudioCodecParameters) -> CodecTraits {
    match parameters.codec {
        CODEC_ID_PCM_S32LE | CODEC_ID_PCM_S32LE_PLANAR => pcm("pcm_s32le"),
        CODEC_ID_PCM_S32BE | CODEC_ID_PCM_S32BE_PLANAR => pcm("pcm_s32be"),
        CODEC_ID_PCM_S24LE | CODEC_ID_PCM_S24LE_PLANAR => pcm("pcm_s24le"),
        CODEC_ID_PCM_S24BE | CODEC_ID_PCM_S24BE_PLANAR => pcm("pcm_s24be"),
        CODEC_ID_PCM_S16LE | CODEC_ID_PCM_S16LE_PLANAR => pcm("pcm_s16le"),
        CODEC_ID_PCM_S16BE | CODEC_ID_PCM_S16BE_PLANAR => pcm("pcm_s16be"),
        CODEC_ID_PCM_S8 | CODEC_ID_PCM_S8_PLANAR => pcm("pcm_s8"),
        CODEC_ID_PCM_U32LE | CODEC_ID_PCM_U32LE_PLANAR => pcm("pcm_u32le"),
        CODEC_ID_PCM_U32BE | CODEC_ID_PCM_U32BE_PLANAR => pcm("pcm_u32be"),
        CODEC_ID_PCM_U24LE | CODEC_ID_PCM_U24LE_PLANAR => pcm("pcm_u24le"),
        CODEC_ID_PCM_U24BE | CODEC_ID_PCM_U24BE_PLANAR => pcm("pcm_u24be"),
        CODEC_ID_PCM_U16LE | CODEC_ID_PCM_U16LE_PLANAR => pcm("pcm_u16le"),
        CODEC_ID_PCM_U16BE | CODEC_ID_PCM_U16BE_PLANAR => pcm("pcm_u16be"),
        CODEC_ID_PCM_U8 | CODEC_ID_PCM_U8_PLANAR => pcm("pcm_u8"),
        CODEC_ID_PCM_F32LE | CODEC_ID_PCM_F32LE_PLANAR => pcm("pcm_f32le"),
        CODEC_ID_PCM_F32BE | CODEC_ID_PCM_F32BE_PLANAR => pcm("pcm_f32be"),
        CODEC_ID_PCM_F64LE | CODEC_ID_PCM_F64LE_PLANAR => pcm("pcm_f64le"),
        CODEC_ID_PCM_F64BE | CODEC_ID_PCM_F64BE_PLANAR => pcm("pcm_f64be"),
        CODEC_ID_PCM_ALAW => CodecTraits { lossless: Some(false), ..pcm("pcm_alaw") },
        CODEC_ID_PCM_MULAW => CodecTraits { lossless: Some(false), ..pcm("pcm_mulaw") },
        CODEC_ID_ADPCM_MS => lossy("adpcm_ms"),
        CODEC_ID_ADPCM_IMA_WAV => lossy("adpcm_ima_wav"),
        CODEC_ID_ADPCM_IMA_QT => lossy("adpcm_ima_qt"),
        CODEC_ID_VORBIS => lossy("vorbis"),
        CODEC_ID_OPUS => lossy("opus"),
        CODEC_ID_SPEEX => lossy("speex"),
        CODEC_ID_MP1 => lossy("mp1"),
        CODEC_ID_MP2 => lossy("mp2"),
        CODEC_ID_MP3 => lossy("mp3"),
        CODEC_ID_AAC => lossy("aac"),
        CODEC_ID_AC3 => lossy("ac3"),
        CODEC_ID_EAC3 => lossy("eac3"),
        CODEC_ID_DCA => lossy("dts"),
        CODEC_ID_WMA => lossy("wma"),
        CODEC_ID_FLAC => lossless("flac"),
        CODEC_ID_WAVPACK => CodecTraits { lossless: None, ..lossless("wavpack") },
        CODEC_ID_MONKEYS_AUDIO => lossless("ape"),
        CODEC_ID_ALAC => lossless("alac"),
        CODEC_ID_TTA => lossless("tta"),
        CODEC_ID_TRUEHD => lossless("truehd"),
        id => by_libav(|(_, it, _)| *it == id).map_or(UNKNOWN, |it| it.2),
    }
}

const UNKNOWN: CodecTraits = CodecTraits { name: "unknown", lossless: None, pcm: false };

const fn own(name: [u8; 4]) -> AudioCodecId {
    AudioCodecId::new(FourCc::new(name))
}

/// Codecs that libav names and the decoder library does not know, or not apart.
const LIBAV: [(&str, AudioCodecId, CodecTraits); 25] = [
    ("ac3", CODEC_ID_AC3, lossy("ac3")),
    ("eac3", CODEC_ID_EAC3, lossy("eac3")),
    ("dts", CODEC_ID_DCA, lossy("dts")),
    ("truehd", CODEC_ID_TRUEHD, lossless("truehd")),
    ("wavpack", CODEC_ID_WAVPACK, CodecTraits { lossless: None, ..lossless("wavpack") }),
    ("ape", CODEC_ID_MONKEYS_AUDIO, lossless("ape")),
    ("tta", CODEC_ID_TTA, lossless("tta")),
    ("atrac3", CODEC_ID_ATRAC3, lossy("atrac3")),
    ("atrac3p", CODEC_ID_ATRAC3PLUS, lossy("atrac3plus")),
    ("cook", CODEC_ID_COOK, lossy("cook")),
    ("sipr", CODEC_ID_SIPR, lossy("sipr")),
    ("ra_144", CODEC_ID_RA10, lossy("ra_144")),
    ("ra_288", CODEC_ID_RA20, lossy("ra_288")),
    ("ralf", CODEC_ID_RALF, lossless("ralf")),
    ("tak", own(*b"tBaK"), lossless("tak")),
    ("mlp", own(*b"mlpa"), lossless("mlp")),
    ("musepack7", own(*b"MPC7"), lossy("musepack7")),
    ("musepack8", own(*b"MPC8"), lossy("musepack8")),
    ("amr_nb", own(*b"samr"), lossy("amr_nb")),
    ("amr_wb", own(*b"sawb"), lossy("amr_wb")),
    ("wmav1", own(*b"WMA1"), lossy("wmav1")),
    ("wmav2", own(*b"WMA2"), lossy("wmav2")),
    ("wmapro", own(*b"WMAP"), lossy("wmapro")),
    ("wmavoice", own(*b"WMAV"), lossy("wmavoice")),
    ("wmalossless", own(*b"WMAL"), lossless("wmalossless")),
];

/// DSD in its four orders of bits and bytes, and DST, which packs it.
#[cfg(feature = "libav")]
const DSD: [&str; 5] = ["dsd_lsbf", "dsd_msbf", "dsd_lsbf_planar", "dsd_msbf_planar", "dst"];
const CODEC_ID_DSD: AudioCodecId = own(*b"DSD1");

fn by_libav(
    wanted: impl Fn(&&(&str, AudioCodecId, CodecTraits)) -> bool,
) -> Option<&'static (&'static str, AudioCodecId, CodecTraits)> {
    const DSD_TRAITS: (&str, AudioCodecId, CodecTraits) = ("dsd", CODEC_ID_DSD, lossless("dsd"));
    LIBAV.iter().chain([&DSD_TRAITS]).find(wanted)
}

/// The number of the codec that libav calls so; that of no codec if it is none that is read.
#[cfg(feature = "libav")]
pub(crate) fn codec_id(name: &str) -> AudioCodecId {
    let name = if DSD.contains(&name) { "dsd" } else { name };
    by_libav(|it| it.0 == name).map_or(CODEC_ID_NULL_AUDIO, |it| it.1)
}

const SPEAKERS: [(Position, &str); 18] = [
    (Position::FRONT_LEFT, "FL"),
    (Position::FRONT_RIGHT, "FR"),
    (Position::FRONT_CENTER, "FC"),
    (Position::LFE1, "LFE"),
    (Position::REAR_LEFT, "BL"),
    (Position::REAR_RIGHT, "BR"),
    (Position::FRONT_LEFT_CENTER, "FLC"),
    (Position::FRONT_RIGHT_CENTER, "FRC"),
    (Position::REAR_CENTER, "BC"),
    (Position::SIDE_LEFT, "SL"),
    (Position::SIDE_RIGHT, "SR"),
    (Position::TOP_CENTER, "TC"),
    (Position::TOP_FRONT_LEFT, "TFL"),
    (Position::TOP_FRONT_CENTER, "TFC"),
    (Position::TOP_FRONT_RIGHT, "TFR"),
    (Position::TOP_REAR_LEFT, "TBL"),
    (Position::TOP_REAR_CENTER, "TBC"),
    (Position::TOP_REAR_RIGHT, "TBR"),
];

/// The speakers of the channels in their order, such as `FL+FR`. `None` if they are not assigned, or to unusual places.
pub(crate) fn channel_layout(channels: &Channels) -> Option<String> {
    let Channels::Positioned(positions) = channels else { return None };
    // One channel is in the middle, whatever the container calls it.
    if channels.count() == 1 {
        return Some("FC".to_owned());
    }
    let names: Vec<_> = SPEAKERS.iter().filter(|(it, _)| positions.contains(*it)).map(|it| it.1).collect();
    (names.len() == channels.count()).then(|| names.join("+"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::layouts;

    #[test]
    fn layouts_are_spelt_out() {
        assert_eq!(channel_layout(&layouts::CHANNEL_LAYOUT_STEREO).as_deref(), Some("FL+FR"));
        assert_eq!(channel_layout(&layouts::CHANNEL_LAYOUT_5P1).as_deref(), Some("FL+FR+FC+LFE+BL+BR"));
        assert_eq!(channel_layout(&Channels::Discrete(2)), None);
    }
}
