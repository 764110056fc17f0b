//! Core Audio files: what the decoder library's demuxer refuses or cannot name is read here, the rest is left to it.

use super::bytes::{array, be32, be64, read_up_to};
use super::mp4::core_audio_layout;
use super::own::OwnReader;
use super::raw::{BlockSize, RawBlocks};
use super::splice::Fault;
use super::wave::{Pcm, pcm, plain_channels};
use super::{Found, Layout};
use crate::{Error, Limits};
use std::fs::File;
use std::sync::Arc;
use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ADPCM_IMA_QT, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_MULAW,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, CODEC_ID_NULL_AUDIO};
use symphonia::core::formats::{FormatReader, MediaInfo, Track};
use symphonia::core::units::TimeBase;

/// Chunks to look at: real files have less than ten.
const MAX_CHUNKS: usize = 1024;
/// Bytes of the description of the audio.
const DESCRIPTION: usize = 32;

/// What the description says (Core Audio Format Specification, "Audio Description Chunk").
#[derive(Debug, Clone, Copy)]
struct Description {
    rate: f64,
    kind: [u8; 4],
    flags: u32,
    packet_bytes: u32,
    packet_frames: u32,
    channels: u32,
    bits: u32,
}

impl Description {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let field = |at| be32(bytes, at);
        Some(Self {
            rate: f64::from_bits(be64(bytes, 0)?),
            kind: bytes.get(8..12)?.try_into().ok()?,
            flags: field(12)?,
            packet_bytes: field(16)?,
            packet_frames: field(20)?,
            channels: field(24)?,
            bits: field(28)?,
        })
    }
}

/// The chunks that matter.
#[derive(Debug, Default)]
struct Chunks {
    layout: Option<Channels>,
    /// Frames that count, those before them, and those behind them.
    valid: Option<(u64, u32, u32)>,
    /// First byte and length.
    data: Option<(u64, u64)>,
    truncated: bool,
}

/// Opens a Core Audio file where the library does not.
pub(super) fn caf(
    file: &Arc<File>,
    found: &Found,
    limits: &Limits,
    fault: &Fault,
) -> Result<(Layout, Option<Box<dyn FormatReader>>), Error> {
    let description = match array::<12>(file, found.start + 8)? {
        Some(head) if head.starts_with(b"desc") => read_up_to(file, found.start + 20, DESCRIPTION)?,
        _ => Vec::new(),
    };
    let Some(description) = Description::parse(&description) else {
        return Err(Error::Corrupt { detail: "the caf file ends inside its header".to_owned() });
    };
    let channels = description.channels as usize;
    limits.check(description.rate.clamp(0.0, f64::from(u32::MAX)) as u32, channels)?;
    let (codec, size) = match (&description.kind, pcm_size(&description)) {
        (b"lpcm", Some((samples, size))) => (pcm(samples), size),
        (b"ulaw", _) => (CODEC_ID_PCM_MULAW, BlockSize { bytes: channels as u64, frames: 1 }),
        (b"alaw", _) => (CODEC_ID_PCM_ALAW, BlockSize { bytes: channels as u64, frames: 1 }),
        (b"ima4", _) if channels <= 2 => {
            (CODEC_ID_ADPCM_IMA_QT, BlockSize { bytes: 34 * channels as u64, frames: 64 })
        }
        (b"aac " | b"alac" | b"opus" | b"flac" | b".mp1" | b".mp2" | b".mp3", _) => {
            return Ok((super::whole(found), None));
        }
        _ => (CODEC_ID_NULL_AUDIO, BlockSize { bytes: 1, frames: 1 }),
    };
    if codec == CODEC_ID_NULL_AUDIO {
        return Err(Error::Unsupported { detail: format!("codec {} in caf", name(&description)) });
    }
    let chunks = chunks(file, found)?;
    let Some((start, len)) = chunks.data else {
        return Err(Error::Corrupt { detail: "the caf file has no audio data".to_owned() });
    };
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(codec).with_sample_rate(description.rate as u32);
    let plain = plain_channels(u16::try_from(channels).unwrap_or(u16::MAX));
    parameters.with_channels(chunks.layout.filter(|it| it.count() == channels).unwrap_or(plain));
    if &description.kind == b"lpcm" {
        parameters.with_bits_per_sample(description.bits).with_bits_per_coded_sample(description.bits);
    }
    if size.frames > 1 {
        parameters.with_frames_per_block(size.frames);
    }
    let reader = reader(file, fault, parameters, (start, len, size), chunks.valid);
    let layout = Layout {
        truncated: chunks.truncated,
        foreign_bytes: found.end.saturating_sub(found.start + len),
        ..Layout::default()
    };
    match reader {
        Some(reader) => Ok((layout, Some(reader))),
        None => Err(Error::Corrupt { detail: "the caf file's packets make no sense".to_owned() }),
    }
}

