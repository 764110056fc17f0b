//! FLAC: STREAMINFO and the frames, without pictures, comments and seek tables.

use super::bytes::{array, be16, be64};
use super::extent::Extent;
use super::splice::{NextStream, Part};
use super::{Found, Layout, envelope};
use crate::{Error, Limits};
use std::fs::File;

/// Metadata blocks to walk over: hostile files have millions.
const MAX_BLOCKS: usize = 1024;
const STREAM_INFO_BYTES: u8 = 34;

/// Where another stream begins: the magic number and the header of STREAMINFO.
pub(super) fn next_stream() -> NextStream {
    NextStream::new(b"fLaC", |bytes| matches!(bytes[4..], [0 | 0x80, 0, 0, STREAM_INFO_BYTES]))
}

/// Lays out a native FLAC file (RFC 9639 §8).
pub(crate) fn flac(file: &File, found: &Found, limits: &Limits) -> Result<Layout, Error> {
    let first = found.start + 4;
    let info = match (array::<4>(file, first)?, array::<34>(file, first + 4)?) {
        (Some([kind, 0, 0, STREAM_INFO_BYTES]), Some(info)) if kind & 0x7f == 0 => info,
        _ => {
            return Err(Error::Corrupt { detail: "the FLAC file does not begin with STREAMINFO".to_owned() });
        }
    };
    let packed = be64(&info, 10).unwrap_or(0);
    let (rate, channels) = ((packed >> 44) as u32, (packed >> 41 & 7) as usize + 1);
    let (bits, frames) = ((packed >> 36 & 31) as u16 + 1, packed & 0xf_ffff_ffff);
    limits.check(rate, channels)?;
    if be16(&info, 2) < Some(16) {
        return Err(Error::Corrupt {
            detail: "the FLAC file's largest block has less than 16 samples".to_owned(),
        });
    }

    let start = frames_start(file, first, found.end)?;
    let end = envelope::strip_trailing(file, start, found.end)?;
    let mut head = b"fLaC".to_vec();
    // The only block, so marked as the last.
    head.extend([0x80, 0, 0, STREAM_INFO_BYTES]);
    head.extend(info);
    // No count means that the encoder wrote to a pipe.
    let extent = if frames == 0 { Extent::default() } else { Extent::counted(frames, rate) };
    Ok(Layout {
        parts: vec![Part::Bytes(head), Part::File { start, len: end - start }],
        extent,
        bit_depth: Some(bits),
        foreign_bytes: start,
        ..Layout::default()
    })
}

/// Where the frames begin. A damaged length leads nowhere; then the decoder shall look for frames right after STREAMINFO.
fn frames_start(file: &File, first: u64, end: u64) -> Result<u64, Error> {
    let fallback = first + 4 + u64::from(STREAM_INFO_BYTES);
    let mut at = first;
    for _ in 0..MAX_BLOCKS {
        let Some([kind, high, middle, low]) = array::<4>(file, at)? else { break };
        at += 4 + u64::from(u32::from_be_bytes([0, high, middle, low]));
        if at > end {
            break;
        }
        if kind & 0x80 != 0 {
            return Ok(at);
        }
    }
    Ok(fallback.min(end))
}
