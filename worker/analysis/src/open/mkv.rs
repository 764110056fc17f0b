//! Matroska and WebM: the delay of the codec, and attachments kept out of the demuxer's memory.

use super::bytes::read_up_to;
use super::splice::Part;
use super::{Found, Layout};
use crate::Error;
use std::fs::File;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const CODEC_DELAY: u32 = 0x56aa;
const INFO: u32 = 0x1549_a966;
const TITLE: u32 = 0x7ba9;
const ATTACHMENTS: u32 = 0x1941_a469;
const VOID: u8 = 0xec;

/// Elements to look at on one level: before the first cluster there are tens.
const MAX_ELEMENTS: usize = 4096;
/// Bytes of a title to read; tags are cut later.
const MAX_TITLE: u64 = 4096;
/// The longest delay that is believed, in nanoseconds. Codecs need some tens of milliseconds.
const MAX_DELAY: u64 = 1_000_000_000;

struct Element {
    id: u32,
    header: u64,
    start: u64,
    /// End, or that of the parent where the element does not state its length.
    end: u64,
}

/// A number of variable length (RFC 8794 §4): its bytes, and its value with and without the length marker.
fn vint(bytes: &[u8]) -> Option<(usize, u64, u64)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let raw = bytes.get(..len).filter(|_| len <= 8)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some((len, raw, raw & !(1 << (7 * len))))
}

fn element(file: &File, at: u64, parent_end: u64) -> Result<Option<Element>, Error> {
    if at >= parent_end {
        return Ok(None);
    }
    let head = read_up_to(file, at, 12)?;
    let parsed = vint(&head).filter(|(len, ..)| *len <= 4).and_then(|(id_len, id, _)| {
        let (size_len, _, size) = vint(&head[id_len..])?;
        let start = at + (id_len + size_len) as u64;
        let open = size == (1 << (7 * size_len)) - 1;
        let end = if open { parent_end } else { start.checked_add(size)?.min(parent_end) };
        Some(Element { id: u32::try_from(id).ok()?, header: at, start, end })
    });
    Ok(parsed)
}

/// Lays out a Matroska file.
pub(crate) fn mkv(file: &File, found: &Found) -> Result<Layout, Error> {
    let mut hidden = Vec::new();
    let mut delays = Vec::new();
    let mut title = None;
    let header = element(file, found.start, found.end)?;
    let segment = match header {
        Some(header) => element(file, header.end, found.end)?,
        None => None,
    };
    if let Some(segment) = segment.filter(|it| it.id == SEGMENT) {
        let mut at = segment.start;
        for _ in 0..MAX_ELEMENTS {
            let Some(child) = element(file, at, segment.end)? else { break };
            match child.id {
                CLUSTER => break,
                INFO => title = text(file, &child, TITLE)?,
                TRACKS => delays = codec_delays(file, &child)?,
                ATTACHMENTS => hidden.push((child.header, child.end)),
                _ => {}
            }
            at = child.end;
        }
    }
    let foreign_bytes = hidden.iter().map(|(start, end)| end - start).sum();
    Ok(Layout {
        parts: hide(found, &hidden),
        codec_delays: delays,
        title,
        foreign_bytes,
        ..Layout::default()
    })
}

/// The delay in nanoseconds of every track that has one.
fn codec_delays(file: &File, tracks: &Element) -> Result<Vec<(u32, u64)>, Error> {
    let mut delays = Vec::new();
    let mut at = tracks.start;
    for _ in 0..MAX_ELEMENTS {
        let Some(entry) = element(file, at, tracks.end)? else { break };
        if entry.id == TRACK_ENTRY {
            let number = unsigned(file, &entry, TRACK_NUMBER)?;
            let delay = unsigned(file, &entry, CODEC_DELAY)?.filter(|it| (1..=MAX_DELAY).contains(it));
            delays.extend(number.and_then(|it| u32::try_from(it).ok()).zip(delay));
        }
        at = entry.end;
    }
    Ok(delays)
}

fn child(file: &File, parent: &Element, id: u32) -> Result<Option<Element>, Error> {
    let mut at = parent.start;
    for _ in 0..MAX_ELEMENTS {
        let Some(child) = element(file, at, parent.end)? else { break };
        if child.id == id {
            return Ok(Some(child));
        }
        at = child.end;
    }
    Ok(None)
}

fn unsigned(file: &File, parent: &Element, id: u32) -> Result<Option<u64>, Error> {
    match child(file, parent, id)? {
        Some(child) if child.end - child.start <= 8 => {
            let bytes = read_up_to(file, child.start, (child.end - child.start) as usize)?;
            Ok(Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))))
        }
        _ => Ok(None),
    }
}

fn text(file: &File, parent: &Element, id: u32) -> Result<Option<String>, Error> {
    let Some(child) = child(file, parent, id)? else { return Ok(None) };
    let bytes = read_up_to(file, child.start, (child.end - child.start).min(MAX_TITLE) as usize)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The file with these ranges turned into elements that mean nothing.
fn hide(found: &Found, ranges: &[(u64, u64)]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = found.start;
    for (start, end) in ranges {
        // One byte of id and a length of eight bytes fit into the header that was there, or into the content behind it.
        let Some(len) = (end - start).checked_sub(9) else { continue };
        let mut void = vec![VOID];
        void.extend((1 << 56 | len).to_be_bytes());
        parts.push(Part::File { start: at, len: start - at });
        parts.push(Part::Bytes(void));
        at = start + 9;
    }
    parts.push(Part::File { start: at, len: found.end.saturating_sub(at) });
    parts
}

#[cfg(test)]
mod tests {
    use super::vint;

    #[test]
    fn numbers_of_variable_length() {
        assert_eq!(vint(&[0x82]), Some((1, 0x82, 2)));
        assert_eq!(vint(&[0x40, 0x02]), Some((2, 0x4002, 2)));
        assert_eq!(vint(&[0x1a, 0x45, 0xdf, 0xa3]), Some((4, 0x1a45_dfa3, 0x0a45_dfa3)));
        assert_eq!(vint(&[0x01, 0, 0, 0, 0, 0, 0, 7]), Some((8, 1 << 56 | 7, 7)));
        assert_eq!(vint(&[0x00, 1]), None);
        assert_eq!(vint(&[0x40]), None);
        assert_eq!(vint(&[]), None);
    }
}
