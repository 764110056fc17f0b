//! Where the records go, and what an earlier run left there.

use std::fmt::Display;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use shared::record::{Format, Record};

use crate::cli::AnalyzeArgs;
use crate::exit;
use crate::source::folder::{Unchanged, state_of};

/// Columns of a table that goes to no terminal.
const DEFAULT_WIDTH: usize = 120;

/// An opened destination.
pub(super) struct Output {
    pub(super) out: Box<dyn Write + Send>,
    pub(super) format: Format,
    /// Of the terminal, in columns.
    pub(super) width: usize,
    /// Files that need no analysis.
    pub(super) unchanged: Unchanged,
}

/// # Errors
/// What cannot be written or gone on with, and the exit code.
pub(super) fn open(args: &AnalyzeArgs) -> Result<Output, (String, u8)> {
    let width = terminal_width();
    let Some(path) = &args.out else {
        let format = args.format.unwrap_or(Format::Table);
        let out: Box<dyn Write + Send> = Box::new(BufWriter::new(io::stdout()));
        return Ok(Output { out, format, width, unchanged: Unchanged::new() });
    };
    let format = args.format.unwrap_or(Format::Ndjson);
    let failed = |error: io::Error| (format!("--out {}: {error}", path.display()), exit::USAGE);
    let (file, unchanged) = match format {
        Format::Ndjson => resume(path).map_err(failed)?,
        // Only lines of JSON say enough to go on with; an existing file of another kind is not ours to overwrite.
        _ => (OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?, Unchanged::new()),
    };
    Ok(Output { out: Box::new(BufWriter::new(file)), format, width, unchanged })
}

/// How every line of ours begins.
const LINE_START: &[u8] = b"{\"path\":";

/// Opens the results of an earlier run for appending. A last line that a crash left half is cut off.
fn resume(path: &Path) -> io::Result<(File, Unchanged)> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a device: reading it would wait for ever, or never end.
        return Ok((OpenOptions::new().write(true).open(path)?, Unchanged::new()));
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(io::Error::new(io::ErrorKind::WouldBlock, "another run is writing to it"));
    }
    let mut reader = BufReader::new(&file);
    let (mut unchanged, mut line, mut whole, mut number) = (Unchanged::new(), Vec::new(), 0, 0_u64);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        number += 1;
        if line.last() != Some(&b'\n') {
            match torn(&line) {
                true => break,
                false => return Err(foreign(number, &"it does not begin as one")),
            }
        }
        let record: Record = serde_json::from_slice(&line).map_err(|error| foreign(number, &error))?;
        whole += read as u64;
        note(&mut unchanged, &record);
    }
    file.set_len(whole)?;
    file.seek(SeekFrom::End(0))?;
    Ok((file, unchanged))
}

/// Whether these bytes can be the beginning of a line of ours. Whatever else has no newline at its end is somebody's
/// file, and not to be cut.
fn torn(tail: &[u8]) -> bool {
    tail.starts_with(LINE_START) || LINE_START.starts_with(tail)
}

fn foreign(number: u64, cause: &dyn Display) -> io::Error {
    let text = format!("line {number} is not a result of ours ({cause}); nothing was changed");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn note(unchanged: &mut Unchanged, record: &Record) {
    let (Some(bytes), Some(modified), Some(analyser)) = (record.bytes, record.modified_ns, &record.analyser)
    else {
        return;
    };
    let state = state_of(&record.path_bytes(), bytes, modified, analyser);
    if record.end().is_lasting() {
        unchanged.insert(state)
    } else {
        unchanged.remove(&state)
    };
}

fn terminal_width() -> usize {
    let terminal = console::Term::stdout();
    terminal.size_checked().map_or(DEFAULT_WIDTH, |(_, columns)| columns.into())
}
