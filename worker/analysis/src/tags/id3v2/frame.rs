//! Headers of frames, in the three versions of ID3v2.

use super::super::cursor::{Bytes, Cursor};
use crate::open::{be32, read_up_to};
use std::fs::File;

/// How the frames of a tag are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    version: u8,
    /// The whole tag was unsynchronised after it had been put together; in version 4 each frame is, by itself.
    pub(super) whole_unsynchronised: bool,
    frames_unsynchronised: bool,
}

/// A frame, whose content follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Four letters, or three and a 0 in version 2.
    pub(super) id: [u8; 4],
    pub(super) size: u64,
    pub(super) compressed: bool,
    pub(super) encrypted: bool,
    pub(super) unsynchronised: bool,
    /// Bytes of the content that belong to the header still.
    pub(super) prefix: usize,
    /// Where in them the size of the content stands that it has when it is decoded.
    pub(super) decoded_size_at: Option<usize>,
    /// That size has four times seven bits.
    pub(super) version_4: bool,
}

const UNSYNCHRONISED: u8 = 0x80;
const EXTENDED: u8 = 0x40;

impl Layout {
    /// `None` for versions that do not exist, and for the compression of version 2, which no one ever defined.
    pub(super) fn of(version: u8, flags: u8) -> Option<Self> {
        let unsynchronised = flags & UNSYNCHRONISED != 0;
        let known = (2..=4).contains(&version) && !(version == 2 && flags & EXTENDED != 0);
        known.then_some(Self {
            version,
            whole_unsynchronised: unsynchronised && version < 4,
            frames_unsynchronised: unsynchronised && version == 4,
        })
    }

    /// Passes the extended header. Some writers set its flag and write none.
    pub(super) fn skip_extended_header(self, cursor: &mut Cursor<'_>, flags: u8) {
        if self.version < 3 || flags & EXTENDED == 0 {
            return;
        }
        let head = cursor.peek(4);
        if head.len() < 4 || is_name(head) {
            return;
        }
        // Version 3 leaves the size itself out (§3.2), version 4 counts it.
        let size = if self.version == 3 {
            be32(head, 0).map(|it| u64::from(it) + 4)
        } else {
            synchsafe(head).filter(|it| *it >= 6)
        };
        if let Some(size) = size.filter(|it| *it <= cursor.left()) {
            cursor.skip(size);
        }
    }

    pub(super) fn header_len(self) -> usize {
        if self.version == 2 { 6 } else { 10 }
    }

    /// The frame whose header is next. `None` if there is no header.
    pub(super) fn frame(self, file: &File, cursor: &mut Cursor<'_>) -> Option<Frame> {
        let left = cursor.left();
        let position = cursor.position();
        let head = cursor.peek(self.header_len());
        let id = self.id(head)?;
        let follows = |size: u64| self.follows(file, position, size, left);
        let size = self.size(head, follows)?;
        let flags = if self.version == 2 { [0, 0] } else { [*head.get(8)?, *head.get(9)?] };
        let frame = Frame {
            id,
            size,
            compressed: false,
            encrypted: false,
            unsynchronised: self.frames_unsynchronised,
            prefix: 0,
            decoded_size_at: None,
            version_4: self.version == 4,
        };
        Some(match self.version {
            // §3.3.1: the size, the method and the group, in this order.
            3 => {
                let (compressed, encrypted) = (flags[1] & 0x80 != 0, flags[1] & 0x40 != 0);
                let size_bytes = if compressed { 4 } else { 0 };
                let prefix = size_bytes + usize::from(encrypted) + usize::from(flags[1] & 0x20 != 0);
                Frame { compressed, encrypted, prefix, decoded_size_at: compressed.then_some(0), ..frame }
            }
            // §4.1.2: the group, the method and the size.
            4 => {
                let (compressed, encrypted) = (flags[1] & 8 != 0, flags[1] & 4 != 0);
                let unsynchronised = frame.unsynchronised || flags[1] & 2 != 0;
                let before = usize::from(flags[1] & 0x40 != 0) + usize::from(encrypted);
                let decoded_size_at = (flags[1] & 1 != 0).then_some(before);
                let prefix = before + if decoded_size_at.is_some() { 4 } else { 0 };
                Frame { compressed, encrypted, unsynchronised, prefix, decoded_size_at, ..frame }
            }
            _ => frame,
        })
    }

