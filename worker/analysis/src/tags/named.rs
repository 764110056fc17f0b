//! Tags that are pairs of a name and a text: those of Matroska and CAF, which only this crate reads.

use super::text;
use crate::open::{be32, be64, read_up_to};
use report::Tags;
use std::fs::File;
use symphonia::core::formats::FormatReader;
use symphonia::core::meta::{MetadataRevision, RawValue};

/// Sets the field of this name unless it is set. The names are those of Matroska, Vorbis comments and CAF.
fn set(tags: &mut Tags, name: &str, value: &str) {
    let field = match name.to_ascii_lowercase().replace([' ', '_'], "").as_str() {
        "title" => &mut tags.title,
        "artist" | "author" => &mut tags.artist,
        "album" => &mut tags.album,
        "albumartist" => &mut tags.album_artist,
        "composer" => &mut tags.composer,
        "genre" => &mut tags.genre,
        "label" | "publisher" => &mut tags.label,
        "comment" | "comments" => &mut tags.comment,
        "date" | "daterecorded" | "datereleased" | "year" | "recordeddate" => &mut tags.date,
        "initialkey" | "keysignature" => &mut tags.initial_key,
        "isrc" => &mut tags.isrc,
        "encoder" | "encodingapplication" => &mut tags.encoder,
        "partnumber" | "tracknumber" | "track" => {
            tags.track_number = tags.track_number.or_else(|| text::leading_number(value));
            return;
        }
        "bpm" | "tempo" => {
            tags.bpm = tags.bpm.or_else(|| text::tempo(value));
            return;
        }
        _ => return,
    };
    if field.is_none() {
        *field = text::joined([value].into_iter());
    }
}

fn finished(mut tags: Tags) -> Tags {
    tags.year = tags.date.as_deref().and_then(text::year);
    tags
}

/// The tags of a Matroska file, whose demuxer has read them but for the title of the segment.
pub(crate) fn matroska(reader: &mut dyn FormatReader, title: Option<&str>) -> Tags {
    let mut tags = Tags::default();
    let mut metadata = reader.metadata();
    while let Some(revision) = metadata.current() {
        take(revision, &mut tags);
        // The latest revision stays.
        if metadata.pop().is_none() {
            break;
        }
    }
    if let Some(title) = title {
        set(&mut tags, "title", title);
    }
    // Many writers describe the track as if it were the album.
    tags.artist = tags.artist.take().or_else(|| tags.album_artist.clone());
    finished(tags)
}

fn take(revision: &MetadataRevision, tags: &mut Tags) {
    let tracks = revision.per_track.iter().flat_map(|track| &track.metadata.tags);
    for tag in revision.media.tags.iter().chain(tracks) {
        let RawValue::String(value) = &tag.raw.value else { continue };
        match tag.raw.key.split_once('@') {
            Some(("ALBUM", "TITLE")) => set(tags, "album", value),
            Some(("ALBUM", "ARTIST")) => set(tags, "albumartist", value),
            Some((_, name)) => set(tags, name, value),
            None => set(tags, &tag.raw.key, value),
        }
    }
}

/// Chunks of a CAF file to look at, and bytes of its texts to read.
const MAX_CHUNKS: usize = 1024;
const MAX_TEXTS: u64 = 64 * 1024;

/// The tags of a CAF file: its information chunk (Core Audio Format specification, "Information Chunk").
pub(crate) fn core_audio(file: &File, start: u64) -> Option<Tags> {
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
fn texts(chunk: &[u8]) -> Tags {
    let mut tags = Tags::default();
    let mut texts = chunk.get(4..).unwrap_or_default().split(|byte| *byte == 0);
    for _ in 0..be32(chunk, 0).unwrap_or(0) {
        let (Some(name), Some(value)) = (texts.next(), texts.next()) else { break };
        set(&mut tags, &String::from_utf8_lossy(name), &String::from_utf8_lossy(value));
    }
    finished(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_core_audio() {
        let chunk = b"\0\0\0\x04title\0Early\0track number\x007/9\0tempo\x0092\0recorded date\x001997-05\0ignored\0x\0";
        let tags = texts(chunk);
        assert_eq!(
            (tags.title.as_deref(), tags.track_number, tags.bpm),
            (Some("Early"), Some(7), Some(92.0))
        );
        assert_eq!((tags.date.as_deref(), tags.year), (Some("1997-05"), Some(1997)));
        assert_eq!(texts(b"\xff\xff\xff\xfftitle"), Tags::default());
        assert_eq!(texts(b""), Tags::default());
    }
}
