//! Tags in MP4 and QuickTime files: iTunes' list of items, QuickTime's keys, and the user data of QuickTime and 3GPP.

use super::charset;
use super::content::{MAX_TEXT_BYTES, TagContent};
use super::cursor::{Bytes, Cursor};
use super::field::Field;
use super::{genres, picture};
use crate::open::{be16, be32, be64, read_up_to};
use encoding_rs::{MACINTOSH, SHIFT_JIS};
use std::fs::File;

/// Boxes to look at in all of a file. A film has thousands of fragments.
const MAX_BOXES: usize = 65_536;
/// Values to read of one item.
const MAX_VALUES: usize = 64;
/// Keys of QuickTime to read.
const MAX_KEYS: usize = 1024;
/// Longest name of a user-defined item.
const MAX_NAME: u64 = 256;

/// A box: its kind and its content.
#[derive(Debug, Clone, Copy)]
struct Atom {
    kind: [u8; 4],
    start: u64,
    end: u64,
}

/// Reads boxes, and counts them.
struct Walk<'a> {
    file: &'a File,
    left: usize,
    main: TagContent,
    user: TagContent,
}

/// The tags of the movie. Items of the standard come first, user-defined ones second.
pub(crate) fn read(file: &File, start: u64, end: u64) -> Vec<TagContent> {
    let mut walk = Walk { file, left: MAX_BOXES, main: TagContent::default(), user: TagContent::default() };
    for movie in walk.children(start, end, |atom| &atom.kind == b"moov") {
        for atom in walk.children(movie.start, movie.end, |atom| matches!(&atom.kind, b"udta" | b"meta")) {
            match &atom.kind {
                b"meta" => walk.metadata(atom),
                _ => walk.user_data(atom),
            }
        }
    }
    vec![walk.main.finish(), walk.user.finish()]
}