fn reader(
    file: &Arc<File>,
    fault: &Fault,
    mut parameters: AudioCodecParameters,
    (start, len, size): (u64, u64, BlockSize),
    valid: Option<(u64, u32, u32)>,
) -> Option<Box<dyn FormatReader>> {
    let mut track = Track::new(0);
    track.with_time_base(TimeBase::try_from_recip(parameters.sample_rate?)?);
    match valid {
        Some((frames, before, _)) => {
            track.with_num_frames(frames).with_delay(before);
        }
        None => {
            track.with_num_frames((len / size.bytes.max(1)).saturating_mul(size.frames));
        }
    }
    let blocks = RawBlocks::new(file, fault, 0, vec![(start, len)], size)?;
    parameters.with_max_frames_per_packet(blocks.frames_per_packet());
    track.with_codec_params(CodecParameters::Audio(parameters));
    Some(OwnReader::boxed(vec![track], MediaInfo::new(), blocks))
}

fn pcm_size(description: &Description) -> Option<(Pcm, BlockSize)> {
    let bytes =
        description.packet_bytes.checked_div(description.channels).filter(|it| (1..=8).contains(it))?;
    let (float, big_endian) = (description.flags & 1 != 0, description.flags & 2 == 0);
    let samples = Pcm { bytes: bytes as u16, float, big_endian, signed: true };
    let size = BlockSize { bytes: u64::from(description.packet_bytes), frames: 1 };
    (description.packet_frames == 1).then_some((samples, size))
}

fn chunks(file: &File, found: &Found) -> Result<Chunks, Error> {
    let mut chunks = Chunks::default();
    let mut at = found.start + 8;
    for _ in 0..MAX_CHUNKS {
        let Some(head) = array::<12>(file, at)? else { break };
        let (start, stated) = (at + 12, be64(&head, 4).unwrap_or(0));
        let held = found.end.saturating_sub(start);
        // A file that is being written does not know how long its data is.
        let len = if stated == u64::MAX { held } else { stated.min(held) };
        match head.first_chunk() {
            Some(b"chan") => {
                let content = read_up_to(file, start, 8)?;
                chunks.layout =
                    core_audio_layout(be32(&content, 0).unwrap_or(0), be32(&content, 4).unwrap_or(0));
            }
            Some(b"pakt") => {
                let content = read_up_to(file, start, 24)?;
                chunks.valid = be64(&content, 8)
                    .zip(be32(&content, 16))
                    .zip(be32(&content, 20))
                    .map(|((a, b), c)| (a, b, c));
            }
            // A count of edits comes before the samples.
            Some(b"data") => {
                chunks.data = Some((start + 4, len.saturating_sub(4)));
                chunks.truncated = stated != u64::MAX && stated > held;
            }
            _ => {}
        }
        at = start + len;
    }
    // A negative or absurd number of frames is none.
    chunks.valid = chunks.valid.filter(|(frames, ..)| *frames > 0 && *frames < 1 << 40);
    Ok(chunks)
}

/// Codecs that have no decoder here.
fn name(description: &Description) -> String {
    let code: String = description
        .kind
        .iter()
        .map(|it| if it.is_ascii_graphic() || *it == b' ' { char::from(*it) } else { '.' })
        .collect();
    let name = match &description.kind {
        b"lpcm" => return format!("PCM with {} bits", description.bits),
        b"ima4" => return format!("IMA ADPCM with {} channels", description.channels),
        b"MAC3" | b"MAC6" => "MACE",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"aach" | b"aacp" => "HE-AAC",
        b"aacl" | b"aace" | b"aacf" | b"aacg" => "AAC-LD",
        b"samr" | b"sawb" => "AMR",
        b"QDM2" | b"QDMC" => "QDesign Music",
        b"Qclp" => "QCELP",
        b"agsm" => "GSM 6.10",
        b"ilbc" => "iLBC",
        _ => return format!("'{code}'"),
    };
    format!("{name} ('{code}')")
}
