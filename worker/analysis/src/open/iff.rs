//! WAV, RF64 and AIFF: the chunks that matter, with lengths put right.
//!
//! Recorders that crash leave lengths of 0, pipes leave 0xFFFFFFFF, truncated copies promise more than they hold, and some
//! tags are larger than the audio. A demuxer gets a small file without any of that.

use super::bytes::{array, be16, be32, le16, le32, le64, read_up_to};
use super::extent::Extent;
use super::mpeg::{self, MpegHeader, Stream};
use super::own::OwnReader;
use super::raw::{BlockSize, RawBlocks};
use super::splice::{Fault, Part};
use super::wave::{self, EXTENSIBLE, FLOAT, PCM, Pcm, WaveFormat, pcm};
use super::{Found, Kind, Layout};
use crate::{Error, Limits};
use std::fs::File;
use std::sync::Arc;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_ADPCM_IMA_QT;
use symphonia::core::codecs::audio::{AudioCodecParameters, CODEC_ID_NULL_AUDIO};
use symphonia::core::formats::{FormatReader, MediaInfo, Track};
use symphonia::core::units::TimeBase;

/// Chunks to look at: real files have tens.
const MAX_CHUNKS: usize = 4096;
/// Bytes of a format chunk to look at: the longest one that is known has 40 (WAV) or 22 and a short name (AIFF).
const FORMAT_BYTES: usize = 64;
/// The length that stands for "not known yet".
const OPEN_LENGTH: u32 = u32::MAX;

struct Chunk {
    id: [u8; 4],
    /// First byte of its content.
    start: u64,
    len: u32,
}

fn next_chunk(
    file: &File,
    at: u64,
    read_len: fn(&[u8], usize) -> Option<u32>,
) -> Result<Option<Chunk>, Error> {
    let Some(head) = array::<8>(file, at)? else { return Ok(None) };
    let mut id = [0; 4];
    id.copy_from_slice(&head[..4]);
    Ok(read_len(&head, 4).map(|len| Chunk { id, start: at + 8, len }))
}

/// Chunks begin at even places.
fn after(chunk: &Chunk) -> u64 {
    let len = u64::from(chunk.len);
    chunk.start + len + len % 2
}

/// Bytes of wrapped MPEG audio to look for frames in.
const SEARCH: usize = 64 * 1024;

/// Lays out a WAV, RF64, BW64 or RIFX file, and opens what the decoder library cannot.
pub(super) fn wav(
    file: &Arc<File>,
    found: &Found,
    limits: &Limits,
    fault: &Fault,
) -> Result<(Layout, Option<Box<dyn FormatReader>>), Error> {
    let big_endian = array::<4>(file, found.start)?.as_ref() == Some(b"RIFX");
    let read_len = if big_endian { be32 } else { le32 };
    let mut format = None;
    let mut long_data_len = None;
    let mut at = found.start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = next_chunk(file, at, read_len)? else { break };
        match &chunk.id {
            b"fmt " => {
                let mut bytes = read_up_to(file, chunk.start, FORMAT_BYTES.min(chunk.len as usize))?;
                if big_endian {
                    swap_format(&mut bytes);
                }
                format = Some(bytes);
            }
            // EBU Tech 3306: RF64 keeps the long lengths here.
            b"ds64" => long_data_len = le64(&read_up_to(file, chunk.start, 16)?, 8),
            b"data" => {
                let Some(format) = format else { break };
                let stated = match (chunk.len, long_data_len) {
                    (OPEN_LENGTH, long) => long,
                    (0, _) if found.end > chunk.start + 8 => None,
                    (len, _) => Some(u64::from(len)),
                };
                if let Some(layout) = wrapped(file, found, &format, chunk.start, stated)? {
                    return Ok((layout, None));
                }
                let format = WavFormat::parse(&format, limits)?;
                if big_endian {
                    return swapped(file, fault, &format, chunk.start, stated, found.end);
                }
                return Ok((format.layout(chunk.start, stated, found.end)?, None));
            }
            _ => {}
        }
        at = after(&chunk);
    }
    let missing = if format.is_none() { "format" } else { "data" };
    Err(Error::Corrupt { detail: format!("the WAV file has no {missing} chunk") })
}