impl Walk<'_> {
    /// The boxes in a range that are wanted, and those whose kind is not known by name.
    fn children(&mut self, start: u64, end: u64, wanted: impl Fn(&Atom) -> bool) -> Vec<Atom> {
        let mut found = Vec::new();
        let mut at = start;
        while self.left > 0 && at.saturating_add(8) <= end {
            self.left -= 1;
            let Some(atom) = self.atom(at, end) else { break };
            at = atom.end;
            if wanted(&atom) {
                found.push(atom);
            }
        }
        found
    }

    fn atom(&self, at: u64, end: u64) -> Option<Atom> {
        let head = read_up_to(self.file, at, 16).ok()?;
        let kind = head.get(4..8)?.try_into().ok()?;
        let (header, size) = match be32(&head, 0)? {
            0 => (8, end - at),
            1 => (16, be64(&head, 8)?),
            size => (8, u64::from(size)),
        };
        let stop = at.checked_add(size).filter(|_| size >= header)?;
        Some(Atom { kind, start: at + header, end: stop.min(end) })
    }

    fn bytes(&self, start: u64, end: u64, most: usize) -> Vec<u8> {
        Cursor::new(self.file, start, end).take(most)
    }

    /// User data: iTunes' metadata, and QuickTime's and 3GPP's own texts.
    fn user_data(&mut self, parent: Atom) {
        for atom in self.children(parent.start, parent.end, |_| true) {
            match &atom.kind {
                b"meta" => self.metadata(atom),
                [0xa9, ..] => self.quicktime_text(atom),
                b"titl" => self.text_3gpp(atom, Field::Title),
                b"perf" => self.text_3gpp(atom, Field::Artist),
                b"albm" => self.text_3gpp(atom, Field::Album),
                b"yrrc" => {
                    if let Some(year) = be16(&self.bytes(atom.start, atom.end, 6), 4) {
                        self.user.add(Field::Year, &year.to_string());
                    }
                }
                _ => {}
            }
        }
    }

    /// Metadata: a version, which QuickTime leaves out, then the keys and the list of items.
    fn metadata(&mut self, parent: Atom) {
        let head = self.bytes(parent.start, parent.end, 8);
        let start = if be32(&head, 0) == Some(0) { parent.start + 4 } else { parent.start };
        let mut keys = Vec::new();
        for atom in self.children(start, parent.end, |atom| matches!(&atom.kind, b"keys" | b"ilst")) {
            if &atom.kind == b"keys" {
                keys = self.keys(atom);
            } else {
                self.items(atom, &keys);
            }
        }
    }

    /// Names by number, from 1.
    fn keys(&self, parent: Atom) -> Vec<String> {
        let mut cursor = Cursor::new(self.file, parent.start, parent.end);
        cursor.skip(8);
        let mut names = Vec::new();
        for _ in 0..MAX_KEYS {
            let Some(size) = be32(&cursor.take(8), 0).filter(|it| *it >= 8) else { break };
            let name = cursor.peek((size as usize - 8).min(MAX_NAME as usize));
            names.push(String::from_utf8_lossy(name).into_owned());
            cursor.skip(u64::from(size) - 8);
        }
        names
    }

    fn items(&mut self, parent: Atom, keys: &[String]) {
        for item in self.children(parent.start, parent.end, |_| true) {
            let number = u32::from_be_bytes(item.kind) as usize;
            let key = number.checked_sub(1).and_then(|it| keys.get(it)).cloned();
            let values = self.children(item.start, item.end, |atom| &atom.kind != b"free");
            let mut named = None;
            for value in values.into_iter().take(MAX_VALUES) {
                match (&value.kind, &item.kind) {
                    (b"name", b"----") => {
                        let name =
                            self.bytes(value.start + 4, value.end.min(value.start + 4 + MAX_NAME), 256);
                        named = Some(String::from_utf8_lossy(&name).into_owned());
                    }
                    (b"data", b"covr") => self.cover(value),
                    (b"data", kind) => match (&named, &key) {
                        (Some(name), _) | (None, Some(name)) => self.user_defined(name, value),
                        _ => self.item(kind, value),
                    },
                    _ => {}
                }
            }
        }
    }

    /// A picture, which is not read: its size is enough.
    fn cover(&mut self, value: Atom) {
        let head = self.bytes(value.start, value.end, 24);
        let (Some(class), Some(data)) = (be32(&head, 0), head.get(8..)) else {
            self.main.note("covr: it is too short for a picture");
            return;
        };
        let stated = match class {
            12 => Some("image/gif"),
            13 => Some("image/jpeg"),
            14 => Some("image/png"),
            27 => Some("image/bmp"),
            _ => None,
        };
        let mime = picture::mime(data).or(stated).unwrap_or_default();
        self.main.add_picture(true, mime.as_bytes(), value.end - value.start - 8);
    }

    fn user_defined(&mut self, name: &str, value: Atom) {
        if let Some(field) = Field::named(name) {
            let value = self.bytes(value.start, value.end, MAX_TEXT_BYTES);
            text(field, &value, &mut self.user);
        }
    }

    fn item(&mut self, kind: &[u8; 4], value: Atom) {
        let data = self.bytes(value.start, value.end, MAX_TEXT_BYTES);
        let name = || kind.iter().map(|it| char::from(*it)).collect::<String>();
        let Some(body) = data.get(8..) else {
            self.main.note(&format!("{}: it is too short for a value", name()));
            return;
        };
        let content = &mut self.main;
        match kind {
            // A reserved number, the position and the total; some programs write text.
            b"trkn" | b"disk" => {
                let field = if kind == b"trkn" { Field::Track } else { Field::Disc };
                match (be16(body, 2), be16(body, 4)) {
                    _ if data[3] == UTF_8 => content.add_bytes(field, body),
                    (Some(0), None | Some(0)) => {}
                    (Some(number), None | Some(0)) => content.add(field, &number.to_string()),
                    (Some(0), Some(total)) => content.add(field, &format!("/{total}")),
                    (Some(number), Some(total)) => content.add(field, &format!("{number}/{total}")),
                    (None, _) => content.note(&format!("{}: it is too short for a number", name())),
                }
            }
            // ID3v1's numbers, from 1.
            b"gnre" => {
                let number = be16(body, 0).and_then(|it| usize::from(it).checked_sub(1));
                if let Some(genre) = number.and_then(genres::by_number) {
                    content.add(Field::Genre, genre);
                }
            }
            b"tmpo" if data[3] != UTF_8 && body.len() <= 4 => {
                let tempo = body.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
                content.add(Field::Bpm, &tempo.to_string());
            }
            _ => {
                if let Some(field) = item_field(kind) {
                    text(field, &data, content);
                }
            }
        }
    }

    /// QuickTime's international text: size, language, text; several times.
    fn quicktime_text(&mut self, atom: Atom) {
        let Some(field) = item_field(&atom.kind) else { return };
        let bytes = self.bytes(atom.start, atom.end, MAX_TEXT_BYTES);
        let mut rest = bytes.as_slice();
        while let (Some(size), Some(language)) = (be16(rest, 0), be16(rest, 2)) {
            let Some(text) = rest.get(4..4 + usize::from(size)) else { break };
            match std::str::from_utf8(text) {
                Ok(text) => self.user.add(field, text),
                // Languages below this are those of the Macintosh, whose encoding is meant.
                Err(_) if language < 0x400 => self.user.add(field, &charset::decode(text, MACINTOSH)),
                Err(_) => self.user.add_bytes(field, text),
            }
            rest = &rest[4 + usize::from(size)..];
        }
    }

    /// 3GPP's text (TS 26.244 §8): version, language, text in UTF-8 or marked UTF-16.
    fn text_3gpp(&mut self, atom: Atom, field: Field) {
        let bytes = self.bytes(atom.start, atom.end, MAX_TEXT_BYTES);
        match bytes.get(6..).unwrap_or_default() {
            // The title of an album is followed by a number.
            [0xfe, 0xff, text @ ..] => {
                let text = utf16(text);
                self.user.add(field, text.split('\0').next().unwrap_or_default());
            }
            text => self.user.add_bytes(field, text.split(|it| *it == 0).next().unwrap_or_default()),
        }
    }
}

