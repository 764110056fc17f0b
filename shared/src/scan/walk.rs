//! One folder and all below it.

use std::{
    io,
    path::{Path, PathBuf},
};

use ignore::{DirEntry, Walk, WalkBuilder};

use super::{ScanCause, ScanError};

/// `.ignore` files count, those of git do not: a repository that leaves its audio out of git has it nevertheless. Nor
/// do `.ignore` files above the folder, which the user has named by itself.
pub(super) fn walk(folder: &Path) -> Walk {
    WalkBuilder::new(folder)
        .standard_filters(false)
        .hidden(true)
        .ignore(true)
        .follow_links(false)
        .sort_by_file_name(std::cmp::Ord::cmp)
        .build()
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

/// The walker wraps the system's error in one whose text repeats the path.
fn without_path(error: io::Error) -> io::Error {
    error.raw_os_error().map_or(error, io::Error::from_raw_os_error)
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
