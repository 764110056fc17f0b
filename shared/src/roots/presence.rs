//! Whether a media root is there, without a file to open in it.

use std::path::Path;
use std::{fs, io};

use rustix::io::Errno;

use super::open::{OpenError, empty_root, root_error};

/// What is asked of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// That it is a folder we can list. It may be a new one.
    Folder,
    /// That something is in it as well: the folder of a disk that is not mounted is there, and empty.
    WithFiles,
}

/// Looks at the root. Blocks for as long as its file system does, which on a dead mount may be for ever.
///
/// A mount point that is not empty while nothing is mounted on it looks like a root whose files are gone: keep it empty.
///
/// # Errors
/// [`OpenError::RootUnavailable`]; [`OpenError::Io`] where the look itself failed for want of file descriptors or memory,
/// which says nothing of the root.
pub fn look(root: &Path, wanted: Presence) -> Result<(), OpenError> {
    // The first entry, too: the handle of a dead network mount can be had from the cache.
    let listed = fs::read_dir(root).and_then(|mut entries| entries.next().transpose());
    if let Err(error) = listed {
        return Err(root_error(root, error));
    }
    match wanted {
        Presence::Folder => Ok(()),
        Presence::WithFiles => empty_root(root).map_or(Ok(()), Err),
    }
}

/// Whether an error of a file means that its whole disk or server is gone.
#[must_use]
pub fn means_gone(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            // NFS whose export was replaced; FUSE whose server died.
            Errno::STALE | Errno::NOTCONN
            // A network file system without its network.
            | Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::TIMEDOUT
            // A disk that was pulled out.
            | Errno::NODEV | Errno::NXIO
        )
    )
}

/// Whether an error says nothing of the file or its disk: this process or this machine is short of something.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_is_a_folder_and_no_disk() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let is = |wanted| look(&root, wanted).is_ok();
        assert_eq!((is(Presence::Folder), is(Presence::WithFiles)), (false, false));
        fs::create_dir(&root).unwrap();
        assert_eq!((is(Presence::Folder), is(Presence::WithFiles)), (true, false));
        fs::write(root.join("a.mp3"), "").unwrap();
        assert_eq!((is(Presence::Folder), is(Presence::WithFiles)), (true, true));
        let error = look(&root.join("a.mp3"), Presence::Folder).unwrap_err().to_string();
        assert!(error.contains("a.mp3 is unavailable"), "{error}");
    }

    #[test]
    fn a_bad_sector_is_no_missing_disk() {
        let error = |errno: Errno| io::Error::from(errno);
        for gone in [Errno::STALE, Errno::NOTCONN, Errno::HOSTDOWN, Errno::NODEV] {
            assert!(means_gone(&error(gone)), "{gone}");
        }
        for not in [Errno::IO, Errno::NOENT, Errno::ACCESS, Errno::NAMETOOLONG] {
            assert!(!means_gone(&error(not)), "{not}");
        }
        for shortage in [Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert!(!means_gone(&error(shortage)) && is_shortage(&error(shortage)), "{shortage}");
            let found = root_error(Path::new("/srv/music"), error(shortage));
            assert!(matches!(&found, OpenError::Io(_)), "{found}");
        }
        assert!(!means_gone(&io::Error::other("no errno")));
    }
}
