//! Comments that are too large for a demuxer, which keeps every packet in memory: those with a picture of tens of megabytes.

use super::{Packets, Page, audio_stream};
use crate::open::Part;
use crate::tags::cursor::Bytes;
use std::fs::File;

/// Comments that are left where they are. The demuxer refuses packets of more than 16 MiB.
const MAX_COMMENTS: u64 = 4 << 20;
/// The largest setup header of Vorbis that is believed. Encoders write some kilobytes.
const MAX_SETUP: usize = 1 << 20;
/// Segments of a page, and bytes of a segment.
const MAX_SEGMENTS: usize = 255;
const SEGMENT: usize = 255;

/// The file as a demuxer shall see it, with empty comments in place of large ones. `None` if they are not large.
pub(crate) fn without_large_comments(file: &File, start: u64, end: u64) -> Option<Vec<Part>> {
    let (serial, first) = audio_stream(file, start, end)?;
    let vorbis = first.starts_with(b"\x01vorbis");
    if !vorbis && !first.starts_with(b"OpusHead") {
        return None;
    }
    let mut packets = Packets::new(file, start, end, serial);
    packets.next();
    packets.skip(MAX_SETUP as u64);
    let headers = packets.at;
    // Pages of other streams between the headers would be lost.
    if !packets.lacing.is_empty() || Page::read(file, headers, end)?.serial != serial {
        return None;
    }
    packets.next();
    if packets.length() <= MAX_COMMENTS {
        return None;
    }
    let mut replaced: Vec<Vec<u8>> = Vec::new();
    if vorbis {
        replaced.push([b"\x03vorbis".as_slice(), &[0; 8], &[1]].concat());
        packets.next();
        replaced.push(packets.take(MAX_SETUP));
    } else {
        replaced.push([b"OpusTags".as_slice(), &[0; 8]].concat());
    }
    // The first packet with sound begins a page (Vorbis I §A.2, RFC 7845 §3).
    let sound = packets.at;
    let complete = packets.complete && packets.buffer.is_empty() && packets.lacing.is_empty();
    complete.then(|| {
        vec![
            Part::File { start, len: headers - start },
            Part::Bytes(pages(serial, &replaced)),
            Part::File { start: sound, len: end.saturating_sub(sound) },
        ]
    })
}

impl Packets<'_> {
    /// Passes the packet, and tells its length.
    fn length(&mut self) -> u64 {
        let mut length = 0;
        loop {
            let len = self.peek(SEGMENT).len() as u64;
            if len == 0 {
                return length;
            }
            let len = len.max(self.buffer.len() as u64);
            self.skip(len);
            length += len;
        }
    }
}

/// Pages from the second of a stream on, each with the beginning of one packet at most (RFC 3533 §6).
fn pages(serial: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut number = 1u32;
    for packet in packets {
        let mut lacing = vec![SEGMENT as u8; packet.len() / SEGMENT];
        lacing.push((packet.len() % SEGMENT) as u8);
        for (part, lacing) in lacing.chunks(MAX_SEGMENTS).enumerate() {
            let from = part * MAX_SEGMENTS * SEGMENT;
            let len: usize = lacing.iter().map(|it| usize::from(*it)).sum();
            let mut page = [b"OggS\0".as_slice(), &[u8::from(part > 0)], &[0; 8]].concat();
            page.extend(serial.to_le_bytes());
            page.extend(number.to_le_bytes());
            page.extend([0; 4]);
            page.push(lacing.len() as u8);
            page.extend(lacing);
            page.extend(packet.get(from..from + len).unwrap_or_default());
            let checksum = checksum(&page);
            page[22..26].copy_from_slice(&checksum.to_le_bytes());
            bytes.extend(page);
            number += 1;
        }
    }
    bytes
}

/// The checksum of a page whose own place for it is 0.
fn checksum(page: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    page.iter().fold(0u32, |sum, byte| {
        let sum = sum ^ u32::from(*byte) << 24;
        (0..8).fold(sum, |sum, _| if sum >> 31 == 1 { sum << 1 ^ POLYNOMIAL } else { sum << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_a_real_page() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples/drum_and_bass.ogg");
        let bytes = std::fs::read(path).unwrap();
        let lacing = usize::from(bytes[26]);
        let len = 27 + lacing + bytes[27..27 + lacing].iter().map(|it| usize::from(*it)).sum::<usize>();
        let mut page = bytes[..len].to_vec();
        let stated = page[22..26].to_vec();
        page[22..26].fill(0);
        assert_eq!(checksum(&page).to_le_bytes().as_slice(), stated);
    }
}
