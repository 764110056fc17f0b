//! Which files a run is about: folders walked, files named, lists read; lazily, one file at a time.
//!
//! `worker analyze` and `producer enqueue` both choose by it, so that a folder means the same files to both. A scan
//! reads names and sizes; it opens no file and knows nothing of media roots.
//!
//! - A folder gives its files whose extension is in [`AUDIO_EXTENSIONS`], in the order of their names, and then those of its
//!   subfolders. Hidden entries (`._x.mp3`, `.Trash`) are left out and counted, and so is what a `.ignore` file names, uncounted. Memory grows with the
//!   largest single folder, whose names are sorted, and with the number of folders that links lead to, not with the tree.
//! - Links in folders are followed, unless [`Links`] says otherwise. One that leads to what the scan has come to or will
//!   come to by itself, or back to a folder around it, is only counted. One that leads nowhere is an error.
//! - A file that is named is taken whatever it is called, and may be a link, hidden or ignored.
//! - A FIFO, socket or device of an audio file's name is given like a file: it ends as `denied` instead of vanishing.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt,
    fs::{self, Metadata},
    io::{self, BufRead},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::SystemTime,
};

use ignore::DirEntry;

use crate::{
    job::{Seen, unix_nanos},
    printable::printable,
};

mod extensions;
mod links;
mod list;
#[cfg(test)]
mod tests;
mod walk;

pub use extensions::AUDIO_EXTENSIONS;
pub use links::Links;
use links::{Target, Walks};
pub use walk::path_order;

/// Different extensions that a [`Summary`] counts by name; further ones are counted together.
const MAX_COUNTED: usize = 24;
/// Longer ones are parts of names rather than extensions (`Mr. Brightside`).
const MAX_EXTENSION: usize = 12;

/// A file to analyse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As named, or the named folder with the way below it.
    pub path: PathBuf,
    /// Size, bytes.
    pub bytes: u64,
    /// Last modification.
    pub modified: SystemTime,
}

impl Found {
    /// The state in which it was found.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { bytes: self.bytes, modified_ns: unix_nanos(self.modified) }
    }
}

/// Something that could not be scanned; the scan goes on.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", printable(&path.to_string_lossy()))]
pub struct ScanError {
    /// The file, folder or list.
    pub path: PathBuf,
    /// What happened to it.
    pub cause: ScanCause,
}

/// Why something could not be scanned.
#[derive(Debug, thiserror::Error)]
pub enum ScanCause {
    /// It is not there, cannot be reached or cannot be read.
    #[error("{0}")]
    Io(io::Error),
    /// A `.ignore` file has a rule that means nothing; its other rules hold.
    #[error("{0}")]
    IgnoreRule(String),
    /// A link in a folder leads out of the folders that may be read ([`Links::Within`]).
    #[error("a link that leads to {}, outside the media roots: move it below one of them, or add its folder to MEDIA_ROOTS", printable(&.0.to_string_lossy()))]
    LinkLeadsOut(PathBuf),
    /// A link leads to folders with a link, and so on.
    #[error("{0} links lead through one another, and this one further: name its folder to have it scanned")]
    LinksTooDeep(usize),
    /// A list names files, so that the output of `find` is not walked twice.
    #[error("is a folder: a list names files; give folders as arguments")]
    FolderInList,
    /// A name in a list ends in a carriage return, and there is no such file; most likely the list has the line ends of Windows.
    #[error(
        "{0}: the name ends in a carriage return; if the list has the line ends of Windows, take them out: tr -d '\\r' < LIST"
    )]
    CarriageReturn(io::Error),
    /// No path holds it; most likely the list has the other separator.
    #[error("a name in the list contains a NUL byte: is the list separated by NUL (-0)?")]
    Nul,
    /// No path is as long; most likely the list has the other separator.
    #[error("a name in the list is longer than {0} bytes: is the list separated by newlines?")]
    TooLong(usize),
}

/// What a scan has come across so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files given.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files in folders that were left out, by extension in lower case; `""` has none. At most 25 entries: those
    /// beyond are counted as `…`.
    pub ignored_by_extension: BTreeMap<String, u64>,
    /// Links in folders that were not followed, as the caller wished ([`Links::None`]).
    pub links: u64,
    /// Links in folders that lead to what the scan comes to anyway, or back to a folder around them.
    pub repeated_links: u64,
    /// Hidden folders, and hidden files with an audio extension, in folders: they are left out.
    pub hidden: u64,
    /// Errors given.
    pub errors: u64,
}

/// The files of a run, one by one.
pub struct Scan {
    names: Box<dyn Iterator<Item = Result<PathBuf, ScanError>> + Send>,
    from_list: bool,
    all_files: bool,
    walks: Walks,
    /// An error that came with a folder which is walked nevertheless.
    pending: Option<ScanError>,
    summary: Summary,
}

impl Scan {
    /// Files and folders as a user names them. Nothing is touched before the first [`Iterator::next`].
    pub fn from_paths(paths: impl IntoIterator<Item = PathBuf, IntoIter: Send + 'static>) -> Self {
        Self::new(Box::new(paths.into_iter().map(Ok)), false)
    }

