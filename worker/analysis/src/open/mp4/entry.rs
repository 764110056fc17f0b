//! What a track of MP4 or QuickTime says its samples are (ISO/IEC 14496-12 §12.2; QuickTime File Format, "Sound Sample
//! Descriptions").

use super::super::bytes::{be16, be32, be64};
use super::super::raw::BlockSize;
use super::super::wave::{self, Pcm, pcm, plain_channels};
use super::{Atom, atoms, child};
use crate::Error;
use std::fs::File;
use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, CODEC_ID_NULL_AUDIO};

/// Frames and bytes per channel of a packet of Apple's ADPCM.
const IMA_FRAMES: u64 = 64;
const IMA_BYTES: u64 = 34;

/// How a track can be read.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// By the decoder library.
    Library,
    /// By us, in packets that the sample table lists.
    Packets(AudioCodecParameters),
    /// By us, in blocks of equal size.
    Blocks(AudioCodecParameters, BlockSize),
    /// Not at all, and why.
    Refused(String),
}

/// The fixed part of a sound description.
#[derive(Debug, Clone, Copy, Default)]
struct Sound {
    version: u16,
    channels: u32,
    /// Bits per sample; 16 for most that have none.
    bits: u32,
    rate: f64,
    /// Of version 2: floating point 1, big-endian 2, signed 4.
    flags: Option<u32>,
    /// Bytes of this part.
    len: usize,
}

impl Sound {
    fn parse(bytes: &[u8]) -> Option<Self> {
        // Six bytes of nothing and a reference come first.
        let version = be16(bytes, 8)?;
        let mut sound = Self {
            version,
            channels: u32::from(be16(bytes, 16)?),
            bits: u32::from(be16(bytes, 18)?),
            rate: f64::from(be32(bytes, 24)?) / 65_536.0,
            flags: None,
            len: 28,
        };
        match version {
            0 => {}
            1 => sound.len = 44,
            2 => {
                sound.rate = f64::from_bits(be64(bytes, 32)?);
                sound.channels = be32(bytes, 40)?;
                sound.bits = be32(bytes, 48)?;
                sound.flags = be32(bytes, 52);
                sound.len = 64;
            }
            _ => return None,
        }
        Some(sound)
    }

    fn parameters(&self, codec: AudioCodecId, layout: Option<Channels>) -> AudioCodecParameters {
        let count = u16::try_from(self.channels).unwrap_or(u16::MAX);
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(codec).with_sample_rate(self.rate as u32);
        parameters.with_channels(layout.unwrap_or_else(|| plain_channels(count)));
        parameters
    }
}

/// What stands behind the fixed part, also within the box `wave` that QuickTime has around it.
struct Boxes(Vec<Atom>);

impl Boxes {
    fn read(file: &File, entry: &Atom, sound: &Sound) -> Result<Self, Error> {
        let mut boxes = atoms(file, entry.start + sound.len as u64, entry.end)?;
        for wave in boxes.clone().iter().filter(|it| &it.kind == b"wave") {
            boxes.extend(atoms(file, wave.start, wave.end)?);
        }
        Ok(Self(boxes))
    }

    fn content(&self, file: &File, kind: &[u8; 4]) -> Result<Option<Vec<u8>>, Error> {
        self.0.iter().find(|it| &it.kind == kind).map(|it| it.content(file)).transpose()
    }
}

