//! Tags in the chunks of WAV, in all its kinds, and of AIFF.

use super::content::{MAX_TEXT_BYTES, TagContent};
use super::cursor::{Bytes, Cursor};
use super::field::Field;
use super::id3v2;
use crate::open::{be32, le32, le64, read_up_to};
use std::fs::File;

/// Chunks to look at: real files have tens.
const MAX_CHUNKS: usize = 4096;
/// Tags of ID3 to read in one file. More than one is an accident.
const MAX_ID3: usize = 4;
/// The length that says that the real one stands in the chunk `ds64` (EBU Tech 3306).
const LONG: u32 = u32::MAX;
/// Entries of that chunk's table to read.
const MAX_LONG: usize = 64;

/// The tags of a RIFF, RIFX, RF64 or BW64 file: ID3 first, which holds more, then the list of texts.
pub(crate) fn wave(file: &File, start: u64, end: u64) -> Vec<TagContent> {
    let big_endian = read_up_to(file, start, 4).is_ok_and(|it| it == b"RIFX");
    let number = if big_endian { be32 } else { le32 };
    let mut texts = TagContent::default();
    let mut found = Vec::new();
    let mut long = Vec::new();
    let each = |id: &[u8; 4], start: u64, end: u64| {
        match id {
            b"LIST" | b"list" => info(file, start, end, number, &mut texts),
            b"ds64" => long = long_sizes(&read_up_to(file, start, 28 + 12 * MAX_LONG).unwrap_or_default()),
            b"id3 " | b"ID3 " if found.len() < 2 * MAX_ID3 => found.extend(id3v2::read(file, start, end)),
            _ => {}
        }
        long.clone()
    };
    chunks(file, start + 12, end, number, each);
    found.push(texts.finish());
    found
}

/// The tags of an AIFF or AIFF-C file: ID3 first, then the texts of the format itself.
pub(crate) fn aiff(file: &File, start: u64, end: u64) -> Vec<TagContent> {
    let mut texts = TagContent::default();
    let mut found = Vec::new();
    let each = |id: &[u8; 4], start: u64, end: u64| {
        let field = match id {
            b"NAME" => Some(Field::Title),
            b"AUTH" => Some(Field::Artist),
            b"ANNO" => Some(Field::Comment),
            b"ID3 " | b"id3 " if found.len() < 2 * MAX_ID3 => {
                found.extend(id3v2::read(file, start, end));
                None
            }
            _ => None,
        };
        if let Some(field) = field {
            texts.add_bytes(field, Cursor::new(file, start, end).peek(MAX_TEXT_BYTES));
        }
        Vec::new()
    };
    chunks(file, start + 12, end, be32, each);
    found.push(texts.finish());
    found
}

/// Lengths of chunks that are too long for their header.
type LongSizes = Vec<([u8; 4], u64)>;

/// Calls `each` with the kind and the range of every chunk. It returns the lengths that are known not to stand in the headers.
fn chunks(
    file: &File,
    start: u64,
    end: u64,
    number: fn(&[u8], usize) -> Option<u32>,
    mut each: impl FnMut(&[u8; 4], u64, u64) -> LongSizes,
) {
    let mut at = start;
    let mut long = LongSizes::new();
    for _ in 0..MAX_CHUNKS {
        let head = read_up_to(file, at, 8).unwrap_or_default();
        let (Some(id), Some(len)) = (head.first_chunk::<4>(), number(&head, 4)) else { break };
        let known = long.iter().find(|(other, _)| len == LONG && other == id);
        let len = known.map_or(u64::from(len), |it| it.1);
        let stop = (at + 8).saturating_add(len).min(end);
        long = each(id, at + 8, stop);
        // Chunks begin at even places, which some writers do not know.
        let odd = len % 2 == 1 && !read_up_to(file, stop, 4).is_ok_and(|it| is_chunk(&it));
        at = stop + u64::from(odd);
    }
}

fn is_chunk(id: &[u8]) -> bool {
    matches!(
        id,
        b"LIST" | b"id3 " | b"ID3 " | b"data" | b"fmt " | b"bext" | b"NAME" | b"AUTH" | b"ANNO" | b"SSND"
    )
}

/// The chunk `ds64`: lengths of the file, of the data and a number of samples, then a table of further chunks.
fn long_sizes(bytes: &[u8]) -> LongSizes {
    let mut sizes: LongSizes = le64(bytes, 8).map(|it| (*b"data", it)).into_iter().collect();
    let count = le32(bytes, 24).unwrap_or(0) as usize;
    for entry in bytes.get(28..).unwrap_or_default().chunks_exact(12).take(count.min(MAX_LONG)) {
        if let (Some(id), Some(size)) = (entry.first_chunk::<4>(), le64(entry, 4)) {
            sizes.push((*id, size));
        }
    }
    sizes
}

/// A list of texts: `INFO`, then chunks. Nothing states their encoding.
fn info(file: &File, start: u64, end: u64, number: fn(&[u8], usize) -> Option<u32>, texts: &mut TagContent) {
    let mut cursor = Cursor::new(file, start, end);
    if cursor.take(4) != b"INFO" {
        return;
    }
    for _ in 0..MAX_CHUNKS {
        let head = cursor.take(8);
        let (Some(id), Some(len)) = (head.first_chunk::<4>(), number(&head, 4)) else { break };
        if u64::from(len) > cursor.left() {
            texts.note(&format!("{}: it is longer than its list", String::from_utf8_lossy(id)));
        }
        if let Some(field) = info_field(id) {
            texts.add_bytes(field, cursor.peek(MAX_TEXT_BYTES.min(len as usize)));
        }
        cursor.skip(len.into());
        // The byte that makes the place even is 0, and no name begins with that.
        if len % 2 == 1 && cursor.peek(1).first().is_some_and(|it| !it.is_ascii_uppercase()) {
            cursor.skip(1);
        }
    }
}

fn info_field(id: &[u8; 4]) -> Option<Field> {
    Some(match &id.map(|it| it.to_ascii_uppercase()) {
        b"INAM" | b"TITL" => Field::Title,
        b"IART" => Field::Artist,
        b"IPRD" | b"IALB" => Field::Album,
        b"IAAR" => Field::AlbumArtist,
        b"IMUS" | b"ICOM" => Field::Composer,
        b"IGNR" | b"GENR" => Field::Genre,
        b"IPUB" => Field::Publisher,
        b"ICMT" | b"COMM" => Field::Comment,
        b"IPRT" | b"ITRK" | b"TRCK" => Field::Track,
        b"IFRM" => Field::TrackTotal,
        b"ICRD" => Field::RecordingDate,
        b"YEAR" | b"IYER" => Field::Year,
        b"IBPM" => Field::Bpm,
        b"ISFT" => Field::Encoder,
        b"ITCH" | b"IENC" => Field::EncodedBy,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
