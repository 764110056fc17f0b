//! From an untrusted reference to an open file.

use std::{
    fs::{self, File, FileType, Metadata},
    io::{self, ErrorKind},
    os::unix::fs::FileTypeExt as _,
    path::Path,
    time::SystemTime,
};

use rustix::io::Errno;

use super::beneath::{Way, open_beneath, open_root};
use super::presence::{is_shortage, means_gone};
use crate::job::RelPath;

#[cfg(test)]
mod tests;

/// A regular file below a media root, open for reading.
#[derive(Debug)]
pub struct OpenedFile {
    /// The file, at its beginning.
    pub file: File,
    /// Size when it was opened, bytes.
    pub bytes: u64,
    /// Last modification when it was opened.
    pub modified: SystemTime,
    /// Extension of the name that was asked for, in lower case: the target of a link may be called anything.
    pub extension: Option<String>,
}

/// Why a referenced file was not opened. Each variant is the outcome of the same name.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It leads outside the root, is no regular file, or may not be read.
    #[error("{detail}")]
    Denied {
        /// What about it is forbidden.
        detail: String,
    },
    /// Nothing is there, and the root is.
    #[error("no such file in the media root")]
    NotFound,
    /// The root is missing, is no folder, or is empty: most likely its disk is not mounted.
    #[error("{detail}")]
    RootUnavailable {
        /// What is wrong with the root.
        detail: String,
    },
    /// Larger than allowed.
    #[error("the file has {bytes} bytes; the limit is {limit} (ANALYSIS_MAX_FILE_MB)")]
    TooLarge {
        /// Its size, bytes.
        bytes: u64,
        /// The limit, bytes.
        limit: u64,
    },
    /// The disk or the network below it failed.
    #[error("{0}")]
    Io(io::Error),
}

/// Opens `relative` below the folder `root_path` when it is a regular file of at most `max_bytes`.
///
/// Links are followed as long as they stay inside. A FIFO, device, socket or folder, and whatever leads outside, is
/// refused before anything is opened; what is swapped in afterwards is refused by the kernel or after `fstat`.
///
/// # Errors
/// One [`OpenError`] for each way in which it may fail.
pub fn open(root_path: &Path, relative: &RelPath, max_bytes: u64) -> Result<OpenedFile, OpenError> {
    open_in_steps(root_path, relative, max_bytes, Way::Best, || ())
}

/// `between` runs after the checks and before the opening: where an attacker would act, and the tests do.
fn open_in_steps(
    root_path: &Path,
    relative: &RelPath,
    max_bytes: u64,
    way: Way,
    between: impl FnOnce(),
) -> Result<OpenedFile, OpenError> {
    let unavailable = |error: io::Error| root_error(root_path, error);
    let root = fs::canonicalize(root_path).map_err(unavailable)?;
    // O_DIRECTORY: a root that is a file ends here.
    let handle = open_root(&root).map_err(|error| unavailable(error.into()))?;
    let path = fs::canonicalize(root.join(relative.as_path())).map_err(|error| absent(&root, error))?;
    let below = path.strip_prefix(&root).map_err(|_| denied("the path leads outside its media root"))?;
    let before = fs::symlink_metadata(&path).map_err(|error| absent(&root, error))?;
    check(&before, max_bytes)?;
    between();
    let file = open_beneath(&handle, below, way).map_err(|errno| refused(&root, errno))?;
    let metadata = file.metadata().map_err(|error| failing(&root, error))?;
    check(&metadata, max_bytes)?;
    let modified = metadata.modified().map_err(OpenError::Io)?;
    Ok(OpenedFile { file, bytes: metadata.len(), modified, extension: relative.extension() })
}

fn check(metadata: &Metadata, limit: u64) -> Result<(), OpenError> {
    if !metadata.is_file() {
        return Err(denied(&format!("{}, not a regular file", kind(metadata.file_type()))));
    }
    let bytes = metadata.len();
    if bytes > limit { Err(OpenError::TooLarge { bytes, limit }) } else { Ok(()) }
}

fn kind(file_type: FileType) -> &'static str {
    match file_type {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        kind if kind.is_symlink() => "a symbolic link",
        _ => "something unknown",
    }
}

/// Why a path below an existing root did not resolve.
fn absent(root: &Path, error: io::Error) -> OpenError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => empty_root(root).unwrap_or(OpenError::NotFound),
        ErrorKind::PermissionDenied => denied("no permission to reach the file"),
        _ => match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => denied("the path is a loop of symbolic links"),
            Some(Errno::NAMETOOLONG) => denied("a name in the path is too long"),
            _ => failing(root, error),
        },
    }
}

/// A disk or a server that is gone says so of every file, one bad sector of one. What a root that is gone is called differs:
/// some of these mean nothing else, and of the others the root itself is asked.
fn failing(root: &Path, error: io::Error) -> OpenError {
    if is_shortage(&error) || means_gone(&error) {
        return root_error(root, error);
    }
    match fs::read_dir(root).and_then(|mut entries| entries.next().transpose()) {
        Err(cause) => root_error(root, cause),
        Ok(_) => OpenError::Io(error),
    }
}

/// The folder of a disk that is not mounted is there, and empty: "not found" would be a lie about every file.
pub(super) fn empty_root(root: &Path) -> Option<OpenError> {
    match fs::read_dir(root).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Some(unavailable(root, "it is empty, as when its disk is not mounted")),
        Ok(false) => None,
        Err(error) => Some(root_error(root, error)),
    }
}

/// Why a root itself could not be opened or listed. A process without a free file descriptor cannot open any file: that is
/// a passing fault of ours, and the root may well be there.
pub(super) fn root_error(root: &Path, error: io::Error) -> OpenError {
    if is_shortage(&error) {
        let text = format!("this process is short of file descriptors or memory (ulimit -n, -v): {error}");
        return OpenError::Io(io::Error::new(error.kind(), text));
    }
    unavailable(root, &error.to_string())
}

/// Why the kernel did not open what had passed the checks a moment ago.
fn refused(root: &Path, errno: Errno) -> OpenError {
    match errno {
        // EXDEV is RESOLVE_BENEATH's answer to an escape; ELOOP and ENOTDIR are O_NOFOLLOW's to a link.
        Errno::XDEV | Errno::LOOP | Errno::NOTDIR => denied("the path was replaced while it was opened"),
        Errno::NOENT => OpenError::NotFound,
        Errno::ACCESS | Errno::PERM => denied("no permission to read the file"),
        // A socket that was swapped in. A device would be ENODEV as well, but so is a disk that is gone.
        Errno::NXIO => denied("not a regular file"),
        errno => failing(root, errno.into()),
    }
}

fn denied(detail: &str) -> OpenError {
    OpenError::Denied { detail: detail.to_owned() }
}

fn unavailable(root: &Path, cause: &str) -> OpenError {
    OpenError::RootUnavailable {
        detail: format!("the media root {} is unavailable: {cause}", root.display()),
    }
}
