//! Forward reading in a range of a file, without keeping it in memory.

use crate::open::read_up_to;
use std::fs::File;

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// Bytes that can be looked at and passed. What cannot be read is the end.
pub(crate) trait Bytes {
    /// The next bytes, at most `len`, fewer at the end. They stay in front.
    fn peek(&mut self, len: usize) -> &[u8];
    /// Passes so many bytes, or all that are left.
    fn skip(&mut self, len: u64);

    /// The next bytes, at most `len`, which are passed.
    fn take(&mut self, len: usize) -> Vec<u8> {
        let bytes = self.peek(len).to_vec();
        self.skip(bytes.len() as u64);
        bytes
    }
}

/// A range of a file.
pub(crate) struct Cursor<'a> {
    file: &'a File,
    /// Where the bytes behind the buffer are.
    at: u64,
    end: u64,
    /// Bytes in front, of which the first `passed` are behind us.
    buffer: Vec<u8>,
    passed: usize,
    unsynchronised: bool,
    after_ff: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(file: &'a File, start: u64, end: u64) -> Self {
        Self { file, at: start, end, buffer: Vec::new(), passed: 0, unsynchronised: false, after_ff: false }
    }

    /// A range in which a 0 was put behind each 0xFF, which is taken out again (ID3v2.4 §6.1).
    pub(crate) fn unsynchronised(file: &'a File, start: u64, end: u64) -> Self {
        Self { unsynchronised: true, ..Self::new(file, start, end) }
    }

    /// Bytes left; in an unsynchronised range, at most that.
    pub(crate) fn left(&self) -> u64 {
        (self.buffer.len() - self.passed) as u64 + self.end.saturating_sub(self.at)
    }

    /// Where in the file the next byte is. In an unsynchronised range nothing says so.
    pub(crate) fn position(&self) -> Option<u64> {
        (!self.unsynchronised).then(|| self.at - (self.buffer.len() - self.passed) as u64)
    }

    /// Reads more; `false` at the end.
    fn fill(&mut self, wanted: usize) -> bool {
        self.buffer.drain(..self.passed);
        self.passed = 0;
        let len = self.end.saturating_sub(self.at).min(wanted.max(CHUNK) as u64) as usize;
        let bytes = read_up_to(self.file, self.at, len).unwrap_or_default();
        if bytes.len() < len {
            // The file ends here, or cannot be read further.
            self.end = self.at + bytes.len() as u64;
        }
        self.at += bytes.len() as u64;
        if !self.unsynchronised {
            self.buffer.extend(&bytes);
            return !bytes.is_empty();
        }
        for byte in &bytes {
            if !(self.after_ff && *byte == 0) {
                self.buffer.push(*byte);
            }
            self.after_ff = *byte == 0xff;
        }
        !bytes.is_empty()
    }
}

impl Bytes for Cursor<'_> {
    fn peek(&mut self, len: usize) -> &[u8] {
        while self.buffer.len() - self.passed < len {
            if !self.fill(len - (self.buffer.len() - self.passed)) {
                break;
            }
        }
        let end = self.buffer.len().min(self.passed + len);
        &self.buffer[self.passed..end]
    }

    fn skip(&mut self, len: u64) {
        let mut len = len;
        loop {
            let buffered = (self.buffer.len() - self.passed) as u64;
            if len <= buffered {
                self.passed += len as usize;
                return;
            }
            len -= buffered;
            self.passed = self.buffer.len();
            if !self.unsynchronised {
                self.at = self.at.saturating_add(len).min(self.end.max(self.at));
                return;
            }
            if !self.fill(CHUNK) {
                return;
            }
        }
    }
}

impl Bytes for &[u8] {
    fn peek(&mut self, len: usize) -> &[u8] {
        &self[..len.min(self.len())]
    }

    fn skip(&mut self, len: u64) {
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.len());
        *self = &self[len..];
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    pub(crate) fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn synchronised(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            if !(*byte == 0 && at > 0 && bytes[at - 1] == 0xff) {
                plain.push(*byte);
            }
        }
        plain
    }

    #[test]
    fn a_range_ends_where_it_or_the_file_does() {
        let file = file(b"0123456789");
        let mut cursor = Cursor::new(&file, 2, 6);
        assert_eq!(cursor.peek(2), b"23");
        assert_eq!((cursor.position(), cursor.left()), (Some(2), 4));
        cursor.skip(1);
        assert_eq!((cursor.take(9), cursor.left()), (b"345".to_vec(), 0));
        let mut cursor = Cursor::new(&file, 2, 1 << 40);
        cursor.skip(4);
        assert_eq!((cursor.take(1 << 20), cursor.left()), (b"6789".to_vec(), 0));
        let mut cursor = Cursor::new(&file, 99, 9);
        cursor.skip(u64::MAX);
        assert_eq!(cursor.peek(1), b"");
    }

    proptest! {
        #[test]
        fn reading_is_the_same_in_any_steps(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..20_000),
            steps in proptest::collection::vec((0usize..6000, any::<bool>()), 0..12), unsynchronised: bool,
        ) {
            let file = file(&bytes);
            let end = bytes.len() as u64;
            let mut cursor = Cursor { unsynchronised, ..Cursor::new(&file, 0, end) };
            let plain = if unsynchronised { synchronised(&bytes) } else { bytes };
            let mut at = 0;
            for (step, skip) in steps {
                let next = (at + step).min(plain.len());
                prop_assert_eq!(cursor.peek(step), &plain[at..next]);
                if skip {
                    cursor.skip(step as u64);
                    at = next;
                }
                prop_assert!(cursor.left() >= (plain.len() - at) as u64);
            }
        }
    }
}