/// Plans how the only description of `stsd` is read. `quick_time` says that the file is none of the MP4 family, which the
/// library wants.
pub(super) fn plan(file: &File, entry: &Atom, quick_time: bool) -> Result<Plan, Error> {
    let bytes = entry.content(file)?;
    if let Some(refusal) = protection(file, entry)? {
        return Ok(Plan::Refused(refusal));
    }
    let Some(sound) = Sound::parse(&bytes) else {
        return Ok(Plan::Refused(format!("a damaged description of {} in mp4", code(entry.kind))));
    };
    let boxes = Boxes::read(file, entry, &sound)?;
    if let Some(samples) = uncompressed(file, entry, &sound, &boxes)? {
        let layout = layout(file, &boxes, &sound)?;
        return Ok(raw(pcm(samples), u64::from(samples.bytes), &sound, layout));
    }
    let own = quick_time || sound.version > 0;
    let packets = |codec, extra: Option<Vec<u8>>| {
        let mut parameters = sound.parameters(codec, None);
        if let Some(extra) = extra {
            parameters.with_extra_data(extra.into_boxed_slice());
        }
        Ok(Plan::Packets(parameters))
    };
    match &entry.kind {
        b"ulaw" => Ok(raw(CODEC_ID_PCM_MULAW, 1, &sound, None)),
        b"alaw" => Ok(raw(CODEC_ID_PCM_ALAW, 1, &sound, None)),
        b"ima4" => Ok(ima(&sound)),
        b"alac" if own => match boxes.content(file, b"alac")?.and_then(|it| cookie(&it)) {
            Some(cookie) => alac(&sound, cookie),
            None => Ok(Plan::Refused("ALAC without its configuration in mp4".to_owned())),
        },
        b"mp4a" if quick_time => match boxes.content(file, b"esds")?.as_deref().and_then(descriptor) {
            Some((0x40 | 0x66..=0x68, config)) => packets(CODEC_ID_AAC, Some(config)),
            Some((0x69 | 0x6b, _)) => packets(CODEC_ID_MP3, None),
            _ => Ok(Plan::Refused("AAC without its configuration in mp4".to_owned())),
        },
        b"ms\0\x55" => packets(CODEC_ID_MP3, None),
        b".mp3" if quick_time => packets(CODEC_ID_MP3, None),
        b"mp4a" | b"alac" | b".mp3" | b"fLaC" | b"Opus" | b"ac-3" | b"ec-3" => Ok(Plan::Library),
        [b'm', b's', high, low] => {
            let name = wave::name(u16::from_be_bytes([*high, *low]));
            Ok(Plan::Refused(format!("codec {name} in mp4")))
        }
        kind => Ok(Plan::Refused(format!("codec {} in mp4", name(*kind)))),
    }
}

/// Copy protection, by the box that stands for the codec.
fn protection(file: &File, entry: &Atom) -> Result<Option<String>, Error> {
    Ok(match &entry.kind {
        b"drms" | b"drmi" | b"p608" => Some("protected audio (FairPlay DRM of iTunes) in mp4".to_owned()),
        b"aavd" => Some("protected audio (DRM of Audible) in mp4".to_owned()),
        b"enca" | b"encv" => {
            let scheme = scheme(file, entry)?;
            Some(format!("encrypted audio (DRM{scheme}) in mp4"))
        }
        _ => None,
    })
}

fn scheme(file: &File, entry: &Atom) -> Result<String, Error> {
    let inner = atoms(file, entry.start + 28, entry.end)?;
    let Some(info) = inner.iter().find(|it| &it.kind == b"sinf") else { return Ok(String::new()) };
    let Some(scheme) = child(file, info, b"schm")? else { return Ok(String::new()) };
    let content = scheme.content(file)?;
    Ok(content.get(4..8).map_or_else(String::new, |it| format!(", scheme {}", printable(it))))
}

/// Whether the samples are stored as they are, and in which form.
fn uncompressed(file: &File, entry: &Atom, sound: &Sound, boxes: &Boxes) -> Result<Option<Pcm>, Error> {
    // The samples of these are big-endian unless a box says otherwise.
    let little = boxes.content(file, b"enda")?.is_some_and(|it| be16(&it, 0) == Some(1));
    let integer = |bytes, signed| Pcm { bytes, float: false, big_endian: !little, signed };
    let stored = (sound.bits.div_ceil(8).clamp(1, 4)) as u16;
    Ok(match &entry.kind {
        b"raw " => Some(integer(stored, stored > 1)),
        b"NONE" => Some(integer(stored, stored > 1)),
        b"twos" => Some(integer(stored, true)),
        b"sowt" => Some(Pcm { big_endian: false, ..integer(stored, true) }),
        b"in24" => Some(integer(3, true)),
        b"in32" => Some(integer(4, true)),
        b"fl32" => Some(Pcm { float: true, ..integer(4, true) }),
        b"fl64" => Some(Pcm { float: true, ..integer(8, true) }),
        b"lpcm" => sound.flags.map(|flags| Pcm {
            bytes: sound.bits.div_ceil(8).min(8) as u16,
            float: flags & 1 != 0,
            big_endian: flags & 2 != 0,
            signed: flags & 4 != 0,
        }),
        // ISO/IEC 23003-5 §4.2: version and flags, one bit for little-endian, and the bits.
        b"ipcm" | b"fpcm" => boxes.content(file, b"pcmC")?.and_then(|config| {
            let (flags, bits) = (config.get(4)?, config.get(5)?);
            Some(Pcm {
                bytes: u16::from(bits.div_ceil(8)),
                float: &entry.kind == b"fpcm",
                big_endian: flags & 1 == 0,
                signed: true,
            })
        }),
        _ => None,
    })
}