/// Turns a format chunk around, field by field.
fn swap_format(bytes: &mut [u8]) {
    const FIELDS: [(usize, usize); 9] =
        [(0, 2), (2, 2), (4, 4), (8, 4), (12, 2), (14, 2), (16, 2), (18, 2), (20, 4)];
    for (at, len) in FIELDS {
        if let Some(field) = bytes.get_mut(at..at + len) {
            field.reverse();
        }
    }
    // The number of the codec within the subformat.
    if let Some(field) = bytes.get_mut(24..26) {
        field.reverse();
    }
}

/// MPEG audio that the file wraps, found by its frames.
fn wrapped(
    file: &File,
    found: &Found,
    format: &[u8],
    start: u64,
    stated: Option<u64>,
) -> Result<Option<Layout>, Error> {
    let Some(format) = WaveFormat::parse(format).filter(|it| matches!(it.tag, wave::MPEG | wave::MP3)) else {
        return Ok(None);
    };
    let held = found.end.saturating_sub(start);
    let len = stated.unwrap_or(held).min(held);
    let window = read_up_to(file, start, SEARCH.min(usize::try_from(len).unwrap_or(SEARCH)))?;
    let Some(Stream::Mpeg { offset }) = mpeg::find_stream(&window, window.len() as u64 == len) else {
        let name = wave::name(format.tag);
        return Err(Error::Corrupt { detail: format!("no frames of {name} in the WAV file") });
    };
    let frame = &window[offset..];
    let counted = MpegHeader::parse(frame).is_some_and(|header| header.counts_frames(frame));
    let (start, len) = (start + offset as u64, len - offset as u64);
    Ok(Some(Layout {
        parts: vec![Part::File { start, len }],
        truncated: stated.is_some_and(|stated| stated > held),
        foreign_bytes: found.end.saturating_sub(len),
        wrapped: Some((Kind::Mpeg { counted }, len)),
        ..Layout::default()
    }))
}

/// Opens a file whose samples are big-endian, which the library does not know of.
fn swapped(
    file: &Arc<File>,
    fault: &Fault,
    format: &WavFormat,
    start: u64,
    stated: Option<u64>,
    end: u64,
) -> Result<(Layout, Option<Box<dyn FormatReader>>), Error> {
    let unsupported =
        || Error::Unsupported { detail: format!("codec {} in big-endian WAV", wave::name(format.wave.tag)) };
    let bytes = format.sample.ok_or_else(unsupported)?;
    let float = format.wave.tag == FLOAT;
    let codec = pcm(Pcm { bytes, float, big_endian: true, signed: bytes > 1 });
    let size = BlockSize { bytes: format.block, frames: 1 };
    let held = end.saturating_sub(start);
    let len = stated.unwrap_or(held).min(held);
    let blocks =
        RawBlocks::new(file, fault, 0, vec![(start, len)], size).filter(|_| codec != CODEC_ID_NULL_AUDIO);
    let blocks = blocks.ok_or_else(unsupported)?;
    let mut parameters = format.wave.parameters();
    let bits = u32::from(bytes) * 8;
    parameters.for_codec(codec).with_bits_per_sample(bits).with_bits_per_coded_sample(bits);
    parameters.with_max_frames_per_packet(blocks.frames_per_packet());
    let mut track = Track::new(0);
    track.with_time_base(TimeBase::try_from_recip(format.rate).ok_or_else(unsupported)?);
    track.with_codec_params(CodecParameters::Audio(parameters));
    let total = stated.map(|stated| stated / format.block);
    let layout = Layout {
        extent: total.map_or_else(Extent::default, |frames| Extent::counted(frames, format.rate)),
        truncated: stated.is_some_and(|stated| stated > held),
        bit_depth: format.bits,
        foreign_bytes: end.saturating_sub(len),
        ..Layout::default()
    };
    Ok((layout, Some(OwnReader::boxed(vec![track], MediaInfo::new(), blocks))))
}