    /// Files named by a list, each ended by `separator` (`b'\n'` or `b'\0'`), byte for byte: blanks, carriage returns
    /// and quotes belong to the name. Empty names are skipped. `name` is the list's own in errors.
    pub fn from_list(reader: impl BufRead + Send + 'static, separator: u8, name: impl Into<PathBuf>) -> Self {
        Self::new(Box::new(list::Names::new(reader, separator, name.into())), true)
    }

    fn new(names: Box<dyn Iterator<Item = Result<PathBuf, ScanError>> + Send>, from_list: bool) -> Self {
        let (walks, summary) = (Walks::default(), Summary::default());
        Self { names, from_list, all_files: false, walks, pending: None, summary }
    }

    /// Takes every regular file of a folder, whatever its extension; hidden and ignored ones stay out.
    #[must_use]
    pub fn all_files(mut self, yes: bool) -> Self {
        self.all_files = yes;
        self
    }

    /// Which links in folders are followed; without this call, all of them.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.walks.links = links;
        self
    }

    /// What the scan has come across so far; complete after the last file.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn step(&mut self) -> Option<Result<Found, ScanError>> {
        loop {
            if let Some(error) = self.pending.take() {
                return Some(Err(error));
            }
            let item = match self.walks.next() {
                Some(entry) => entry.map_err(walk::scan_error).and_then(|entry| self.entry(entry)),
                None => self.names.next()?.and_then(|path| self.named(path)),
            };
            if let Some(item) = item.transpose() {
                return Some(item);
            }
        }
    }

    /// A path that the user named: a file is taken as it is, a folder will be walked.
    fn named(&mut self, path: PathBuf) -> Result<Option<Found>, ScanError> {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if self.from_list && path.as_os_str().as_bytes().ends_with(b"\r") => {
                return Err(ScanError { path, cause: ScanCause::CarriageReturn(error) });
            }
            Err(error) => return Err(ScanError { path, cause: ScanCause::Io(error) }),
        };
        if !metadata.is_dir() {
            return found(path, &metadata).map(Some);
        }
        if self.from_list {
            return Err(ScanError { path, cause: ScanCause::FolderInList });
        }
        self.walks.begin(&path);
        Ok(None)
    }

    /// An entry of a folder that is being walked.
    fn entry(&mut self, entry: DirEntry) -> Result<Option<Found>, ScanError> {
        self.pending = walk::rule_error(&entry);
        let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else { return Ok(None) };
        // The folder that was named, through a link.
        if entry.depth() == 0 {
            return Ok(None);
        }
        if kind.is_symlink() {
            return self.link(entry.into_path());
        }
        if !self.is_wanted(entry.path(), kind.is_file()) {
            return Ok(None);
        }
        if self.walks.was_linked(entry.path()) {
            self.summary.repeated_links += 1;
            return Ok(None);
        }
        let metadata = entry.metadata().map_err(walk::scan_error)?;
        found(entry.into_path(), &metadata).map(Some)
    }

    /// A link in a folder that is being walked.
    fn link(&mut self, path: PathBuf) -> Result<Option<Found>, ScanError> {
        let extension_fits =
            |scan: &Self, path: &Path| scan.all_files || extensions::is_audio(path.extension());
        match self.walks.target(&path, |target| extension_fits(self, target)) {
            Err(cause) => return Err(ScanError { path, cause }),
            Ok(Target::NotWanted) => self.summary.links += 1,
            Ok(Target::Repeated) => self.summary.repeated_links += 1,
            Ok(Target::Folder(target)) => self.walks.follow(&path, target),
            Ok(Target::File(metadata)) => {
                if self.is_wanted(&path, metadata.is_file()) {
                    self.walks.take_linked(&path);
                    return found(path, &metadata).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Whether a file in a folder is taken; one that is not is counted.
    fn is_wanted(&mut self, path: &Path, is_regular: bool) -> bool {
        let extension = path.extension();
        let is_wanted = extensions::is_audio(extension) || self.all_files && is_regular;
        if !is_wanted {
            self.summary.ignore(extension);
        }
        is_wanted
    }
}

impl Iterator for Scan {
    type Item = Result<Found, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.step();
        self.summary.hidden = self.walks.hidden.load(Ordering::Relaxed);
        let item = item?;
        match &item {
            Ok(found) => {
                self.summary.files += 1;
                self.summary.bytes += found.bytes;
            }
            Err(_) => self.summary.errors += 1,
        }
        Some(item)
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Summary {
    fn ignore(&mut self, extension: Option<&OsStr>) {
        let extension = extension.unwrap_or_default().to_string_lossy().to_lowercase();
        let known = self.ignored_by_extension.contains_key(&extension);
        let fits = extension.len() <= MAX_EXTENSION && self.ignored_by_extension.len() < MAX_COUNTED;
        let key = if known || fits { extension } else { "…".to_owned() };
        *self.ignored_by_extension.entry(key).or_default() += 1;
    }
}

fn found(path: PathBuf, metadata: &Metadata) -> Result<Found, ScanError> {
    match metadata.modified() {
        Ok(modified) => Ok(Found { path, bytes: metadata.len(), modified }),
        Err(error) => Err(ScanError { path, cause: ScanCause::Io(error) }),
    }
}
