//! A file as a demuxer shall see it: ranges of the real file with invented bytes between them.
//!
//! Tags, pictures and broken chunk lengths are cut out here, before a demuxer reads them into memory or stumbles over them.

use super::bytes::read_up_to;
use memchr::memmem;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use symphonia::core::io::MediaSource;

#[derive(Debug)]
pub(crate) enum Part {
    /// These bytes of the file.
    File { start: u64, len: u64 },
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// Where a failed read is kept. Demuxers take some errors of the source for the end of the stream or for damage, but a disk
/// that fails says nothing about the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<io::Error>>>);

impl Fault {
    pub(super) fn keep(&self, error: &io::Error) {
        if let Ok(mut slot) = self.0.lock() {
            let copy = match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            };
            slot.get_or_insert(copy);
        }
    }

    pub(crate) fn take(&self) -> Option<io::Error> {
        self.0.lock().ok()?.take()
    }
}

/// How a stream begins, and the place in the file where the next such stream was seen.
///
/// Files are joined by writing one behind the other. A demuxer that reads on would take the second for damage, so that the file
/// seems to end where the second begins.
#[derive(Debug, Clone)]
pub(crate) struct NextStream {
    /// The first bytes of a stream.
    magic: &'static [u8],
    confirm: fn(&[u8]) -> bool,
    /// 0 until one was seen: at the start of the file there is another one.
    place: Arc<AtomicU64>,
}

/// Bytes that [`NextStream`] wants to see of a stream.
const CONFIRMED_BYTES: usize = 8;

impl NextStream {
    /// `confirm` looks at eight bytes that begin with `magic`.
    pub(crate) fn new(magic: &'static [u8], confirm: fn(&[u8]) -> bool) -> Self {
        Self { magic, confirm, place: Arc::default() }
    }

    /// Where the next stream begins in the file.
    pub(crate) fn place(&self) -> Option<u64> {
        Some(self.place.load(Ordering::Relaxed)).filter(|place| *place > 0)
    }

    /// Bytes of `read`, which lie at `at` in the file, that come before the next stream.
    fn before(&self, file: &File, at: u64, read: &[u8]) -> io::Result<usize> {
        let ends_alike = (1..self.magic.len()).rev().find(|len| read.ends_with(&self.magic[..*len]));
        let cut = ends_alike.map(|len| read.len() - len);
        for offset in memmem::find_iter(read, self.magic).chain(cut) {
            let place = at + offset as u64;
            let bytes = read_up_to(file, place, CONFIRMED_BYTES)?;
            if bytes.starts_with(self.magic) && (self.confirm)(&bytes) {
                self.place.store(place, Ordering::Relaxed);
                return Ok(offset);
            }
        }
        Ok(read.len())
    }
}

/// Parts of a file, read as one. It keeps its own position, so several can share one descriptor.
#[derive(Debug)]
pub(crate) struct Spliced {
    file: Arc<File>,
    parts: Vec<Part>,
    len: u64,
    position: u64,
    fault: Fault,
    next: Option<NextStream>,
}

impl Spliced {
    pub(crate) fn new(file: Arc<File>, parts: Vec<Part>, fault: Fault) -> Self {
        let len = parts.iter().map(Part::len).sum();
        Self { file, parts, len, position: 0, fault, next: None }
    }

    /// Ends where another stream begins.
    pub(crate) fn until(mut self, next: Option<NextStream>) -> Self {
        self.next = next;
        self
    }
}

impl Read for Spliced {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut offset = self.position;
        for part in &self.parts {
            if offset >= part.len() {
                offset -= part.len();
                continue;
            }
            let wanted = out.len().min(usize::try_from(part.len() - offset).unwrap_or(usize::MAX));
            let out = &mut out[..wanted];
            let count = match part {
                Part::File { start, .. } => {
                    let at = start + offset;
                    let end = self.next.as_ref().and_then(NextStream::place).unwrap_or(u64::MAX);
                    let room = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
                    let wanted = out.len().min(room);
                    let out = &mut out[..wanted];
                    let read = self.file.read_at(out, at).and_then(|count| match &self.next {
                        Some(next) => next.before(&self.file, at, &out[..count]),
                        None => Ok(count),
                    });
                    read.inspect_err(|error| {
                        if error.kind() != ErrorKind::Interrupted {
                            self.fault.keep(error);
                        }
                    })?
                }
                Part::Bytes(bytes) => {
                    let offset = offset as usize;
                    out.copy_from_slice(&bytes[offset..offset + wanted]);
                    wanted
                }
            };
            self.position += count as u64;
            return Ok(count);
        }
        Ok(0)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(delta) => self.len.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position =
            target.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.position)
    }
}

impl MediaSource for Spliced {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn parts_read_as_one() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let parts = vec![
            Part::File { start: 8, len: 2 },
            Part::Bytes(b"ab".to_vec()),
            Part::Bytes(Vec::new()),
            Part::File { start: 0, len: 3 },
        ];
        let mut spliced = Spliced::new(Arc::new(file), parts, Fault::default());
        assert_eq!(spliced.byte_len(), Some(7));
        let mut all = String::new();
        spliced.read_to_string(&mut all).unwrap();
        assert_eq!(all, "89ab012");
        spliced.seek(SeekFrom::End(-4)).unwrap();
        all.clear();
        spliced.read_to_string(&mut all).unwrap();
        assert_eq!(all, "b012");
        assert!(spliced.seek(SeekFrom::Current(-8)).is_err());
    }

    #[test]
    fn a_file_shorter_than_promised_ends_early() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"01").unwrap();
        let parts = vec![Part::File { start: 0, len: 9 }, Part::Bytes(b"never".to_vec())];
        let mut all = String::new();
        Spliced::new(Arc::new(file), parts, Fault::default()).read_to_string(&mut all).unwrap();
        assert_eq!(all, "01");
    }

    #[test]
    fn the_next_stream_is_the_end() {
        for before in [0, 1, 2, 3, 7] {
            let mut file = tempfile::tempfile().unwrap();
            let bytes = [&vec![b'-'; 8 + before][..], b"fLaCXXXX fLaC\0\0\0\x22 more"].concat();
            file.write_all(&bytes).unwrap();
            let parts = vec![Part::File { start: 1, len: bytes.len() as u64 - 1 }];
            let next = NextStream::new(b"fLaC", |bytes| bytes.ends_with(&[0, 0, 0, 0x22]));
            let mut spliced = Spliced::new(Arc::new(file), parts, Fault::default()).until(Some(next.clone()));
            let mut all = Vec::new();
            // In steps, so that the beginning of the stream is cut at different places.
            let mut buffer = [0; 5];
            while let count @ 1.. = spliced.read(&mut buffer).unwrap() {
                all.extend_from_slice(&buffer[..count]);
            }
            let place = 8 + before + 9;
            assert_eq!((&all[..], next.place()), (&bytes[1..place], Some(place as u64)));
        }
    }

    #[test]
    fn a_failed_read_is_kept() {
        let directory = Arc::new(File::open(std::env::temp_dir()).unwrap());
        let fault = Fault::default();
        let mut spliced = Spliced::new(directory, vec![Part::File { start: 0, len: 9 }], fault.clone());
        assert!(spliced.read(&mut [0; 4]).is_err());
        assert_eq!(fault.take().map(|it| it.kind()), Some(ErrorKind::IsADirectory));
        assert!(fault.take().is_none());
    }
}
