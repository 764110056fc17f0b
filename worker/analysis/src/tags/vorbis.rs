//! Vorbis comments, and the metadata blocks of FLAC around them.

use super::content::{MAX_TEXT_BYTES, TagContent};
use super::cursor::{Bytes, Cursor};
use super::field::Field;
use super::picture;
use crate::open::le32;
use std::fs::File;

/// Comments to read in one header: real ones have tens, and some players a hundred.
const MAX_COMMENTS: u32 = 10_000;
/// Metadata blocks to walk over.
const MAX_BLOCKS: usize = 1024;
/// Kinds of metadata blocks.
pub(crate) const VORBIS_COMMENT: u8 = 4;
pub(crate) const PICTURE: u8 = 6;

/// Comments (Ogg Vorbis I, §5.2.1): the name of the writer, a number, and that many pairs of name and text. `left` is the most
/// bytes that there can be.
pub(crate) fn comments(bytes: &mut impl Bytes, left: u64, into: &mut TagContent) {
    let number = |bytes: &mut dyn Bytes| le32(&bytes.take(4), 0);
    let Some(vendor) = number(bytes) else {
        into.note("Vorbis comment: it ends within its header");
        return;
    };
    let vendor_name = bytes.peek((vendor as usize).min(MAX_TEXT_BYTES)).to_vec();
    bytes.skip(vendor.into());
    read(bytes, left.saturating_sub(8).saturating_sub(vendor.into()), into);
    // The library that wrote the file, where no program says that it did.
    if into.values(Field::Encoder).next().is_none() {
        into.add_bytes(Field::Encoder, &vendor_name);
    }
}

fn read(bytes: &mut impl Bytes, left: u64, into: &mut TagContent) {
    let number = |bytes: &mut dyn Bytes| le32(&bytes.take(4), 0);
    let count = number(bytes).unwrap_or(0);
    let mut left = left;
    for at in 0..count.min(MAX_COMMENTS) {
        let Some(len) = number(bytes).filter(|it| u64::from(*it) <= left) else {
            into.note(&format!("Vorbis comment: it ends after {at} of {count} comments"));
            return;
        };
        let text = bytes.peek(MAX_TEXT_BYTES.min(len as usize)).to_vec();
        comment(&text, len.into(), into);
        bytes.skip(len.into());
        left = left.saturating_sub(4).saturating_sub(len.into());
    }
}

/// A comment of this length, of which the beginning is here.
fn comment(text: &[u8], len: u64, into: &mut TagContent) {
    let Some(at) = text.iter().position(|byte| *byte == b'=') else {
        if len > 0 {
            into.note("Vorbis comment: one has no name");
        }
        return;
    };
    let (name, value) = (&text[..at], &text[at + 1..]);
    if name.eq_ignore_ascii_case(b"METADATA_BLOCK_PICTURE") {
        picture::encoded_block(value, into);
    } else if name.eq_ignore_ascii_case(b"COVERART") {
        picture::encoded(value, len - at as u64 - 1, into);
    } else if let Some(field) = Field::named(&String::from_utf8_lossy(name)) {
        into.add_bytes(field, value);
    }
}

/// The blocks of a FLAC file whose first one begins at `start`.
pub(crate) fn flac(file: &File, start: u64, end: u64) -> TagContent {
    let mut content = TagContent::default();
    let mut at = start;
    for _ in 0..MAX_BLOCKS {
        let mut cursor = Cursor::new(file, at, end);
        let head = cursor.take(4);
        let &[kind, high, middle, low] = head.as_slice() else { break };
        let len = u64::from(u32::from_be_bytes([0, high, middle, low]));
        match kind & 0x7f {
            VORBIS_COMMENT => comments(&mut cursor, len, &mut content),
            // Pictures of more than 16 MiB do not fit their block, which some writers ignore; what they say of themselves counts.
            PICTURE => picture::block(&mut cursor, &mut content),
            _ => {}
        }
        at = at.saturating_add(4 + len);
        if kind & 0x80 != 0 || at >= end {
            break;
        }
    }
    content.finish()
}