fn raw(codec: AudioCodecId, sample: u64, sound: &Sound, layout: Option<Channels>) -> Plan {
    if codec == CODEC_ID_NULL_AUDIO {
        return Plan::Refused(format!("PCM with samples of {} bits in mp4", sound.bits));
    }
    let mut parameters = sound.parameters(codec, layout);
    if !matches!(codec, CODEC_ID_PCM_MULAW | CODEC_ID_PCM_ALAW) {
        let bits = (sample * 8) as u32;
        parameters.with_bits_per_sample(bits).with_bits_per_coded_sample(bits);
    }
    Plan::Blocks(parameters, BlockSize { bytes: sample * u64::from(sound.channels), frames: 1 })
}

fn ima(sound: &Sound) -> Plan {
    if !(1..=2).contains(&sound.channels) {
        return Plan::Refused(format!("IMA ADPCM with {} channels in mp4", sound.channels));
    }
    let mut parameters = sound.parameters(CODEC_ID_ADPCM_IMA_QT, None);
    parameters.with_frames_per_block(IMA_FRAMES).with_max_frames_per_packet(IMA_FRAMES);
    Plan::Blocks(parameters, BlockSize { bytes: IMA_BYTES * u64::from(sound.channels), frames: IMA_FRAMES })
}

/// The configuration of ALAC: behind version and flags, perhaps behind boxes of its own.
fn cookie(content: &[u8]) -> Option<Vec<u8>> {
    let cookie = content.get(4..)?;
    matches!(cookie.len(), 24 | 48).then(|| cookie.to_vec())
}

fn alac(sound: &Sound, cookie: Vec<u8>) -> Result<Plan, Error> {
    let mut parameters = sound.parameters(CODEC_ID_ALAC, None);
    if let (Some(channels), Some(rate)) = (cookie.get(9), be32(&cookie, 20)) {
        parameters.with_sample_rate(rate).with_channels(plain_channels(u16::from(*channels)));
    }
    parameters.with_extra_data(cookie.into_boxed_slice());
    Ok(Plan::Packets(parameters))
}

/// Object type and configuration out of an elementary stream descriptor (ISO/IEC 14496-1 §7.2.6).
fn descriptor(content: &[u8]) -> Option<(u8, Vec<u8>)> {
    // Version and flags; then the descriptor of the stream, with what is optional in it.
    let stream = tagged(content.get(4..)?, 3)?;
    let flags = *stream.get(2)?;
    let mut at = 3;
    at += if flags & 0x80 != 0 { 2 } else { 0 };
    at += if flags & 0x40 != 0 { 1 + usize::from(*stream.get(at)?) } else { 0 };
    at += if flags & 0x20 != 0 { 2 } else { 0 };
    let decoder = tagged(stream.get(at..)?, 4)?;
    let config = decoder.get(13..).and_then(|it| tagged(it, 5)).unwrap_or_default();
    Some((*decoder.first()?, config.to_vec()))
}

/// The content of the descriptor with this tag, which must be the first; its length is in bytes of seven bits.
fn tagged(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(&[tag])?;
    let mut len = 0;
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        len = len << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(&rest[..len.min(rest.len())])
}

/// The speakers, if a box assigns them in the order that decoded channels have here (Core Audio's channel layouts).
fn layout(file: &File, boxes: &Boxes, sound: &Sound) -> Result<Option<Channels>, Error> {
    let Some(content) = boxes.content(file, b"chan")? else { return Ok(None) };
    let (tag, bitmap) = (be32(&content, 4).unwrap_or(0), be32(&content, 8).unwrap_or(0));
    Ok(core_audio_layout(tag, bitmap).filter(|it| it.count() == sound.channels as usize))
}

