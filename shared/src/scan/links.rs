//! Links in folders: where they lead, and whether to go there.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ignore::{DirEntry, Walk};

use super::{ScanCause, walk};

/// Folders that links lead to, with links that lead to folders, and so on: each of them holds some file descriptors.
const MAX_DEPTH: usize = 16;

/// Which links in folders are followed. A path that is named may always be a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Links {
    /// All of them.
    #[default]
    All,
    /// Those that lead below one of these folders, which are given without links. Any other is an error.
    Within(Vec<PathBuf>),
    /// None of them.
    None,
}

/// Where a link leads.
pub(super) enum Target {
    /// Links are not followed.
    NotWanted,
    /// To what the scan comes to by itself, or has come from.
    Repeated,
    /// To a folder, by its path without links.
    Folder(PathBuf),
    /// To anything else.
    File(Metadata),
}

/// A folder that is being walked.
struct Walked {
    walk: Walk,
    /// As it was named, or the link that leads to it.
    name: PathBuf,
    /// The same without links.
    folder: PathBuf,
}

/// The folders that are being walked, the innermost last: each but the first was reached by a link in the one before.
#[derive(Default)]
pub(super) struct Walks {
    stack: Vec<Walked>,
    /// Files that were taken by a link to them, by their paths without links.
    linked_files: HashSet<PathBuf>,
    /// All folders that were walked so far, by their paths without links.
    walked: HashSet<PathBuf>,
    pub(super) links: Links,
    /// Hidden folders and files of audio that were left out so far.
    pub(super) hidden: Arc<AtomicU64>,
}

impl Walks {
    /// Begins with a folder that was named.
    pub(super) fn begin(&mut self, folder: &Path) {
        // A folder that has just gone away is an error of the walk.
        let path = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        self.follow(folder, path);
    }

    /// Walks the folder that a link leads to, then goes on with the one around it.
    pub(super) fn follow(&mut self, link: &Path, target: PathBuf) {
        self.walked.insert(target.clone());
        let walk = walk::walk(link, &self.hidden);
        self.stack.push(Walked { walk, name: link.to_owned(), folder: target });
    }

    /// A file is taken by a link to it: when the walk comes to it by another link, to its folder, it is not taken again.
    pub(super) fn take_linked(&mut self, link: &Path) {
        self.linked_files.extend(fs::canonicalize(link));
    }

    /// Whether a file of the folder that is being walked was taken before, by a link to it.
    pub(super) fn was_linked(&self, file: &Path) -> bool {
        let Some(Walked { name, folder, .. }) = self.stack.last() else { return false };
        !self.linked_files.is_empty()
            && file.strip_prefix(name).is_ok_and(|below| self.linked_files.contains(&folder.join(below)))
    }

    /// The next entry; none when all folders are done.
    pub(super) fn next(&mut self) -> Option<Result<DirEntry, ignore::Error>> {
        while let Some(walked) = self.stack.last_mut() {
            if let Some(entry) = walked.walk.next() {
                return Some(entry);
            }
            self.stack.pop();
        }
        None
    }

    /// Finds out where a link leads. `is_taken` says of a file whether the scan would take it by its name.
    pub(super) fn target(
        &self,
        link: &Path,
        is_taken: impl FnOnce(&Path) -> bool,
    ) -> Result<Target, ScanCause> {
        if self.links == Links::None {
            return Ok(Target::NotWanted);
        }
        let target = fs::canonicalize(link).map_err(ScanCause::Io)?;
        if let Links::Within(folders) = &self.links
            && !folders.iter().any(|folder| target.starts_with(folder))
        {
            return Err(ScanCause::LinkLeadsOut(target));
        }
        let metadata = fs::metadata(&target).map_err(ScanCause::Io)?;
        let leads_back = || self.stack.iter().any(|walked| walked.folder.starts_with(&target));
        if !metadata.is_dir() {
            let is_repeated = self.is_come_to(&target) && is_taken(&target);
            return Ok(if is_repeated { Target::Repeated } else { Target::File(metadata) });
        }
        if self.is_come_to(&target) || leads_back() {
            return Ok(Target::Repeated);
        }
        if self.stack.len() > MAX_DEPTH {
            return Err(ScanCause::LinksTooDeep(MAX_DEPTH));
        }
        Ok(Target::Folder(target))
    }

    /// Whether a path without links lies in a folder that is walked or was, and not in a hidden part of it.
    fn is_come_to(&self, target: &Path) -> bool {
        let around = target.ancestors().find(|folder| self.walked.contains(*folder));
        let below = around.and_then(|around| target.strip_prefix(around).ok());
        below.is_some_and(|below| !below.iter().any(|name| name.as_bytes().starts_with(b".")))
    }
}
