//! Core Audio Format (Apple, Core Audio Format Specification 1.0).

use super::Tags;
use crate::corpus::pcm::{Order, Pcm};

/// `kCAFLinearPCMFormatFlagIsLittleEndian`.
const LITTLE_ENDIAN: u32 = 2;

/// A CAF file. Tags go into an `info` chunk in front of the samples.
pub(crate) fn caf(pcm: &Pcm, tags: &Tags) -> Vec<u8> {
    let layout = pcm.layout;
    let mut description = Vec::with_capacity(32);
    description.extend_from_slice(&f64::from(layout.rate).to_be_bytes());
    description.extend_from_slice(b"lpcm");
    for field in [
        LITTLE_ENDIAN,
        layout.bytes_per_frame() as u32,
        1,
        u32::from(layout.channels),
        u32::from(layout.bits),
    ] {
        description.extend_from_slice(&field.to_be_bytes());
    }
    let mut file = b"caff\x00\x01\x00\x00".to_vec();
    chunk(&mut file, b"desc", &description);
    if *tags != Tags::default() {
        chunk(&mut file, b"info", &info(tags));
    }
    // The count of edits, 0, stands in front of the samples.
    let mut data = vec![0; 4];
    data.extend_from_slice(&pcm.bytes(Order::LittleEndian));
    chunk(&mut file, b"data", &data);
    file
}

/// CAF's own chunks: 64-bit sizes and no padding.
fn chunk(out: &mut Vec<u8>, id: &[u8; 4], body: &[u8]) {
    out.extend_from_slice(id);
    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    out.extend_from_slice(body);
}

fn info(tags: &Tags) -> Vec<u8> {
    let entries =
        [("title", &tags.title), ("artist", &tags.artist), ("album", &tags.album), ("genre", &tags.genre)];
    let given = entries.iter().filter(|(_, text)| !text.is_empty());
    let mut info = (given.clone().count() as u32).to_be_bytes().to_vec();
    for (name, text) in given {
        info.extend_from_slice(name.as_bytes());
        info.push(0);
        info.extend_from_slice(text.as_bytes());
        info.push(0);
    }
    info
}