struct WavFormat {
    wave: WaveFormat,
    /// Bytes of one sample of PCM.
    sample: Option<u16>,
    /// A mask assigns the channels to speakers.
    places: bool,
    /// As a demuxer shall see it.
    bytes: Vec<u8>,
    rate: u32,
    /// Bytes per frame of uncompressed formats.
    frame: Option<u64>,
    /// Bytes that can only be decoded together.
    block: u64,
    bits: Option<u16>,
}

impl WavFormat {
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt { detail: "the WAV file's format chunk is too short".to_owned() };
        let field = |at| le16(bytes, at).ok_or_else(corrupt);
        let (tag, channels, block, bits) = (field(0)?, field(2)?, field(12)?, field(14)?);
        let rate = le32(bytes, 4).ok_or_else(corrupt)?;
        limits.check(rate, usize::from(channels))?;
        let places = tag == EXTENSIBLE && le32(bytes, 20).is_some_and(|mask| mask != 0);
        let (bytes, wave) = (bytes.to_vec(), WaveFormat::parse(bytes).ok_or_else(corrupt)?);
        let (block, stored) = (u64::from(block), block);
        let mut format = Self { wave, sample: None, places, bytes, rate, frame: None, block, bits: None };
        let sample = sample_bytes(channels, stored, bits);
        format.sample = sample.as_ref().ok().copied().filter(|_| matches!(format.wave.tag, PCM | FLOAT));
        match tag {
            PCM | FLOAT => format.simple(channels, sample?, bits),
            EXTENSIBLE => format.extensible(channels, sample?, bits).ok_or_else(corrupt)?,
            // A-law and µ-law.
            wave::A_LAW | wave::MU_LAW => format.frame = Some(u64::from(channels)),
            // Microsoft's and the IMA's ADPCM.
            wave::MS_ADPCM | wave::IMA_ADPCM => {}
            other => {
                return Err(Error::Unsupported { detail: format!("codec {} in WAV", wave::name(other)) });
            }
        }
        format.block = format.frame.unwrap_or(format.block);
        if format.block == 0 {
            return Err(Error::Corrupt { detail: "the WAV file's blocks have no bytes".to_owned() });
        }
        Ok(format)
    }

    /// Rewrites the chunk in its shortest form.
    fn simple(&mut self, channels: u16, sample: u16, bits: u16) {
        self.bits = Some(bits);
        self.frame = Some(u64::from(channels) * u64::from(sample));
        self.bytes.truncate(16);
        self.bytes[12..14].copy_from_slice(&channels.saturating_mul(sample).to_le_bytes());
        self.bytes[14..16].copy_from_slice(&(sample * 8).to_le_bytes());
    }

    /// Puts the length of the extension right, which some writers leave at 0, and makes all bits valid: samples of fewer bits
    /// fill them from the top.
    fn extensible(&mut self, channels: u16, sample: u16, bits: u16) -> Option<()> {
        self.bits = le16(&self.bytes, 18).filter(|it| (1..=bits).contains(it)).or(Some(bits));
        self.frame = Some(u64::from(channels) * u64::from(sample));
        self.bytes.truncate(40);
        self.bytes.get_mut(16..18)?.copy_from_slice(&22u16.to_le_bytes());
        self.bytes.get_mut(18..20)?.copy_from_slice(&bits.to_le_bytes());
        (self.bytes.len() == 40).then_some(())
    }

    fn layout(self, start: u64, stated: Option<u64>, end: u64) -> Result<Layout, Error> {
        let held = end.saturating_sub(start);
        let available = stated.unwrap_or(held).min(held);
        let available = available - available % self.block;
        let total = stated.zip(self.frame).map(|(stated, frame)| stated / frame);
        let data_len = u32::try_from(available).unwrap_or(OPEN_LENGTH);

        let mut head = Vec::with_capacity(32 + self.bytes.len());
        head.extend(b"RIFF");
        head.extend(OPEN_LENGTH.to_le_bytes());
        head.extend(b"WAVEfmt ");
        head.extend((self.bytes.len() as u32).to_le_bytes());
        head.extend(&self.bytes);
        head.extend(b"data");
        head.extend(data_len.to_le_bytes());
        Ok(Layout {
            parts: vec![Part::Bytes(head), Part::File { start, len: available }],
            extent: total.map_or_else(Extent::default, |frames| Extent::counted(frames, self.rate)),
            truncated: stated.is_some_and(|stated| stated > held),
            bit_depth: self.bits,
            foreign_bytes: end.saturating_sub(available),
            no_places: !self.places,
            ..Layout::default()
        })
    }
}

