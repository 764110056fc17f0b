//! What an earlier run has written, read so that this one goes on where it stopped.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use shared::outcome::End;
use shared::record::{DONE, DONE_FAILED, Format, Record, read_csv};

use super::foreign;
use crate::source::folder::{Unchanged, state_of};

/// How every record of ours begins, as JSON.
const RECORD_START: &[u8] = b"{\"path\":";

/// The first line of a playlist.
const PLAYLIST_START: &[u8] = b"#EXTM3U";

/// An earlier run's results.
#[derive(Debug, Default)]
pub(in crate::local) struct Earlier {
    /// Files that need no analysis.
    pub(in crate::local) unchanged: Unchanged,
    /// Records that the document has.
    pub(in crate::local) records: u64,
    /// Files that a playlist has.
    pub(in crate::local) listed: HashSet<Vec<u8>>,
    /// So much of the file is whole records.
    pub(in crate::local) whole_bytes: u64,
}

impl Earlier {
    /// Reads a document. It must be one of ours: an existing file of another kind is not ours to write to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(file: &File, format: Format) -> io::Result<Self> {
        let mut earlier = Self::default();
        match format {
            Format::Csv => earlier.read_csv(file)?,
            Format::M3u => earlier.read_playlist(file)?,
            Format::Json => earlier.read_array(file)?,
            Format::Ndjson | Format::Table => earlier.read_lines(file)?,
        }
        Ok(earlier)
    }

    /// One record a line.
    fn read_lines(&mut self, file: &File) -> io::Result<()> {
        for_each_line(file, |number, line, end| {
            let Some(record) = line.strip_suffix(b"\n") else {
                return match is_torn(line, RECORD_START) {
                    true => Ok(()),
                    false => Err(foreign_line(number, &"it does not begin as one")),
                };
            };
            self.add(&serde_json::from_slice(record).map_err(|error| foreign_line(number, &error))?);
            self.whole_bytes = end;
            Ok(())
        })
    }

    /// One record a line, between a line `[` and a line `]`, and a comma behind each but the last.
    fn read_array(&mut self, file: &File) -> io::Result<()> {
        for_each_line(file, |number, line, end| {
            let (text, is_ended) = line.strip_suffix(b"\n").map_or((line, false), |text| (text, true));
            let record = text.strip_suffix(b",").unwrap_or(text);
            match (number, text) {
                (1, b"[" | b"[]") | (2.., b"]") => return Ok(()),
                (1, _) => {
                    return Err(foreign_line(number, &"an array of results begins with a line of its own"));
                }
                _ => {}
            }
            match serde_json::from_slice(record) {
                Ok(parsed) => self.add(&parsed),
                Err(_) if !is_ended && is_torn(record, RECORD_START) => return Ok(()),
                Err(error) => return Err(foreign_line(number, &error)),
            }
            // The comma and the line break behind it are written with what follows.
            self.whole_bytes = end - (line.len() - record.len()) as u64;
            Ok(())
        })
    }

    fn read_csv(&mut self, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        let whole = read_csv(file, length, |row| {
            for path in &row.paths {
                self.note(state_of(path, row.bytes, row.modified_ns, &row.analyser), row.end);
            }
        });
        self.whole_bytes = whole.map_err(|error| foreign(&format!("it is no CSV of results ({error})")))?;
        // What is there has the header, so that the next row is not the first.
        self.records = (self.whole_bytes > 0).into();
        Ok(())
    }

    /// Behind each file, listed or not, stands the line that tells its state.
    fn read_playlist(&mut self, file: &File) -> io::Result<()> {
        let (mut entry, mut is_ours) = (None, false);
        for_each_line(file, |number, line, end| {
            let Some(text) = line.strip_suffix(b"\n") else {
                // The beginning of a line, which may be a path.
                is_ours |= number == 1 && is_torn(line, PLAYLIST_START);
                return Ok(());
            };
            if number == 1 {
                is_ours = text == PLAYLIST_START;
            } else if let Some(state) = text.strip_prefix(DONE.as_bytes()) {
                let state = std::str::from_utf8(state).unwrap_or_default();
                let has_failed = state.strip_suffix(DONE_FAILED);
                let digits = has_failed.unwrap_or(state);
                let state = u128::from_str_radix(digits, 16).map_err(|error| foreign_line(number, &error))?;
                self.unchanged.insert(state, has_failed.is_some());
                self.listed.extend(entry.take());
            } else if !text.starts_with(b"#") && entry.replace(text.to_owned()).is_some() {
                return Err(foreign_line(number, &"the track before it has none of our marks"));
            } else {
                return Ok(());
            }
            self.records = 1;
            self.whole_bytes = end;
            Ok(())
        })?;
        let is_empty = file.metadata()?.len() == 0;
        match is_empty || is_ours && (entry.is_none() || !self.unchanged.is_empty()) {
            true => Ok(()),
            false => Err(foreign(&"it is no playlist of ours")),
        }
    }

    fn add(&mut self, record: &Record) {
        self.records += 1;
        if let Some(state) = state(record) {
            self.note(state, record.end());
        }
    }

    fn note(&mut self, state: u128, end: End) {
        if end.is_lasting() {
            self.unchanged.insert(state, matches!(end, End::Failed(_)));
        } else {
            self.unchanged.remove(&state);
        }
    }
}

/// The file of a record in the state that it was found in.
fn state(record: &Record) -> Option<u128> {
    let (bytes, modified, analyser) = (record.bytes?, record.modified_ns?, record.analyser.as_ref()?);
    Some(state_of(&record.path_bytes(), bytes, modified, analyser))
}

/// The same, where the file need not be tried again.
pub(in crate::local) fn state_if_lasting(record: &Record) -> Option<u128> {
    state(record).filter(|_| record.end().is_lasting())
}

/// Whether these bytes can be the beginning of something of ours. Whatever else has no newline at its end is somebody's file,
/// and not to be cut.
fn is_torn(tail: &[u8], start: &[u8]) -> bool {
    tail.starts_with(start) || start.starts_with(tail)
}

fn foreign_line(number: u64, cause: &dyn Display) -> io::Error {
    foreign(&format!("line {number} is not a result of ours ({cause})"))
}

/// Shows each line with its line break, its number and the place where it ends.
fn for_each_line(file: &File, mut each: impl FnMut(u64, &[u8], u64) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::new(file);
    let (mut line, mut end, mut number) = (Vec::new(), 0, 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        end += line.len() as u64;
        number += 1;
        each(number, &line, end)?;
        line.clear();
    }
    Ok(())
}
