//! Elements of a Matroska file (RFC 8794), as far as its tags go.

use crate::open::read_up_to;
use std::fs::File;

const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const SEEK: u32 = 0x4dbb;
const SEEK_ID: u32 = 0x53ab;
const SEEK_POSITION: u32 = 0x53ac;
const CLUSTER: u32 = 0x1f43_b675;
pub(super) const INFO: u32 = 0x1549_a966;
pub(super) const TITLE: u32 = 0x7ba9;
pub(super) const ATTACHMENTS: u32 = 0x1941_a469;
pub(super) const ATTACHED_FILE: u32 = 0x61a7;
pub(super) const FILE_NAME: u32 = 0x466e;
pub(super) const FILE_MIME_TYPE: u32 = 0x4660;
pub(super) const FILE_DATA: u32 = 0x465c;
pub(super) const TAGS: u32 = 0x1254_c367;
pub(super) const TAG: u32 = 0x7373;
pub(super) const TARGETS: u32 = 0x63c0;
pub(super) const TARGET_TYPE_VALUE: u32 = 0x68ca;
pub(super) const TAG_TRACK_UID: u32 = 0x63c5;
pub(super) const SIMPLE_TAG: u32 = 0x67c8;
pub(super) const TAG_NAME: u32 = 0x45a3;
pub(super) const TAG_STRING: u32 = 0x4487;

/// Elements to look at in all of a file: a recording of a day has some ten thousand clusters.
const MAX_ELEMENTS: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    /// First byte of the content, and the first behind it.
    pub(super) start: u64,
    pub(super) end: u64,
    /// No end is stated.
    open: bool,
}

/// Reads elements, and counts them.
pub(super) struct Walk<'a> {
    file: &'a File,
    start: u64,
    end: u64,
    left: usize,
}

/// A number of variable length: its bytes, and its value with and without the marker of its length.
fn variable(bytes: &[u8]) -> Option<(usize, u64, u64)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    let raw = bytes.get(..len).filter(|_| len <= 8)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some((len, raw, raw & !(1 << (7 * len))))
}

impl<'a> Walk<'a> {
    pub(super) fn new(file: &'a File, start: u64, end: u64) -> Self {
        Self { file, start, end, left: MAX_ELEMENTS }
    }

    pub(super) fn file(&self) -> &'a File {
        self.file
    }

    fn element(&mut self, at: u64, parent_end: u64) -> Option<Element> {
        self.left = self.left.checked_sub(1)?;
        if at >= parent_end {
            return None;
        }
        let head = read_up_to(self.file, at, 12).ok()?;
        let (id_len, id, _) = variable(&head).filter(|(len, ..)| *len <= 4)?;
        let (size_len, _, size) = variable(head.get(id_len..)?)?;
        let start = at + (id_len + size_len) as u64;
        let open = size == (1 << (7 * size_len)) - 1;
        let end = if open { parent_end } else { start.checked_add(size)?.min(parent_end) };
        Some(Element { id: u32::try_from(id).ok()?, start, end: end.max(start), open })
    }

    pub(super) fn children(&mut self, parent: &Element) -> Vec<Element> {
        let mut found = Vec::new();
        let mut at = parent.start;
        while let Some(child) = self.element(at, parent.end) {
            at = child.end;
            found.push(child);
        }
        found
    }

    pub(super) fn child(&mut self, parent: &Element, id: u32) -> Option<Element> {
        let mut at = parent.start;
        while let Some(child) = self.element(at, parent.end) {
            if child.id == id {
                return Some(child);
            }
            at = child.end;
        }
        None
    }

    /// The elements of the segment besides its clusters: those in front of them and behind them, and those that the index of
    /// the segment names, which leads past clusters that do not state their length.
    pub(super) fn top_level(&mut self) -> Vec<Element> {
        let header = self.element(self.start, self.end);
        let Some(segment) =
            header.and_then(|it| self.element(it.end, self.end)).filter(|it| it.id == SEGMENT)
        else {
            return Vec::new();
        };
        let mut found: Vec<Element> = Vec::new();
        let mut indexed = Vec::new();
        let mut at = segment.start;
        while let Some(child) = self.element(at, segment.end) {
            match child.id {
                CLUSTER if child.open => break,
                CLUSTER => {}
                SEEK_HEAD => indexed.extend(self.seek_positions(&child)),
                _ => found.push(child),
            }
            at = child.end;
        }
        for (id, position) in indexed {
            let at = segment.start.saturating_add(position);
            let element = self.element(at, segment.end).filter(|it| it.id == id);
            found.extend(element.filter(|it| !found.contains(it)));
        }
        found
    }

    /// What the index names: kinds of elements, and how far into the segment they are.
    fn seek_positions(&mut self, head: &Element) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        for seek in self.children(head).into_iter().filter(|it| it.id == SEEK) {
            let id = self.child(&seek, SEEK_ID).map(|it| self.number(&it));
            let position = self.child(&seek, SEEK_POSITION).map(|it| self.number(&it));
            if let (Some(Ok(id)), Some(position)) = (id.map(u32::try_from), position)
                && matches!(id, TAGS | ATTACHMENTS | INFO)
            {
                found.push((id, position));
            }
        }
        found
    }

    fn number(&self, element: &Element) -> u64 {
        let len = (element.end - element.start).min(8) as usize;
        let bytes = read_up_to(self.file, element.start, len).unwrap_or_default();
        bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}
