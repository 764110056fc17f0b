//! Comments in Ogg: of Vorbis, Opus, Speex and FLAC.

mod large;

pub(crate) use large::without_large_comments;

use super::content::TagContent;
use super::cursor::Bytes;
use super::{picture, vorbis};
use crate::open::{le32, read_up_to};
use std::collections::VecDeque;
use std::fs::File;

/// Fixed part of a page's header (RFC 3533 §6), and the most that its table adds.
const HEADER: usize = 27;
const MAX_HEADER: usize = HEADER + 255;
/// Pages to read for one file's headers: 1 GiB of them, which is mostly pictures.
const MAX_PAGES: usize = 16 * 1024;
/// Header packets to read: FLAC has one for each metadata block.
const MAX_PACKETS: usize = 256;
/// Flag of the first page of a stream.
const FIRST: u8 = 2;

/// The comments of the first stream with audio in it.
pub(crate) fn read(file: &File, start: u64, end: u64) -> Option<TagContent> {
    let (serial, first) = audio_stream(file, start, end)?;
    let mut packets = Packets::new(file, start, end, serial);
    packets.next();
    packets.next();
    let mut content = TagContent::default();
    if first.starts_with(b"\x7fFLAC") {
        flac(&mut packets, &mut content);
    } else {
        let magic: &[u8] = if first.starts_with(b"OpusHead") {
            b"OpusTags"
        } else if first.starts_with(b"\x01vorbis") {
            b"\x03vorbis"
        } else {
            b""
        };
        if packets.peek(magic.len()) == magic {
            packets.skip(magic.len() as u64);
            vorbis::comments(&mut packets, end - start, &mut content);
        } else {
            content.note("Ogg: the second packet holds no comments");
        }
    }
    Some(content.finish())
}

/// Metadata blocks, one in each packet, until that of the last block.
fn flac(packets: &mut Packets<'_>, content: &mut TagContent) {
    for _ in 0..MAX_PACKETS {
        let head = packets.take(4);
        let &[kind, high, middle, low] = head.as_slice() else { return };
        if kind == 0xff {
            return;
        }
        match kind & 0x7f {
            vorbis::VORBIS_COMMENT => {
                let len = u32::from_be_bytes([0, high, middle, low]);
                vorbis::comments(packets, len.into(), content);
            }
            vorbis::PICTURE => picture::block(packets, content),
            _ => {}
        }
        if kind & 0x80 != 0 {
            return;
        }
        packets.next();
    }
}

/// Serial number and first bytes of the first stream that is audio.
fn audio_stream(file: &File, start: u64, end: u64) -> Option<(u32, Vec<u8>)> {
    const MAX_STREAMS: usize = 8;
    const AUDIO: [&[u8]; 4] = [b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   "];
    let mut at = start;
    for _ in 0..MAX_STREAMS {
        let page = Page::read(file, at, end).filter(|page| page.flags & FIRST != 0)?;
        let packet = read_up_to(file, page.start, 8).ok()?;
        if AUDIO.iter().any(|magic| packet.starts_with(magic)) {
            return Some((page.serial, packet));
        }
        at = page.end();
    }
    None
}

struct Page {
    flags: u8,
    serial: u32,
    start: u64,
    lacing: Vec<u8>,
}

impl Page {
    fn read(file: &File, at: u64, end: u64) -> Option<Self> {
        let bytes = read_up_to(file, at, MAX_HEADER).ok().filter(|it| at < end && it.starts_with(b"OggS"))?;
        let segments = usize::from(*bytes.get(26)?);
        let lacing = bytes.get(HEADER..HEADER + segments)?.to_vec();
        let start = at + (HEADER + segments) as u64;
        Some(Self { flags: bytes[5], serial: le32(&bytes, 14)?, start, lacing })
    }

    fn end(&self) -> u64 {
        self.start + self.lacing.iter().map(|it| u64::from(*it)).sum::<u64>()
    }
}

/// The packets of one stream. Reading ends with each packet.
struct Packets<'a> {
    file: &'a File,
    serial: u32,
    /// Where the next page is.
    at: u64,
    end: u64,
    pages: usize,
    /// Segments of the current page that are not read yet, and where they begin.
    lacing: VecDeque<u8>,
    segment: u64,
    /// Bytes of the packet that are in front.
    buffer: Vec<u8>,
    /// All of the packet is in the buffer.
    complete: bool,
}

impl<'a> Packets<'a> {
    /// Before the first packet.
    fn new(file: &'a File, start: u64, end: u64, serial: u32) -> Self {
        Self {
            file,
            serial,
            at: start,
            end,
            pages: 0,
            lacing: VecDeque::new(),
            segment: 0,
            buffer: Vec::new(),
            complete: true,
        }
    }

    /// Goes on to the next packet.
    fn next(&mut self) {
        while self.fill() {
            self.buffer.clear();
        }
        self.buffer.clear();
        self.complete = false;
    }

    /// Reads more of the packet; `false` at its end.
    fn fill(&mut self) -> bool {
        if self.complete {
            return false;
        }
        while self.lacing.is_empty() {
            if self.pages == MAX_PAGES {
                self.complete = true;
                return false;
            }
            self.pages += 1;
            let Some(page) = Page::read(self.file, self.at, self.end) else {
                self.complete = true;
                return false;
            };
            self.at = page.end();
            if page.serial == self.serial {
                (self.segment, self.lacing) = (page.start, page.lacing.into());
            }
        }
        let mut len = 0;
        while let Some(lace) = self.lacing.pop_front() {
            len += usize::from(lace);
            if lace < 255 {
                self.complete = true;
                break;
            }
        }
        let bytes = read_up_to(self.file, self.segment, len).unwrap_or_default();
        self.segment += len as u64;
        self.buffer.extend(bytes);
        true
    }
}

impl Bytes for Packets<'_> {
    fn peek(&mut self, len: usize) -> &[u8] {
        while self.buffer.len() < len && self.fill() {}
        &self.buffer[..len.min(self.buffer.len())]
    }

    fn skip(&mut self, len: u64) {
        let mut len = len;
        while len > self.buffer.len() as u64 {
            len -= self.buffer.len() as u64;
            self.buffer.clear();
            if !self.fill() {
                return;
            }
        }
        self.buffer.drain(..len as usize);
    }
}

#[cfg(test)]
mod tests;
