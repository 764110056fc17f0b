//! Tags of Matroska and WebM files.
//!
//! A tag says what it is about: the album, the track, or nothing, which most writers mean to be the file. So the same name may
//! stand for the artist of the album and for that of the track.

mod element;

use super::content::TagContent;
use super::cursor::{Bytes, Cursor};
use super::field::Field;
use element::{Element, Walk};
use std::fs::File;

/// What a tag is about. The number of the standard grows with what it holds: 30 is a track, 40 a disc, 50 an album.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Nothing is stated.
    File,
    Track,
    Disc,
    Album,
    /// Parts of a track, or collections of albums.
    Other,
}

/// Values to read in one file, and bytes of each.
const MAX_SIMPLE: usize = 1000;
const MAX_VALUE: usize = 4096;

struct Simple {
    level: Level,
    name: String,
    value: Vec<u8>,
}

/// The tags of the file, those of the track first.
pub(crate) fn read(file: &File, start: u64, end: u64) -> Vec<TagContent> {
    let mut walk = Walk::new(file, start, end);
    let mut simple = Vec::new();
    let mut title = None;
    let mut cover = TagContent::default();
    for top in walk.top_level() {
        match top.id {
            element::INFO => title = walk.child(&top, element::TITLE).map(|it| walk.bytes(&it)),
            element::TAGS => tags(&mut walk, &top, &mut simple),
            element::ATTACHMENTS => attachments(&mut walk, &top, &mut cover),
            _ => {}
        }
    }
    let mut contents = sorted(&simple, title.as_deref());
    contents.push(cover.finish());
    contents
}

fn tags(walk: &mut Walk<'_>, parent: &Element, into: &mut Vec<Simple>) {
    for tag in walk.children(parent).into_iter().filter(|it| it.id == element::TAG) {
        let children = walk.children(&tag);
        let targets = children.iter().find(|it| it.id == element::TARGETS);
        let level = targets.map_or(Level::File, |it| level(walk, it));
        for simple in children.iter().filter(|it| it.id == element::SIMPLE_TAG) {
            let name = walk.child(simple, element::TAG_NAME).map(|it| walk.bytes(&it));
            let value = walk.child(simple, element::TAG_STRING).map(|it| walk.bytes(&it));
            if let (Some(name), Some(value)) = (name, value)
                && into.len() < MAX_SIMPLE
            {
                let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
                into.push(Simple { level, name, value });
            }
        }
    }
}

/// What a tag is about: a stated number, else a stated track.
fn level(walk: &mut Walk<'_>, targets: &Element) -> Level {
    let children = walk.children(targets);
    let number = |walk: &Walk<'_>, id| {
        let found = children.iter().find(|it: &&Element| it.id == id)?;
        Some(walk.bytes(found).iter().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    match number(walk, element::TARGET_TYPE_VALUE) {
        Some(30) => Level::Track,
        Some(40) => Level::Disc,
        Some(50) => Level::Album,
        Some(_) => Level::Other,
        None if number(walk, element::TAG_TRACK_UID).is_some_and(|it| it != 0) => Level::Track,
        None => Level::File,
    }
}

/// Pictures among the attached files, those that are called covers before others.
fn attachments(walk: &mut Walk<'_>, parent: &Element, into: &mut TagContent) {
    for file in walk.children(parent).into_iter().filter(|it| it.id == element::ATTACHED_FILE) {
        let mime = walk.child(&file, element::FILE_MIME_TYPE).map(|it| walk.bytes(&it)).unwrap_or_default();
        let name = walk.child(&file, element::FILE_NAME).map(|it| walk.bytes(&it)).unwrap_or_default();
        let data = walk.child(&file, element::FILE_DATA).map_or(0, |it| it.end - it.start);
        if mime.starts_with(b"image/") {
            into.add_picture(name.to_ascii_lowercase().starts_with(b"cover."), &mime, data);
        }
    }
}

/// Gives the values their fields, by name and level.
fn sorted(simple: &[Simple], title: Option<&[u8]>) -> Vec<TagContent> {
    let has = |level, name| simple.iter().any(|it| it.level == level && it.name.eq_ignore_ascii_case(name));
    // A file whose tracks have titles or artists of their own is an album.
    let album = |name| has(Level::Track, name);
    let discs = simple.iter().any(|it| it.level == Level::Disc);
    let mut contents: [TagContent; 3] = Default::default();
    for Simple { level, name, value } in simple {
        let name = name.to_ascii_uppercase();
        let (rank, field) = match (level, name.as_str()) {
            (Level::Other, _) => continue,
            (Level::Album, "TITLE") => (0, Some(Field::Album)),
            (Level::File, "TITLE") if album("TITLE") => (2, Some(Field::Album)),
            (Level::Album, "ARTIST") => (0, Some(Field::AlbumArtist)),
            (Level::File, "ARTIST") if album("ARTIST") => (2, Some(Field::AlbumArtist)),
            (Level::Disc, "PART_NUMBER") => (0, Some(Field::Disc)),
            (Level::Disc, "TOTAL_PARTS") => (0, Some(Field::TrackTotal)),
            (Level::Album, "TOTAL_PARTS") if discs => (0, Some(Field::DiscTotal)),
            (Level::Album | Level::File, "TOTAL_PARTS") => (1, Some(Field::TrackTotal)),
            (Level::Album, "PART_NUMBER") => (1, Some(Field::Disc)),
            (Level::Disc, "TITLE" | "ARTIST") => continue,
            (Level::Album | Level::Disc, "REPLAYGAIN_GAIN") => (0, Some(Field::AlbumGain)),
            (Level::Album | Level::Disc, "REPLAYGAIN_PEAK") => (0, Some(Field::AlbumPeak)),
            (_, "REPLAYGAIN_GAIN") => (0, Some(Field::TrackGain)),
            (_, "REPLAYGAIN_PEAK") => (0, Some(Field::TrackPeak)),
            (Level::Track, other) => (0, Field::named(other)),
            (Level::File, other) => (1, Field::named(other)),
            (Level::Album | Level::Disc, other) => (2, Field::named(other)),
        };
        if let Some(field) = field {
            contents[rank].add_bytes(field, value);
        }
    }
    if let Some(title) = title {
        contents[2].add_bytes(Field::Title, title);
    }
    let mut contents: Vec<_> = contents.into_iter().map(TagContent::finish).collect();
    // Many writers describe the track as if it were the album.
    if contents.iter().all(|it| it.values(Field::Artist).next().is_none()) {
        let mut artist = TagContent::default();
        let album_artist = contents.iter().flat_map(|it| it.values(Field::AlbumArtist));
        album_artist.for_each(|it| artist.add(Field::Artist, it));
        contents.push(artist);
    }
    contents
}

impl Walk<'_> {
    /// The content of an element, as far as a text goes.
    fn bytes(&self, element: &Element) -> Vec<u8> {
        Cursor::new(self.file(), element.start, element.end).take(MAX_VALUE)
    }
}

#[cfg(test)]
mod tests;