/// Bytes of one sample: by the size of a frame, since 20 bits may be stored in three bytes or four; by the bits if that makes
/// no sense.
fn sample_bytes(channels: u16, block: u16, bits: u16) -> Result<u16, Error> {
    let by_block = if block.is_multiple_of(channels) { block / channels } else { 0 };
    let bytes = if (1..=8).contains(&by_block) { by_block } else { bits.div_ceil(8) };
    if (1..=8).contains(&bytes) {
        return Ok(bytes);
    }
    Err(Error::Corrupt { detail: format!("the WAV file's samples have {bits} bits") })
}

/// Lays out an AIFF or AIFF-C file, and opens what the decoder library cannot.
pub(super) fn aiff(
    file: &Arc<File>,
    found: &Found,
    limits: &Limits,
    fault: &Fault,
) -> Result<(Layout, Option<Box<dyn FormatReader>>), Error> {
    let mut common = None;
    let mut sound = None;
    let mut at = found.start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = next_chunk(file, at, be32)? else { break };
        match &chunk.id {
            b"COMM" => common = Some(read_up_to(file, chunk.start, FORMAT_BYTES.min(chunk.len as usize))?),
            b"SSND" => sound = Some((chunk.start, chunk.len)),
            _ => {}
        }
        at = after(&chunk);
    }
    let missing = |what| Error::Corrupt { detail: format!("the AIFF file has no {what} chunk") };
    let common = common.ok_or_else(|| missing("common"))?;
    let (start, stated) = sound.ok_or_else(|| missing("sound data"))?;
    let form = array::<4>(file, found.start + 8)?.unwrap_or(*b"AIFF");
    let mut layout = aiff_layout(&form, &common, (start, stated), found.end, limits)?;
    let compression = common.get(18..22).filter(|_| &form == b"AIFC").unwrap_or(b"NONE");
    let reader = match compression_plan(compression, &common)? {
        None => None,
        Some((parameters, size)) => {
            let held = found.end.saturating_sub(start + 8);
            let len = u64::from(stated.saturating_sub(8)).min(held);
            layout.extent =
                Extent::counted(len / size.bytes.max(1) * size.frames, parameters.sample_rate.unwrap_or(0));
            layout.parts.clear();
            Some(aiff_reader(file, fault, parameters, (start + 8, len), size)?)
        }
    };
    Ok((layout, reader))
}

/// Parameters of what the library does not read; `None` for what it does.
fn compression_plan(
    compression: &[u8],
    common: &[u8],
) -> Result<Option<(AudioCodecParameters, BlockSize)>, Error> {
    let (channels, bits) = (be16(common, 0).unwrap_or(0), be16(common, 6).unwrap_or(0));
    let (codec, size) = match &compression.to_ascii_lowercase()[..] {
        b"sowt" if bits != 16 => {
            let bytes = bits.div_ceil(8);
            let codec = pcm(Pcm { bytes, float: false, big_endian: false, signed: true });
            (codec, BlockSize { bytes: u64::from(bytes) * u64::from(channels), frames: 1 })
        }
        b"ima4" if channels <= 2 => {
            (CODEC_ID_ADPCM_IMA_QT, BlockSize { bytes: 34 * u64::from(channels), frames: 64 })
        }
        b"none" | b"alaw" | b"ulaw" | b"in24" | b"in32" | b"23ni" | b"fl32" | b"fl64" | b"sowt" | b"twos"
        | b"raw " => {
            return Ok(None);
        }
        _ => (CODEC_ID_NULL_AUDIO, BlockSize { bytes: 1, frames: 1 }),
    };
    if codec == CODEC_ID_NULL_AUDIO {
        let code: String = compression
            .iter()
            .map(|it| if it.is_ascii_graphic() || *it == b' ' { char::from(*it) } else { '.' })
            .collect();
        return Err(Error::Unsupported { detail: format!("codec '{code}' in AIFF-C") });
    }
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(codec).with_sample_rate(common.get(8..18).map_or(0, extended));
    parameters.with_channels(wave::plain_channels(channels));
    if size.frames > 1 {
        parameters.with_frames_per_block(size.frames);
    } else {
        let bits = u32::from(bits.div_ceil(8)) * 8;
        parameters.with_bits_per_sample(bits).with_bits_per_coded_sample(bits);
    }
    Ok(Some((parameters, size)))
}

