//! WAV, RF64 and AIFF: the chunks that matter, with lengths put right.
//!
//! Recorders that crash leave lengths of 0, pipes leave 0xFFFFFFFF, truncated copies promise more than they hold, and some
//! tags are larger than the audio. A demuxer gets a small file without any of that.

use super::bytes::{array, be16, be32, le16, le32, le64, read_up_to};
use super::extent::Extent;
use super::splice::Part;
use super::{Found, Layout};
use crate::{Error, Limits};
use std::fs::File;

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

/// Lays out a WAV, RF64 or BW64 file.
pub(crate) fn wav(file: &File, found: &Found, limits: &Limits) -> Result<Layout, Error> {
    let mut format = None;
    let mut long_data_len = None;
    let mut at = found.start + 12;
    for _ in 0..MAX_CHUNKS {
        let Some(chunk) = next_chunk(file, at, le32)? else { break };
        match &chunk.id {
            b"fmt " => {
                let bytes = read_up_to(file, chunk.start, FORMAT_BYTES.min(chunk.len as usize))?;
                format = Some(WavFormat::parse(&bytes, limits)?);
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
                return format.layout(chunk.start, stated, found.end);
            }
            _ => {}
        }
        at = after(&chunk);
    }
    let missing = if format.is_none() { "format" } else { "data" };
    Err(Error::Corrupt { detail: format!("the WAV file has no {missing} chunk") })
}

struct WavFormat {
    /// As a demuxer shall see it.
    bytes: Vec<u8>,
    rate: u32,
    /// Bytes per frame of uncompressed formats.
    frame: Option<u64>,
    /// Bytes that can only be decoded together.
    block: u64,
    bits: Option<u16>,
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

impl WavFormat {
    fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt { detail: "the WAV file's format chunk is too short".to_owned() };
        let field = |at| le16(bytes, at).ok_or_else(corrupt);
        let (tag, channels, block, bits) = (field(0)?, field(2)?, field(12)?, field(14)?);
        let rate = le32(bytes, 4).ok_or_else(corrupt)?;
        limits.check(rate, usize::from(channels))?;
        let mut format =
            Self { bytes: bytes.to_vec(), rate, frame: None, block: u64::from(block), bits: None };
        let sample = sample_bytes(channels, block, bits);
        match tag {
            PCM | FLOAT => format.simple(channels, sample?, bits),
            EXTENSIBLE => format.extensible(channels, sample?, bits).ok_or_else(corrupt)?,
            // A-law and µ-law.
            6 | 7 => format.frame = Some(u64::from(channels)),
            // Microsoft's and the IMA's ADPCM.
            2 | 0x11 => {}
            other => {
                return Err(Error::Unsupported { detail: format!("codec {} in WAV", super::wave::name(other)) });
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

/// Lays out an AIFF or AIFF-C file.
pub(crate) fn aiff(file: &File, found: &Found, limits: &Limits) -> Result<Layout, Error> {
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
    aiff_layout(&form, &common, (start, stated), found.end, limits)
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
