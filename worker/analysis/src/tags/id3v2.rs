//! ID3v2, frame by frame: one that makes no sense costs itself alone.
//!
//! Only the frames of the report are looked into; chapters, which may hold frames that hold chapters, are not.

mod content;
mod frame;

use super::content::TagContent;
use super::cursor::{Bytes, Cursor};
use frame::{Frame, Layout};
use std::fs::File;

/// Frames to read in one tag. Real ones have tens; some hold hundreds of private ones.
const MAX_FRAMES: usize = 10_000;
/// Bytes in which the next frame is looked for behind one that makes no sense, in all of a tag.
const MAX_SEARCH: usize = 1 << 20;
/// Bytes that are searched at first: the next frame is mostly near.
const WINDOW: usize = 4096;

/// Reads the tag that begins at `start` and ends before `limit`, or with the file. The frames of the standard come first, the
/// user-defined ones, which count less, second.
pub(crate) fn read(file: &File, start: u64, limit: u64) -> Vec<TagContent> {
    let mut cursor = Cursor::new(file, start, limit);
    let head = cursor.take(10);
    let Some((size, flags)) = size(&head) else { return Vec::new() };
    let mut tag = Reading::default();
    let (start, end) = (start + 10, (start + 10).saturating_add(size).min(limit));
    let Some(layout) = Layout::of(head[3], flags) else {
        tag.main.note(&format!("ID3v2.{} is not known", head[3]));
        return tag.finish();
    };
    let mut cursor = if layout.whole_unsynchronised {
        Cursor::unsynchronised(file, start, end)
    } else {
        Cursor::new(file, start, end)
    };
    layout.skip_extended_header(&mut cursor, flags);
    tag.frames(file, &mut cursor, layout);
    tag.finish()
}

/// Size of the tag behind its header, and the flags of the header (ID3v2.4 §3.1).
fn size(head: &[u8]) -> Option<(u64, u8)> {
    let size = head.get(6..10).filter(|it| head.starts_with(b"ID3") && it.iter().all(|byte| *byte < 0x80))?;
    Some((size.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte)), head[5]))
}

#[derive(Default)]
struct Reading {
    main: TagContent,
    user: TagContent,
    /// Bytes that were searched.
    searched: usize,
}

impl Reading {
    fn finish(self) -> Vec<TagContent> {
        vec![self.main.finish(), self.user.finish()]
    }

    fn frames(&mut self, file: &File, cursor: &mut Cursor<'_>, layout: Layout) {
        for _ in 0..MAX_FRAMES {
            let head = cursor.peek(layout.header_len());
            // Padding, or the end.
            if head.len() < layout.header_len() || head[0] == 0 {
                return;
            }
            let Some(frame) = layout.frame(file, cursor) else {
                cursor.skip(1);
                match self.next_frame(cursor, layout) {
                    Some(passed) => {
                        cursor.skip(passed);
                        self.main.note(&format!("ID3v2: {} bytes that are no frame", passed + 1));
                    }
                    None => {
                        self.main.note("ID3v2: what follows the frames makes no sense");
                        return;
                    }
                }
                continue;
            };
            cursor.skip(layout.header_len() as u64);
            let mut size = frame.size;
            if size > cursor.left() {
                self.main.note(&format!("{}: it is longer than the tag", frame.name()));
                size = self.next_frame(cursor, layout).unwrap_or(cursor.left());
            }
            if let Err(cause) = content::read(&Frame { size, ..frame }, file, cursor, self) {
                self.main.note(&format!("{}: {cause}", frame.name()));
            }
            cursor.skip(size);
        }
    }

    /// How many bytes ahead the next frame is whose name and size can be believed.
    fn next_frame(&mut self, cursor: &mut Cursor<'_>, layout: Layout) -> Option<u64> {
        let left = cursor.left();
        let (mut from, mut window) = (0, WINDOW);
        loop {
            let bytes = cursor.peek(window.min(MAX_SEARCH - self.searched));
            let credible = |at: &usize| layout.is_credible(&bytes[*at..], left.saturating_sub(*at as u64));
            let found = (from..bytes.len()).find(credible);
            if found.is_some() || bytes.len() < window {
                self.searched = MAX_SEARCH.min(self.searched + found.unwrap_or(bytes.len()));
                return found.map(|at| at as u64);
            }
            // A header may lie across the end of what was searched.
            (from, window) = (bytes.len().saturating_sub(layout.header_len()), window * 8);
        }
    }
}

#[cfg(test)]
mod tests;
