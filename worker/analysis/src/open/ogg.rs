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