    fn id(self, head: &[u8]) -> Option<[u8; 4]> {
        let len = if self.version == 2 { 3 } else { 4 };
        let name = head.get(..len).filter(|it| is_name(it))?;
        let mut id = [0; 4];
        id[..len].copy_from_slice(name);
        if id[3] == b' ' {
            id[3] = 0;
        }
        Some(id)
    }

    /// The size of a frame. Version 4 writes it with seven bits in a byte, which some programs, iTunes among them, did not know;
    /// others write the same into version 3. What follows the frame tells.
    fn size(self, head: &[u8], follows: impl Fn(u64) -> bool) -> Option<u64> {
        if self.version == 2 {
            return Some(head.get(3..6)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
        }
        let bytes = head.get(4..8)?;
        let plain = u64::from(be32(bytes, 0)?);
        let Some(safe) = synchsafe(bytes) else { return Some(plain) };
        let (usual, other) = if self.version == 4 { (safe, plain) } else { (plain, safe) };
        Some(if plain == safe || follows(usual) || !follows(other) { usual } else { other })
    }

    /// Whether a frame, padding or the end of the tag is where a frame of this size ends.
    fn follows(self, file: &File, position: Option<u64>, size: u64, left: u64) -> bool {
        let Some(whole) = size.checked_add(self.header_len() as u64).filter(|it| *it <= left) else {
            return false;
        };
        let Some(position) = position else { return true };
        if left - whole < self.header_len() as u64 {
            return true;
        }
        let next = read_up_to(file, position + whole, 4).unwrap_or_default();
        next.len() < 4 || next[0] == 0 || is_name(&next)
    }

    /// Whether bytes in the middle of nowhere are a frame: its name is one that is read here or that pictures and chapters have,
    /// and its size is possible.
    pub(super) fn is_credible(self, bytes: &[u8], left: u64) -> bool {
        let Some(id) = self.id(bytes) else { return false };
        let size = self.size(bytes, |size| size <= left);
        (KNOWN.contains(&&id) || KNOWN_2.contains(&&id))
            && size.is_some_and(|it| it > 0 && it + self.header_len() as u64 <= left)
    }
}

impl Frame {
    pub(super) fn name(&self) -> String {
        self.id.iter().filter(|it| **it != 0).map(|it| char::from(*it)).collect()
    }

    /// The size that the content has when it is decoded, if it is stated.
    pub(super) fn decoded_size(&self, content: &[u8]) -> Option<u64> {
        let bytes = content.get(self.decoded_size_at?..)?;
        if self.version_4 { synchsafe(bytes.get(..4)?) } else { be32(bytes, 0).map(u64::from) }
    }
}

const KNOWN: [&[u8; 4]; 25] = [
    b"TIT2", b"TPE1", b"TPE2", b"TALB", b"TCOM", b"TCON", b"TPUB", b"TRCK", b"TPOS", b"TYER", b"TDAT",
    b"TIME", b"TDRC", b"TDRL", b"TBPM", b"TKEY", b"TSRC", b"TSSE", b"TENC", b"TXXX", b"COMM", b"UFID",
    b"APIC", b"RVA2", b"PRIV",
];
const KNOWN_2: [&[u8; 4]; 19] = [
    b"TT2\0", b"TP1\0", b"TP2\0", b"TAL\0", b"TCM\0", b"TCO\0", b"TPB\0", b"TRK\0", b"TPA\0", b"TYE\0",
    b"TDA\0", b"TIM\0", b"TBP\0", b"TKE\0", b"TRC\0", b"TSS\0", b"TXX\0", b"COM\0", b"PIC\0",
];

/// Capitals and digits. Programs that turned version 2 into a later one left its short names, with a blank or a 0 behind them.
fn is_name(bytes: &[u8]) -> bool {
    let (short, last) = bytes.split_at(bytes.len().min(3));
    let letter = |it: &u8| it.is_ascii_uppercase() || it.is_ascii_digit();
    let first = short.first().is_some_and(u8::is_ascii_uppercase);
    first && short.iter().all(letter) && last.iter().all(|it| letter(it) || matches!(it, b' ' | 0))
}

fn synchsafe(bytes: &[u8]) -> Option<u64> {
    let bytes = bytes.get(..4).filter(|it| it.iter().all(|byte| *byte < 0x80))?;
    Some(bytes.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte)))
}
