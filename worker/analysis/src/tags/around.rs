//! Tags that stand around the audio, whatever the container: ID3v2 and APE in front of it, APE and ID3v1 behind it.

use super::content::{MAX_TEXT_BYTES, TagContent};
use super::cursor::{Bytes, Cursor};
use super::field::Field;
use super::{genres, id3v2};
use crate::open::{le32, leading_tag, read_up_to, trailing_tag};
use std::fs::File;

/// Tags to read on either side: hostile files have thousands in a row.
const MAX_TAGS: usize = 16;

/// The tags in front of the audio, in the order of the file.
pub(crate) fn leading(file: &File) -> Vec<TagContent> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        let Ok(Some(len)) = leading_tag(file, at) else { break };
        match read_up_to(file, at, 3).as_deref() {
            Ok(b"ID3") => found.extend(id3v2::read(file, at, at.saturating_add(len))),
            _ => found.extend(ape(file, at + 32, at.saturating_add(len))),
        }
        at = at.saturating_add(len);
    }
    found
}

/// The tags behind the audio. The last resort is ID3v1, whose texts are cut.
pub(crate) fn trailing(file: &File, len: u64) -> Vec<TagContent> {
    let mut found = Vec::new();
    let mut last = None;
    let mut end = len;
    for _ in 0..MAX_TAGS {
        let Ok(Some(len)) = trailing_tag(file, end) else { break };
        let Some(start) = end.checked_sub(len) else { break };
        let head = read_up_to(file, start, 4).unwrap_or_default();
        let footer = read_up_to(file, end.saturating_sub(32), 32).unwrap_or_default();
        if len == 128 && head.starts_with(b"TAG") {
            last = last.or_else(|| read_up_to(file, start, 128).ok().map(|it| id3v1(&it)));
        } else if footer.starts_with(b"APETAGEX") {
            let header = if footer.get(23).is_some_and(|it| it & 0x80 != 0) { 32 } else { 0 };
            found.extend(ape(file, start + header, end - 32));
        } else if head.starts_with(b"ID3") {
            found.extend(id3v2::read(file, start, end));
        }
        end = start;
    }
    found.extend(last);
    found
}

/// ID3v1, and the track number that version 1.1 took from the comment.
fn id3v1(tag: &[u8]) -> TagContent {
    let mut content = TagContent::default();
    let text = |range: std::ops::Range<usize>| {
        let bytes = tag.get(range).unwrap_or_default();
        bytes.split(|byte| *byte == 0).next().unwrap_or_default()
    };
    content.add_bytes(Field::Title, text(3..33));
    content.add_bytes(Field::Artist, text(33..63));
    content.add_bytes(Field::Album, text(63..93));
    content.add_bytes(Field::Year, text(93..97));
    content.add_bytes(Field::Comment, text(97..127));
    if let Some([0, track @ 1..=255]) = tag.get(125..127) {
        content.add(Field::Track, &track.to_string());
    }
    if let Some(genre) = tag.get(127).and_then(|it| genres::by_number(usize::from(*it))) {
        content.add(Field::Genre, genre);
    }
    content.finish()
}

/// Items to read in one APE tag.
const MAX_ITEMS: usize = 10_000;
/// The longest name of an item (APEv2: 2 to 255 characters), and the byte behind it.
const MAX_NAME: usize = 256;

/// The items of an APEv2 tag: size, flags, name, value.
fn ape(file: &File, start: u64, end: u64) -> Option<TagContent> {
    let mut cursor = Cursor::new(file, start, end);
    let mut content = TagContent::default();
    for _ in 0..MAX_ITEMS {
        let head = cursor.take(8);
        let (Some(size), Some(flags)) = (le32(&head, 0), le32(&head, 4)) else { break };
        // A footer that states more items than there are, or a header that was not announced.
        if head == b"APETAGEX" {
            break;
        }
        let name = cursor.peek(MAX_NAME);
        let Some(name_len) = name.iter().position(|byte| *byte == 0) else {
            content.note("APE: what follows the items makes no sense");
            break;
        };
        let name = String::from_utf8_lossy(&name[..name_len]).into_owned();
        cursor.skip(name_len as u64 + 1);
        if u64::from(size) > cursor.left() {
            content.note(&format!("APE: \"{name}\" is longer than the tag"));
            break;
        }
        let text = flags >> 1 & 3 == 0;
        if let Some(field) = Field::named(&name).filter(|_| text) {
            content.add_bytes(field, cursor.peek(MAX_TEXT_BYTES.min(size as usize)));
        } else if name.to_ascii_lowercase().starts_with("cover art") {
            picture(&name, cursor.peek(MAX_NAME.min(size as usize)), size, &mut content);
        }
        cursor.skip(size.into());
    }
    Some(content.finish())
}

