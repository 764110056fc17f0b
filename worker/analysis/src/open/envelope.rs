//! Tags that stand around a stream: ID3v2 and APE in front of it, ID3v1, Lyrics3 and APE behind it.

use super::bytes::{array, le32, read_up_to};
use std::fs::File;
use std::io;

/// More tags in a row than any tagger leaves behind; hostile files have thousands.
const MAX_TAGS: usize = 16;

/// First byte after the tags that begin at byte 0.
pub(crate) fn skip_leading(file: &File) -> io::Result<u64> {
    let mut start = 0;
    for _ in 0..MAX_TAGS {
        match leading_tag(file, start)? {
            Some(len) => start += len,
            None => break,
        }
    }
    Ok(start)
}

/// Length of the tag that begins at `start`.
pub(crate) fn leading_tag(file: &File, start: u64) -> io::Result<Option<u64>> {
    let mut head = [0; 16];
    let bytes = read_up_to(file, start, head.len())?;
    head[..bytes.len()].copy_from_slice(&bytes);
    Ok(id3v2_len(&head).or_else(|| ape_len(&head)))
}

/// ID3v2 §3.1: the size is 28 bits in four bytes whose top bit is clear; it leaves out the header and the footer.
fn id3v2_len(head: &[u8; 16]) -> Option<u64> {
    let size = &head[6..10];
    if !head.starts_with(b"ID3") || head[3] == 0xff || head[4] == 0xff || size.iter().any(|it| *it > 0x7f) {
        return None;
    }
    let body = size.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte));
    let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + body + footer)
}

/// APEv2: the size leaves out the header.
fn ape_len(head: &[u8; 16]) -> Option<u64> {
    if !head.starts_with(b"APETAGEX") {
        return None;
    }
    le32(head, 12).map(|size| 32 + u64::from(size))
}

/// End of the stream that begins at `start` and has tags between it and `end`.
pub(crate) fn strip_trailing(file: &File, start: u64, end: u64) -> io::Result<u64> {
    let mut end = end;
    for _ in 0..MAX_TAGS {
        let shorter = match trailing_tag(file, end)? {
            Some(len) if len <= end.saturating_sub(start) => end - len,
            _ => break,
        };
        end = shorter;
    }
    Ok(end)
}

/// Length of the tag that ends at `end`.
pub(crate) fn trailing_tag(file: &File, end: u64) -> io::Result<Option<u64>> {
    let at = |distance: u64| end.checked_sub(distance);
    if let Some(place) = at(128)
        && array::<3>(file, place)?.as_ref() == Some(b"TAG")
    {
        return Ok(Some(128));
    }
    if let Some(place) = at(227)
        && array::<4>(file, place)?.as_ref() == Some(b"TAG+")
    {
        return Ok(Some(227));
    }
    if let Some(place) = at(32)
        && let Some(footer) = array::<32>(file, place)?
        && footer.starts_with(b"APETAGEX")
    {
        let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
        return Ok(le32(&footer, 12).map(|size| u64::from(size.max(32)) + header));
    }
    // ID3v2.4 §3.4: a tag behind the audio repeats its header at its end, with other letters.
    if let Some(place) = at(10)
        && let Some(footer) = array::<10>(file, place)?
        && footer.starts_with(b"3DI")
        && footer[6..].iter().all(|it| *it < 0x80)
    {
        return Ok(Some(20 + footer[6..].iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte))));
    }
    if let Some(place) = at(15)
        && let Some(footer) = array::<15>(file, place)?
        && footer.ends_with(b"LYRICS200")
    {
        let digits = std::str::from_utf8(&footer[..6]).ok();
        return Ok(digits.and_then(|it| it.parse::<u64>().ok()).map(|size| size + 15));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn leading_tags_are_skipped() {
        let mut bytes = b"ID3\x04\x00\x00\x00\x00\x01\x02".to_vec();
        bytes.extend([0; 130]);
        bytes.extend(b"ID3\x03\x00\x00\x00\x00\x00\x00");
        bytes.extend([7; 20]);
        assert_eq!(skip_leading(&file(&bytes)).unwrap(), 150);
        assert_eq!(skip_leading(&file(b"ID3\x04\x00\x00\x80\x00\x01\x02 no tag at all")).unwrap(), 0);
        assert_eq!(skip_leading(&file(b"")).unwrap(), 0);
    }

    #[test]
    fn trailing_tags_are_cut() {
        let mut bytes = vec![7; 1000];
        let mut ape = [0; 32];
        ape[..8].copy_from_slice(b"APETAGEX");
        ape[12..16].copy_from_slice(&72u32.to_le_bytes());
        bytes.extend([1; 40]);
        bytes.extend(ape);
        bytes.extend(b"LYRICSBEGIN");
        bytes.extend(b"000011LYRICS200");
        bytes.extend(b"TAG");
        bytes.extend([0; 125]);
        let end = bytes.len() as u64;
        assert_eq!(strip_trailing(&file(&bytes), 0, end).unwrap(), 1000);
        assert_eq!(strip_trailing(&file(&bytes), end - 10, end).unwrap(), end);
    }
}