fn aiff_reader(
    file: &Arc<File>,
    fault: &Fault,
    mut parameters: AudioCodecParameters,
    range: (u64, u64),
    size: BlockSize,
) -> Result<Box<dyn FormatReader>, Error> {
    let corrupt = || Error::Corrupt { detail: "the AIFF file's samples make no sense".to_owned() };
    let blocks = RawBlocks::new(file, fault, 0, vec![range], size).ok_or_else(corrupt)?;
    parameters.with_max_frames_per_packet(blocks.frames_per_packet());
    let mut track = Track::new(0);
    track.with_time_base(TimeBase::try_from_recip(parameters.sample_rate.unwrap_or(0)).ok_or_else(corrupt)?);
    track.with_codec_params(CodecParameters::Audio(parameters));
    Ok(OwnReader::boxed(vec![track], MediaInfo::new(), blocks))
}

fn aiff_layout(
    form: &[u8; 4],
    common: &[u8],
    (start, stated): (u64, u32),
    end: u64,
    limits: &Limits,
) -> Result<Layout, Error> {
    let corrupt = || Error::Corrupt { detail: "the AIFF file's common chunk is too short".to_owned() };
    let channels = be16(common, 0).ok_or_else(corrupt)?;
    let frames = be32(common, 2).ok_or_else(corrupt)?;
    let bits = be16(common, 6).ok_or_else(corrupt)?;
    let rate = common.get(8..18).map(extended).ok_or_else(corrupt)?;
    limits.check(rate, usize::from(channels))?;
    // The chunk begins with an offset and a block size, which no one uses but all must skip.
    let held = u32::try_from(end.saturating_sub(start)).unwrap_or(u32::MAX);
    let available = stated.min(held).saturating_sub(8);

    let mut head = Vec::with_capacity(48 + common.len());
    let form_len = 4 + 8 + common.len() as u64 + common.len() as u64 % 2 + 16 + u64::from(available);
    head.extend(b"FORM");
    head.extend(u32::try_from(form_len).unwrap_or(u32::MAX).to_be_bytes());
    head.extend(form);
    head.extend(b"COMM");
    head.extend((common.len() as u32).to_be_bytes());
    head.extend(common);
    if common.len() % 2 == 1 {
        head.push(0);
    }
    head.extend(b"SSND");
    head.extend((available + 8).to_be_bytes());
    head.extend([0; 8]);
    Ok(Layout {
        parts: vec![Part::Bytes(head), Part::File { start: start + 8, len: u64::from(available) }],
        extent: Extent::counted(u64::from(frames), rate),
        truncated: stated > held,
        bit_depth: Some(bits),
        no_places: true,
        foreign_bytes: end.saturating_sub(u64::from(available)),
        ..Layout::default()
    })
}

/// The whole part of an 80-bit extended float, as AIFF states its sample rate; 0 for what is negative or no number.
fn extended(bytes: &[u8]) -> u32 {
    let (Some(head), Some(mantissa)) = (be16(bytes, 0), super::bytes::be64(bytes, 2)) else { return 0 };
    // Bias 16383, and the point stands behind the first of 64 bits.
    let shift = 16_383 + 63 - i32::from(head);
    match u32::try_from(shift) {
        Ok(shift @ 32..=63) => (mantissa >> shift) as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::extended;

    #[test]
    fn extended_floats_are_sample_rates() {
        assert_eq!(extended(&[0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 44_100);
        assert_eq!(extended(&[0x40, 0x10, 0xbb, 0x80, 0, 0, 0, 0, 0, 0]), 192_000);
        assert_eq!(extended(&[0xc0, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 0);
        assert_eq!(extended(&[0x7f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), 0);
        assert_eq!(extended(&[0; 10]), 0);
    }
}