/// Speakers of a channel layout of Core Audio; `None` for those in another order, and those that are spelt out.
pub(in crate::open) fn core_audio_layout(tag: u32, bitmap: u32) -> Option<Channels> {
    use Position as P;
    let front = P::FRONT_LEFT | P::FRONT_RIGHT;
    let places = match tag {
        // By a bitmap, whose bits are those of WAV.
        0x1_0000 => Position::from_wave_channel_mask(bitmap)?,
        0x64_0001 => P::FRONT_LEFT,
        0x65_0002 | 0x66_0002 => front,
        // MPEG 3.0 A, quadraphonic, 4.0 A (with the one behind), 5.0 A, 5.1 A, 6.1 A, 7.1 A.
        0x71_0003 => front | P::FRONT_CENTER,
        0x6c_0004 => front | P::REAR_LEFT | P::REAR_RIGHT,
        0x73_0004 => front | P::FRONT_CENTER | P::REAR_CENTER,
        0x75_0005 => front | P::FRONT_CENTER | P::REAR_LEFT | P::REAR_RIGHT,
        0x79_0006 => front | P::FRONT_CENTER | P::LFE1 | P::REAR_LEFT | P::REAR_RIGHT,
        _ => return None,
    };
    (places != Position::empty()).then_some(Channels::Positioned(places))
}

/// Codecs that have no decoder here.
fn name(kind: [u8; 4]) -> String {
    let name = match &kind {
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"ac-4" => "AC-4",
        b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" | b"dtsx" => "DTS",
        b"samr" | b"sawb" | b"sawp" => "AMR",
        b"agsm" => "GSM 6.10",
        b"MAC3" | b"MAC6" => "MACE",
        b"QDMC" | b"QDM2" => "QDesign Music",
        b"Qclp" | b"sqcp" => "QCELP",
        b"mha1" | b"mhm1" => "MPEG-H 3D Audio",
        b"mlpa" => "Dolby TrueHD",
        b"spex" => "Speex",
        _ => return code(kind),
    };
    format!("{name} ({})", code(kind))
}

/// Four characters as they can be printed.
fn code(kind: [u8; 4]) -> String {
    format!("'{}'", printable(&kind))
}

fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|it| if it.is_ascii_graphic() || *it == b' ' { char::from(*it) } else { '.' }).collect()
}

/// Whether the one description of a `stsd` box belongs to audio, by its content.
pub(super) fn only_entry(file: &File, description: &Atom) -> Result<Option<Atom>, Error> {
    let content = description.content(file)?;
    let count = be32(&content, 4).unwrap_or(0);
    let entries = atoms(file, description.start + 8, description.end)?;
    // Several descriptions are as a rule the same one, written again by an editor.
    let same = entries.iter().all(|it| entries.first().is_some_and(|first| it.kind == first.kind));
    Ok(entries.first().copied().filter(|_| count > 0 && same))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_taken_apart() {
        let config = [5, 2, 0x12, 0x10];
        let decoder = [&[4, 0x80, 17, 0x40][..], &[0; 12], &config].concat();
        let stream = [&[0, 0, 0, 0, 3, 26, 0, 1, 0][..], &decoder].concat();
        assert_eq!(descriptor(&stream), Some((0x40, vec![0x12, 0x10])));
        assert_eq!(descriptor(&stream[..8]), None);
        assert_eq!(descriptor(&[]), None);
    }

    #[test]
    fn layouts_of_core_audio() {
        assert_eq!(core_audio_layout(0x79_0006, 0).map(|it| it.count()), Some(6));
        assert_eq!(core_audio_layout(0x1_0000, 0x33).map(|it| it.count()), Some(4));
        assert_eq!(core_audio_layout(0x7c_0006, 0), None);
        assert_eq!(core_audio_layout(0x1_0000, 0), None);
    }

    #[test]
    fn codes_are_printed_whatever_they_are() {
        assert_eq!(name(*b"QDM2"), "QDesign Music ('QDM2')");
        assert_eq!(name([0, b'x', 0xff, b' ']), "'.x. '");
    }
}
