//! From a path on this host to a reference that every worker understands.

use std::{
    fmt::Write as _,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::MediaRoots;
use crate::{
    job::{FileRef, RelPath, RelPathError},
    printable::printable,
};

/// Why a path has no reference.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The path itself cannot be resolved.
    #[error("{}: {cause}", shown(path))]
    Path {
        /// As given.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// No worker may read it. The text says what MEDIA_ROOTS holds and how to extend it.
    #[error(
        "{} lies outside the media roots ({roots}): move it below one of them, or add its folder, as in MEDIA_ROOTS='{remedy}', for the producer and all workers",
        shown(path)
    )]
    Outside {
        /// After links.
        path: PathBuf,
        /// What is configured, with what is wrong with it.
        roots: String,
        /// A value of MEDIA_ROOTS that would hold the path.
        remedy: String,
    },
    /// It is a root itself, or too long a path.
    #[error("{}: {cause}", shown(path))]
    Reference {
        /// After links.
        path: PathBuf,
        /// Why.
        cause: RelPathError,
    },
}

/// A path in an error, which a terminal will show.
fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// The roots as they are on this host right now: resolve them once, then a million files.
#[derive(Debug)]
pub struct Locator {
    /// Name and path after links; the deepest first.
    found: Vec<(String, PathBuf)>,
    configured: String,
    listed: String,
}

impl MediaRoots {
    /// Resolves the roots. One that is missing here is no error until a file is found in none of the others.
    #[must_use]
    pub fn locator(&self) -> Locator {
        let mut found = Vec::new();
        let (mut configured, mut listed) = (String::new(), String::new());
        for (name, path) in self.iter() {
            let separate = if listed.is_empty() { "" } else { ";" };
            let _infallible = write!(configured, "{separate}{name}={}", path.display());
            let _infallible = write!(listed, "{separate}{name}={}", path.display());
            match fs::canonicalize(path) {
                Ok(path) => found.push((name.to_owned(), path)),
                Err(error) => {
                    let _infallible = write!(listed, " [unavailable: {error}]");
                }
            }
        }
        // Links can put one root inside another; the inner one is the better name.
        found.sort_by_key(|(_, path)| std::cmp::Reverse(path.components().count()));
        Locator { found, configured, listed }
    }

    /// The reference of one file; see [`Locator::locate`].
    ///
    /// # Errors
    /// As [`Locator::locate`].
    pub fn locate(&self, path: &Path) -> Result<FileRef, RootError> {
        self.locator().locate(path)
    }
}

impl Locator {
    /// The reference of an existing file, by its path after links: two names of one file are one reference.
    ///
    /// # Errors
    /// When the path cannot be resolved, or lies outside all roots.
    pub fn locate(&self, path: &Path) -> Result<FileRef, RootError> {
        let canonical =
            fs::canonicalize(path).map_err(|cause| RootError::Path { path: path.to_owned(), cause })?;
        let below =
            self.found.iter().find_map(|(name, root)| Some((name, canonical.strip_prefix(root).ok()?)));
        let Some((name, below)) = below else { return Err(self.outside(canonical)) };
        match RelPath::new(below.as_os_str().as_bytes()) {
            Ok(path) => Ok(FileRef { root: name.clone(), path }),
            Err(cause) => Err(RootError::Reference { path: canonical, cause }),
        }
    }

    /// The roots' folders, without links.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        self.found.iter().map(|(_, path)| path.clone()).collect()
    }

    fn outside(&self, path: PathBuf) -> RootError {
        let folder = if path.is_dir() { &path } else { path.parent().unwrap_or(&path) };
        let folder = shown(folder);
        let remedy = format!("{};NAME={folder}", self.configured);
        RootError::Outside { roots: self.listed.clone(), remedy, path }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_named_by_its_deepest_root_and_the_path_below() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("music/live")).unwrap();
        fs::write(base.join("music/live/a\n🎵.mp3"), "").unwrap();
        fs::write(base.join("music/b.mp3"), "").unwrap();
        symlink(base.join("music/live"), base.join("stage")).unwrap();
        symlink("b.mp3", base.join("music/link.mp3")).unwrap();
        let roots = format!("music={0}/music;stage={0}/stage", base.display());
        let locator = MediaRoots::parse(&roots).unwrap().locator();
        let cases = [
            ("music/b.mp3", "music/b.mp3"),
            ("music/link.mp3", "music/b.mp3"),
            ("music/live/a\n🎵.mp3", "stage/a\n🎵.mp3"),
            ("stage/a\n🎵.mp3", "stage/a\n🎵.mp3"),
            ("stage/../b.mp3", "music/b.mp3"),
        ];
        for (path, reference) in cases {
            assert_eq!(locator.locate(&base.join(path)).unwrap().to_string(), reference, "{path}");
        }
    }

    #[test]
    fn outside_the_roots_the_error_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir(base.join("music")).unwrap();
        fs::create_dir(base.join("music2")).unwrap();
        fs::write(base.join("music2/a.mp3"), "").unwrap();
        symlink(base.join("music2/a.mp3"), base.join("music/out.mp3")).unwrap();
        let value = format!("music={0}/music;b={0}/gone", base.display());
        let roots = MediaRoots::parse(&value).unwrap();
        for path in ["music2/a.mp3", "music/out.mp3"] {
            let error = roots.locate(&base.join(path)).unwrap_err().to_string();
            let base = base.display();
            let wanted = format!(
                "{base}/music2/a.mp3 lies outside the media roots (music={base}/music;b={base}/gone [unavailable: No such file or directory (os error 2)]): \
                 move it below one of them, or add its folder, as in MEDIA_ROOTS='{value};NAME={base}/music2', for the producer and all workers"
            );
            assert_eq!(error, wanted);
        }
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let roots = MediaRoots::parse("a=/").unwrap();
        let error = roots.locate(Path::new("/nonexistent/x.mp3")).unwrap_err();
        assert!(matches!(error, RootError::Path { .. }) && error.to_string().contains("/nonexistent/x.mp3"));
        let error = roots.locate(Path::new("/")).unwrap_err();
        assert!(matches!(error, RootError::Reference { cause: RelPathError::Empty, .. }), "{error}");
    }
}
