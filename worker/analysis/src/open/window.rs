//! Small reads from a file in order, without a system call for each.

use super::Fault;
use super::bytes::read_up_to;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Bytes read at once. Packets are a few hundred bytes and lie one behind the other.
const READ_AHEAD: usize = 128 * 1024;

/// A part of a file that is kept in memory and moves along with the reader.
#[derive(Debug)]
pub(super) struct Window {
    file: Arc<File>,
    fault: Fault,
    /// Where in the file the window begins.
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub(super) fn new(file: Arc<File>, fault: Fault) -> Self {
        Self { file, fault, start: 0, bytes: Vec::new() }
    }

    /// The `len` bytes at `at`, or fewer at the end of the file. The caller bounds `len`.
    pub(super) fn get(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let inside = at.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        let offset = match inside {
            Some(offset) if offset.saturating_add(len) <= self.bytes.len() => offset,
            _ => {
                self.bytes = read_up_to(&self.file, at, len.max(READ_AHEAD))
                    .inspect_err(|error| self.fault.keep(error))?;
                self.start = at;
                0
            }
        };
        let end = (offset + len).min(self.bytes.len());
        Ok(&self.bytes[offset..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn bytes_are_read_anywhere_and_end_with_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..300_000u32).map(|it| (it % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let mut window = Window::new(Arc::new(file), Fault::default());
        for (at, len) in [(0, 5), (3, 200_000), (131_070, 4), (299_990, 20), (10, 7), (300_001, 9)] {
            let end = (at + len).min(bytes.len());
            let expected = bytes.get(at..end).unwrap_or_default();
            assert_eq!(window.get(at as u64, len).unwrap(), expected, "{at} {len}");
        }
    }
}
