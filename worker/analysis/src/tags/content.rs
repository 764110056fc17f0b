//! What one tag of a file says: bounded, printable, and in the order in which it was found.

use super::charset;
use super::field::Field;
use report::CoverArt;

/// Longest value that is kept, in characters. Longer than any title, shorter than the novels that some comments hold.
pub(crate) const MAX_CHARS: usize = 1024;
/// Most values of one field that are kept.
const MAX_VALUES: usize = 32;
/// Bytes of one text that a reader should fetch: enough for all values of a field, in any encoding.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Bytes of one value in an unknown encoding: no encoding needs more than four for a character.
const MAX_LEGACY_BYTES: usize = 4 * MAX_CHARS;
/// Most notes on what could not be read.
const MAX_NOTES: usize = 16;
/// Longest note, in characters.
const MAX_NOTE_CHARS: usize = 200;

enum Value {
    Text(String),
    /// Bytes whose encoding nothing states, or of which it is stated wrongly: they are not UTF-8.
    Legacy(Vec<u8>),
}

/// What one tag says.
#[derive(Default)]
pub(crate) struct TagContent {
    values: Vec<(Field, Value)>,
    cover: Option<(bool, CoverArt)>,
    unread: Vec<String>,
}

impl TagContent {
    /// Adds the values of a text; several of them are separated by 0. Nothing is added for an empty one.
    pub(crate) fn add(&mut self, field: Field, text: &str) {
        for value in text.split('\0') {
            let value = clean(value);
            let known = |(other, it): &(Field, Value)| {
                *other == field && matches!(it, Value::Text(text) if *text == value)
            };
            if !value.is_empty() && self.has_room(field) && !self.values.iter().any(known) {
                self.values.push((field, Value::Text(value)));
            }
        }
    }

    /// Adds a text whose encoding is not stated, or not to be trusted: UTF-8 where it is valid, else what the whole tag
    /// suggests.
    pub(crate) fn add_bytes(&mut self, field: Field, bytes: &[u8]) {
        for value in bytes.split(|byte| *byte == 0) {
            match std::str::from_utf8(value) {
                Ok(text) => self.add(field, text),
                Err(_) if self.has_room(field) => {
                    let value = value[..value.len().min(MAX_LEGACY_BYTES)].to_vec();
                    self.values.push((field, Value::Legacy(value)));
                }
                Err(_) => {}
            }
        }
    }

    fn has_room(&self, field: Field) -> bool {
        self.values.iter().filter(|(other, _)| *other == field).count() < MAX_VALUES
    }

    /// Adds a picture. A front cover is preferred to any other picture, and the first of each to those behind it.
    pub(crate) fn add_picture(&mut self, front: bool, mime: &[u8], size_bytes: u64) {
        if size_bytes == 0 || self.cover.as_ref().is_some_and(|(known, _)| *known || !front) {
            return;
        }
        let mime = clean(&String::from_utf8_lossy(&mime[..mime.len().min(MAX_CHARS)]));
        self.cover = Some((front, CoverArt { mime: (!mime.is_empty()).then_some(mime), size_bytes }));
    }

    /// Notes what could not be read, and why.
    pub(crate) fn note(&mut self, what: &str) {
        note(&mut self.unread, what);
    }

    /// Decodes what could not be decoded before all of the tag was known.
    pub(crate) fn finish(mut self) -> Self {
        let legacy = self.values.iter().filter_map(|(_, value)| match value {
            Value::Legacy(bytes) => Some(bytes.as_slice()),
            Value::Text(_) => None,
        });
        let encoding = charset::detect(legacy);
        for (_, value) in &mut self.values {
            if let Value::Legacy(bytes) = value {
                *value = Value::Text(clean(&charset::decode(bytes, encoding)));
            }
        }
        self
    }

    /// The values of a field.
    pub(crate) fn values(&self, field: Field) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(move |(other, value)| match value {
            Value::Text(text) if *other == field && !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
    }

    pub(crate) fn cover(&self) -> Option<(bool, &CoverArt)> {
        self.cover.as_ref().map(|(front, cover)| (*front, cover))
    }

    pub(crate) fn unread(&self) -> &[String] {
        &self.unread
    }
}

/// Adds a note unless there are enough already, or the same one.
pub(crate) fn note(notes: &mut Vec<String>, what: &str) {
    let what: String = clean(what).chars().take(MAX_NOTE_CHARS).collect();
    if notes.len() < MAX_NOTES && !notes.contains(&what) {
        notes.push(what);
    }
}

/// Control characters become spaces: a report is also a line of a table, and of a terminal.
pub(crate) fn clean(value: &str) -> String {
    // Marks that tell UTF-16 and UTF-8 apart are no text.
    let value = value.trim_start_matches('\u{feff}');
    let text: String =
        value.chars().take(MAX_CHARS).map(|it| if it.is_control() { ' ' } else { it }).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(content: &TagContent) -> Vec<&str> {
        content.values(Field::Title).collect()
    }

    #[test]
    fn values_are_split_and_cleaned() {
        let mut content = TagContent::default();
        ["A\0B ", "", " C\nD", "\0", "B", "\u{feff}E"].iter().for_each(|it| content.add(Field::Title, it));
        assert_eq!(values(&content), ["A", "B", "C D", "E"]);
        assert_eq!(content.values(Field::Artist).count(), 0);
    }

    #[test]
    fn a_front_cover_comes_first_and_the_first_of_them_stays() {
        let mut content = TagContent::default();
        content.add_picture(false, b"image/gif", 1);
        content.add_picture(false, b"image/png", 2);
        assert_eq!(content.cover().unwrap().1.size_bytes, 1);
        content.add_picture(true, b"", 3);
        content.add_picture(true, b"image/png", 4);
        content.add_picture(true, b"image/png", 0);
        assert_eq!(content.cover(), Some((true, &CoverArt { mime: None, size_bytes: 3 })));
    }

    proptest! {
        #[test]
        fn nothing_long_or_unprintable_is_kept(
            texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..90), 0..60),
        ) {
            let mut content = TagContent::default();
            for text in &texts {
                content.add_bytes(Field::Title, text);
                content.note(&String::from_utf8_lossy(text));
            }
            let content = content.finish();
            prop_assert!(content.values(Field::Title).count() <= MAX_VALUES);
            prop_assert!(content.unread().len() <= MAX_NOTES);
            for text in content.values(Field::Title).chain(content.unread().iter().map(String::as_str)) {
                prop_assert!(text.chars().count() <= MAX_CHARS);
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
