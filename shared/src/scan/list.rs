//! Names from a list, one at a time and none of them longer than a path can be.

use std::{
    ffi::OsString,
    io::{self, BufRead},
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
};

use super::{ScanCause, ScanError};

/// The kernel's `PATH_MAX`: a list with the wrong separator is one name of any length, and must not fill the memory.
const MAX_NAME: usize = 4096;

pub(super) struct Names<R> {
    reader: R,
    separator: u8,
    list: PathBuf,
    failed: bool,
}

impl<R: BufRead> Names<R> {
    pub(super) fn new(reader: R, separator: u8, list: PathBuf) -> Self {
        Self { reader, separator, list, failed: false }
    }

    /// The next name, cut where it is too long.
    fn name(&mut self) -> io::Result<(Vec<u8>, Length)> {
        let mut name = Vec::new();
        let mut length = Length::Fits;
        loop {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if bytes.is_empty() {
                return Ok((name, if length == Length::Fits { Length::End } else { length }));
            }
            let end = bytes.iter().position(|byte| *byte == self.separator);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if name.len() + part.len() > MAX_NAME {
                length = Length::TooLong;
            } else {
                name.extend_from_slice(part);
            }
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok((name, length));
            }
        }
    }

    fn error(&self, cause: ScanCause) -> Option<Result<PathBuf, ScanError>> {
        Some(Err(ScanError { path: self.list.clone(), cause }))
    }
}

#[derive(PartialEq, Eq)]
enum Length {
    Fits,
    TooLong,
    /// The list is over; what was read is the last name, without a separator after it.
    End,
}

impl<R: BufRead> Iterator for Names<R> {
    type Item = Result<PathBuf, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            match self.name() {
                Err(error) => {
                    self.failed = true;
                    return self.error(ScanCause::Io(error));
                }
                Ok((_, Length::TooLong)) => return self.error(ScanCause::TooLong(MAX_NAME)),
                Ok((name, Length::End)) if name.is_empty() => return None,
                Ok((name, _)) if name.is_empty() => {}
                Ok((name, _)) if name.contains(&0) => return self.error(ScanCause::Nul),
                Ok((name, _)) => return Some(Ok(PathBuf::from(OsString::from_vec(name)))),
            }
        }
        None
    }
}
