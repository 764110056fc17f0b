//! Where the records go, and what an earlier run left there.

use std::fmt::Display;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, IsTerminal, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FileType, fstat};
use shared::columns::Medium;
use shared::record::Format;

use crate::cli::AnalyzeArgs;
use crate::exit;

mod earlier;

pub(super) use earlier::{Earlier, state_if_lasting};

/// Columns of a terminal that does not say how many it has.
const USUAL_WIDTH: usize = 80;

/// An opened destination.
pub(super) struct Output {
    pub(super) out: Box<dyn Write + Send>,
    pub(super) format: Format,
    pub(super) medium: Medium,
    pub(super) earlier: Earlier,
    /// Whether a progress bar may be drawn beside it.
    pub(super) has_room_for_a_bar: bool,
}

/// # Errors
/// What cannot be written or gone on with, and the exit code.
pub(super) fn open(args: &AnalyzeArgs) -> Result<Output, (String, u8)> {
    let Some(path) = &args.out else { return Ok(standard_output(args)) };
    let format = args.format.or_else(|| Format::of_file(path)).unwrap_or(Format::Ndjson);
    let failed = |error: io::Error| (format!("--out {}: {error}", path.display()), exit::USAGE);
    let (file, earlier) = if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        // A pipe or a device: reading it would wait for ever, or never end.
        (OpenOptions::new().write(true).open(path).map_err(failed)?, Earlier::default())
    } else {
        resume(path, format).map_err(failed)?
    };
    let out = Box::new(BufWriter::new(file));
    Ok(Output { out, format, medium: Medium::piped(), earlier, has_room_for_a_bar: true })
}

fn standard_output(args: &AnalyzeArgs) -> Output {
    let terminal = console::Term::stdout();
    let medium = match (io::stdout().is_terminal(), terminal.size_checked()) {
        (true, Some((_, columns))) => Medium::terminal(columns.into()),
        (true, None) => Medium::terminal(USUAL_WIDTH),
        (false, _) => Medium::piped(),
    };
    // Whoever reads a pipe may write to the terminal that the bar is on, and would tear it.
    let is_file = fstat(io::stdout().as_fd())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    Output {
        out: Box::new(BufWriter::new(io::stdout())),
        format: args.format.unwrap_or(Format::Table),
        medium,
        earlier: Earlier::default(),
        has_room_for_a_bar: medium.width.is_some() || is_file,
    }
}

/// Opens the results of an earlier run for appending. What a crash left half at the end is cut off.
fn resume(path: &Path, format: Format) -> io::Result<(File, Earlier)> {
    if format == Format::Table {
        // A table does not say enough to go on with, and an existing file is not ours to overwrite.
        let created = OpenOptions::new().write(true).create_new(true).open(path);
        let file = created.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let text = "it is there already, and a table does not say enough to go on with it: give another name, or \
                            another --format";
                io::Error::new(error.kind(), text)
            }
            _ => error,
        })?;
        return Ok((file, Earlier::default()));
    }
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(io::Error::new(io::ErrorKind::WouldBlock, "another run is writing to it"));
    }
    let earlier = Earlier::read(&file, format)?;
    file.set_len(earlier.whole_bytes)?;
    file.seek(SeekFrom::End(0))?;
    Ok((file, earlier))
}

fn foreign(cause: &dyn Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{cause}; nothing was changed"))
}
