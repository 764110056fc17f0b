//! Pictures as FLAC and Vorbis comments hold them.

use super::content::TagContent;
use super::cursor::Bytes;
use crate::open::be32;
use data_encoding::BASE64;

/// Bytes of a picture's media type and description that are believed.
const MAX_TEXT: u32 = 64 * 1024;
/// What a front cover is called by ID3v2 and by FLAC.
const FRONT_COVER: u32 = 3;

/// The media type of a picture, by its first bytes.
pub(crate) fn mime(head: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 4] = [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG", "image/png"),
        (b"GIF8", "image/gif"),
        (b"BM", "image/bmp"),
    ];
    let known = kinds.iter().find(|(magic, _)| head.starts_with(magic)).map(|it| it.1);
    known.or_else(|| (head.get(8..12) == Some(b"WEBP")).then_some("image/webp"))
}

/// A picture block (RFC 9639 §8.8): what it shows, media type, description, measures, size, data.
pub(crate) fn block(bytes: &mut impl Bytes, into: &mut TagContent) {
    if read(bytes, into).is_none() {
        into.note("picture: it ends within its header");
    }
}

fn read(bytes: &mut impl Bytes, into: &mut TagContent) -> Option<()> {
    let number = |bytes: &mut dyn Bytes| be32(&bytes.take(4), 0);
    let kind = number(bytes)?;
    let mime_len = number(bytes).filter(|it| *it <= MAX_TEXT)?;
    let mime = bytes.take(mime_len as usize);
    let description_len = number(bytes)?;
    bytes.skip(description_len.into());
    // Width, height, depth and number of colours.
    bytes.skip(16);
    let size = number(bytes)?;
    if mime != b"-->" {
        into.add_picture(kind == FRONT_COVER, &mime, size.into());
    }
    Some(())
}

/// A picture block in base 64, of which the beginning is here.
pub(crate) fn encoded_block(text: &[u8], into: &mut TagContent) {
    let whole = text.len() - text.len() % 4;
    // What is left of text that was cut has no padding, and that with padding is whole.
    let decoded = BASE64.decode(&text[..whole]);
    let bytes = decoded.unwrap_or_else(|error| {
        let good = error.position - error.position % 4;
        BASE64.decode(text.get(..good).unwrap_or_default()).unwrap_or_default()
    });
    block(&mut bytes.as_slice(), into);
}

/// A bare picture in base 64, as Vorbis comments had it before: `text` is its beginning, `len` its length.
pub(crate) fn encoded(text: &[u8], len: u64, into: &mut TagContent) {
    let head = text.get(..16).and_then(|it| BASE64.decode(it).ok()).unwrap_or_default();
    let padding = text.iter().rev().take_while(|it| **it == b'=').count() as u64;
    let size = (len / 4 * 3).saturating_sub(if len == text.len() as u64 { padding } else { 0 });
    into.add_picture(true, mime(&head).unwrap_or_default().as_bytes(), size);
}