/// Kinds of values.
const UTF_8: u8 = 1;
const UTF_16: u8 = 2;
const S_JIS: u8 = 3;

/// A value: its kind, a locale, the text.
fn text(field: Field, value: &[u8], into: &mut TagContent) {
    let (Some(kind), Some(body)) = (value.get(3), value.get(8..)) else {
        into.note("MP4: a value is too short");
        return;
    };
    match *kind {
        UTF_16 => into.add(field, &utf16(body)),
        S_JIS if std::str::from_utf8(body).is_err() => into.add(field, &charset::decode(body, SHIFT_JIS)),
        // A number in place of a text.
        21 | 22 if body.len() <= 8 => {
            let number = body.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            into.add(field, &number.to_string());
        }
        _ => into.add_bytes(field, body),
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|it| u16::from_be_bytes([it[0], it[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn item_field(kind: &[u8; 4]) -> Option<Field> {
    Some(match kind {
        b"\xa9nam" => Field::Title,
        b"\xa9ART" => Field::Artist,
        b"\xa9alb" => Field::Album,
        b"aART" => Field::AlbumArtist,
        b"\xa9wrt" | b"\xa9com" => Field::Composer,
        b"\xa9gen" => Field::Genre,
        b"\xa9lab" => Field::Label,
        b"\xa9pub" => Field::Publisher,
        b"\xa9cmt" => Field::Comment,
        b"\xa9des" | b"desc" => Field::Description,
        b"\xa9day" => Field::RecordingDate,
        b"\xa9trk" => Field::Track,
        b"\xa9too" | b"\xa9swr" => Field::Encoder,
        b"\xa9enc" => Field::EncodedBy,
        b"\xa9isr" => Field::Isrc,
        b"tmpo" => Field::Bpm,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