/// A picture: the name of its file, then its data.
fn picture(name: &str, head: &[u8], size: u32, content: &mut TagContent) {
    let name_len = head.iter().position(|byte| *byte == 0).map_or(0, |it| it + 1);
    let mime = super::picture::mime(&head[name_len..]).unwrap_or_default();
    let front = name.to_ascii_lowercase().contains("front");
    content.add_picture(front, mime.as_bytes(), u64::from(size) - name_len as u64);
}

#[cfg(test)]
mod tests {
    use super::super::cursor::tests::file;
    use super::*;

    fn item(name: &str, flags: u32, value: &[u8]) -> Vec<u8> {
        let head = [(value.len() as u32).to_le_bytes(), flags.to_le_bytes()].concat();
        [head.as_slice(), name.as_bytes(), &[0], value].concat()
    }

    fn footer(items: &[u8]) -> Vec<u8> {
        let mut footer = vec![0; 32];
        footer[..8].copy_from_slice(b"APETAGEX");
        footer[12..16].copy_from_slice(&(items.len() as u32 + 32).to_le_bytes());
        footer
    }

    fn first(contents: &[TagContent], field: Field) -> Option<&str> {
        contents.iter().find_map(|it| it.values(field).next())
    }

    #[test]
    fn ape_and_id3v1_behind_the_audio() {
        let picture = [b"cover.png\0".as_slice(), b"\x89PNG\r\n\x1a\n", &[7; 1000]].concat();
        let items = [
            item("Title", 0, b"Long title, longer than ID3v1 can be"),
            item("ARTIST", 0, b"A\0B"),
            item("Cover Art (Front)", 2, &picture),
            item("replaygain_track_gain", 0, b"-6,48 dB"),
        ]
        .concat();
        let mut id3v1 = [0; 128];
        id3v1[..3].copy_from_slice(b"TAG");
        id3v1[3..33].copy_from_slice(b"Long title, longer than ID3v1 ");
        id3v1[63..67].copy_from_slice(b"Caf\xe9");
        id3v1[93..97].copy_from_slice(b"2004");
        (id3v1[126], id3v1[127]) = (7, 17);
        let bytes = [b"audio".as_slice(), &items, &footer(&items), &id3v1].concat();
        let found = trailing(&file(&bytes), bytes.len() as u64);
        assert_eq!(first(&found, Field::Title), Some("Long title, longer than ID3v1 can be"));
        assert_eq!(found[0].values(Field::Artist).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((first(&found, Field::Album), first(&found, Field::Year)), (Some("Café"), Some("2004")));
        assert_eq!((first(&found, Field::Track), first(&found, Field::Genre)), (Some("7"), Some("Rock")));
        let cover = found[0].cover().unwrap();
        assert_eq!((cover.0, cover.1.mime.as_deref(), cover.1.size_bytes), (true, Some("image/png"), 1008));
    }

    #[test]
    fn an_odd_item_costs_what_follows_it_alone() {
        let mut items = [item("Title", 0, b"Good"), item("Album", 0, b"Good")].concat();
        let second = items.len() - 18;
        items[second..second + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let bytes = [items.clone(), footer(&items)].concat();
        let found = trailing(&file(&bytes), bytes.len() as u64);
        assert_eq!((first(&found, Field::Title), first(&found, Field::Album)), (Some("Good"), None));
        assert_eq!(found[0].unread(), ["APE: \"Album\" is longer than the tag"]);
    }
}
