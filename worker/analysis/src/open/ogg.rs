//! Which codecs an Ogg file holds, for the message that says they are not read.

use super::Found;
use super::bytes::read_up_to;
use std::fs::File;

/// Logical streams to look at: films have two or three.
const MAX_STREAMS: usize = 8;
const HEADER: usize = 27;
/// Flag of the first page of a stream (RFC 3533 §6).
const FIRST: u8 = 2;

const UNKNOWN: &str = "an unknown codec";

const CODECS: [(&[u8], &str); 9] = [
    (b"\x01vorbis", "Vorbis"),
    (b"OpusHead", "Opus"),
    (b"Speex   ", "Speex"),
    (b"\x7fFLAC", "FLAC"),
    (b"\x80theora", "Theora video"),
    (b"BBCD\0", "Dirac video"),
    (b"PCM     ", "PCM"),
    (b"CELT    ", "CELT"),
    (b"\x80kate", "Kate subtitles"),
];

/// Those that can be read.
const READABLE: [&str; 3] = ["Vorbis", "Opus", "FLAC"];

/// The file holds known codecs, but none that can be read. The demuxer looks for one until the file ends.
pub(crate) fn unreadable(file: &File, found: &Found) -> bool {
    let names = names(file, found);
    !names.is_empty() && names.iter().all(|it| *it != UNKNOWN && !READABLE.contains(it))
}

/// The names of the codecs, joined.
pub(crate) fn codecs(file: &File, found: &Found) -> String {
    let names = names(file, found);
    if names.is_empty() { "no stream".to_owned() } else { names.join(", ") }
}

/// The longest page (RFC 3533 §6): header, 255 lengths, and 255 segments of 255 bytes.
const LONGEST_PAGE: u64 = 27 + 255 + 255 * 255;

/// Whether the file ends with a whole page that ends with a whole packet. The flag of the last page is missing where a stream
/// was recorded or written to a pipe; what such a file ends with tells that nothing is missing.
pub(super) fn ends_whole(file: &File, found: &Found) -> bool {
    let from = found.end.saturating_sub(LONGEST_PAGE).max(found.start);
    let tail = read_up_to(file, from, LONGEST_PAGE as usize).unwrap_or_default();
    tail.windows(4).enumerate().rev().filter(|(_, it)| it == b"OggS").any(|(at, _)| {
        let page = &tail[at..];
        let lengths = page.get(HEADER - 1).and_then(|count| page.get(HEADER..HEADER + usize::from(*count)));
        lengths.is_some_and(|lengths| {
            let body: usize = lengths.iter().map(|it| usize::from(*it)).sum();
            HEADER + lengths.len() + body == page.len() && lengths.last().is_some_and(|last| *last < 255)
        })
    })
}

/// What keeps an Opus stream from being read whose channels belong to no speakers: the demuxer does not know it at all.
pub(super) fn unmapped_opus(file: &File, found: &Found) -> Option<String> {
    /// From the start of the header to the family of its mapping (RFC 7845 §5.1).
    const FAMILY: usize = 18;
    let page = read_up_to(file, found.start, HEADER + 255 + FAMILY + 1).unwrap_or_default();
    let head = page.get(HEADER + usize::from(*page.get(HEADER - 1)?)..)?;
    let family = *head.get(FAMILY).filter(|_| head.starts_with(b"OpusHead"))?;
    (family > 1).then(|| {
        format!("Opus with channels of mapping family {family}, which belong to no speakers, in Ogg")
    })
}

/// The header of an Opus stream (RFC 7845 §5.1) that has none: as many channels as there are speakers for.
pub(super) fn opus_head(channels: usize, delay: u32) -> Option<Vec<u8>> {
    // Streams, those of them that are stereo, and the channels that each one feeds: Vorbis' order, as libopus encodes it.
    let mapping: &[u8] = match channels {
        1 | 2 => &[],
        3 => &[2, 1, 0, 2, 1],
        4 => &[2, 2, 0, 1, 2, 3],
        5 => &[3, 2, 0, 4, 1, 2, 3],
        6 => &[4, 2, 0, 4, 1, 2, 3, 5],
        7 => &[4, 3, 0, 4, 1, 2, 3, 5, 6],
        8 => &[5, 3, 0, 6, 1, 2, 3, 4, 5, 7],
        _ => return None,
    };
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels as u8);
    head.extend(u16::try_from(delay).unwrap_or(u16::MAX).to_le_bytes());
    head.extend(48_000u32.to_le_bytes());
    // No gain, and the family of the mapping.
    head.extend([0, 0, u8::from(channels > 2)]);
    head.extend(mapping);
    Some(head)
}

fn names(file: &File, found: &Found) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut at = found.start;
    for _ in 0..MAX_STREAMS {
        let page = read_up_to(file, at, HEADER + 255 + 64).unwrap_or_default();
        if !page.starts_with(b"OggS") || page.len() < HEADER || page[5] & FIRST == 0 {
            break;
        }
        let segments = usize::from(page[26]);
        let Some(lengths) = page.get(HEADER..HEADER + segments) else { break };
        let packet = &page[HEADER + segments..];
        let name = CODECS.iter().find(|(magic, _)| packet.starts_with(magic)).map(|it| it.1);
        names.push(name.unwrap_or(UNKNOWN));
        at += (HEADER + segments) as u64 + lengths.iter().map(|it| u64::from(*it)).sum::<u64>();
    }
    names
}
