//! Tags of Core Audio files.

use super::content::TagContent;
use super::field::Field;
use crate::open::{be32, be64, read_up_to};
use std::fs::File;

/// Chunks to look at, and bytes of the texts to read.
const MAX_CHUNKS: usize = 1024;
const MAX_TEXTS: u64 = 64 * 1024;

/// The information chunk (Core Audio Format specification, "Information Chunk").
pub(crate) fn read(file: &File, start: u64) -> Option<TagContent> {
    let mut at = start + 8;
    for _ in 0..MAX_CHUNKS {
        let head = read_up_to(file, at, 12).ok()?;
        let (kind, len) = (head.get(..4)?, be64(&head, 4)?);
        if kind == b"info" {
            let chunk = read_up_to(file, at + 12, len.min(MAX_TEXTS) as usize).ok()?;
            return Some(texts(&chunk));
        }
        at = at.checked_add(12)?.checked_add(len)?;
    }
    None
}

/// A number of entries, then that many names and texts in turn, each ended by 0.
fn texts(chunk: &[u8]) -> TagContent {
    let mut content = TagContent::default();
    let mut texts = chunk.get(4..).unwrap_or_default().split(|byte| *byte == 0);
    for _ in 0..be32(chunk, 0).unwrap_or(0) {
        let (Some(name), Some(value)) = (texts.next(), texts.next()) else { break };
        if let Some(field) = Field::named(&String::from_utf8_lossy(name)) {
            content.add_bytes(field, value);
        }
    }
    content.finish()
}

#[cfg(test)]
mod tests {
    use super::super::collect::collect;
    use super::*;

    #[test]
    fn texts_of_core_audio() {
        let chunk = b"\0\0\0\x04title\0Early\0track number\x007/9\0tempo\x0092\0recorded date\x001997-05\0ignored\0x\0";
        let tags = collect(&[texts(chunk)]);
        assert_eq!(
            (tags.title.as_deref(), tags.track_number, tags.track_total, tags.bpm),
            (Some("Early"), Some(7), Some(9), Some(92.0))
        );
        assert_eq!((tags.date.as_deref(), tags.year), (Some("1997-05"), Some(1997)));
        for chunk in [b"\xff\xff\xff\xfftitle".as_slice(), b""] {
            assert_eq!(collect(&[texts(chunk)]), report::Tags::default());
        }
    }
}
