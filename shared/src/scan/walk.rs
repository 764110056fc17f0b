//! One folder and all below it.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ignore::{DirEntry, Walk, WalkBuilder};

use super::{ScanCause, ScanError, extensions::is_audio};

/// `.ignore` files count, those of git do not: a repository that leaves its audio out of git has it nevertheless. Nor
/// do `.ignore` files above the folder, which the user has named by itself. Hidden folders, and hidden files of audio, are left
/// out and counted.
pub(super) fn walk(folder: &Path, hidden: &Arc<AtomicU64>) -> Walk {
    let hidden = Arc::clone(hidden);
    WalkBuilder::new(folder)
        .standard_filters(false)
        .ignore(true)
        .follow_links(false)
        .filter_entry(move |entry| {
            // The folder that the user has named may be hidden.
            let is_left_out = entry.depth() > 0 && entry.file_name().as_bytes().starts_with(b".");
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            if is_left_out && (is_folder || is_audio(Path::new(entry.file_name()).extension())) {
                hidden.fetch_add(1, Ordering::Relaxed);
            }
            !is_left_out
        })
        .sort_by_file_name(|a, b| order(a).cmp(&order(b)))
        .build()
}

/// A folder's own music comes before that of its subfolders, each in the order of the names. What a name is of is told by its
/// extension alone: to ask the file system would take a call for every comparison.
fn order(name: &OsStr) -> (bool, &OsStr) {
    (!is_audio(Path::new(name).extension()), name)
}

/// By which paths below a folder are sorted as a scan of it finds them.
#[must_use]
pub fn path_order(path: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let name = |name| {
        let (is_no_audio, name) = order(OsStr::from_bytes(name));
        (is_no_audio, name.as_bytes().to_vec())
    };
    path.split(|byte| *byte == b'/').map(name).collect()
}

/// The error of a `.ignore` file, which comes with the folder that it lies in.
pub(super) fn rule_error(entry: &DirEntry) -> Option<ScanError> {
    let cause = ScanCause::IgnoreRule(entry.error()?.to_string());
    Some(ScanError { path: entry.path().join(".ignore"), cause })
}

pub(super) fn scan_error(error: ignore::Error) -> ScanError {
    let path = path(&error).unwrap_or_default();
    let text = error.to_string();
    let cause = error.into_io_error().map(without_path).unwrap_or_else(|| io::Error::other(text));
    ScanError { path, cause: ScanCause::Io(cause) }
}

fn path(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path.clone()),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path(err),
        ignore::Error::Loop { child, .. } => Some(child.clone()),
        _ => None,
    }
}

/// The walker wraps the system's error, in one or two others, whose texts repeat the path.
fn without_path(error: io::Error) -> io::Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(code) = inner.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        // An error that only wraps another one shows that one's sources.
        let wrapped = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| inner.source());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_read_is_named_once() {
        let io = ignore::Error::Io(io::Error::from_raw_os_error(13));
        let with_path = ignore::Error::WithPath { path: "music/locked".into(), err: Box::new(io) };
        let error = scan_error(ignore::Error::WithDepth { depth: 1, err: Box::new(with_path) });
        assert_eq!(error.to_string(), "music/locked: Permission denied (os error 13)");
    }
}
