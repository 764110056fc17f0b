//! The media roots as they were when the lane shut itself in.
//!
//! Landlock lets a folder through, not its name: what is mounted there later is another folder. A lane that was started
//! before the mount would be denied every file below it, for good; so it looks, and asks to be replaced.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

/// A root on a server that is gone is not waited for: it counts as missing. Far more than a disk that has to spin up, far
/// less than the parent's patience with a lane's start.
const OPENS_WITHIN: Duration = Duration::from_secs(4);

/// Opens one folder.
const STACK_BYTES: usize = 64 << 10;

/// A root and what was found there.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    found: Found,
}

#[derive(Debug)]
enum Found {
    /// Nothing, or nothing in time.
    Nothing,
    /// A folder that this user may not read, or something else that lets nobody in.
    Closed,
    /// A folder, and its handle until it has been let through.
    Folder(Option<File>),
}

impl Root {
    /// Opens each of them, in a thread of its own, because the kernel may hold it for ever.
    pub(super) fn look_at(paths: Vec<PathBuf>) -> Vec<Self> {
        let (sender, opened) = sync_channel(paths.len());
        for (index, path) in paths.iter().cloned().enumerate() {
            let sender = sender.clone();
            // Without a thread the root is one that was not found.
            let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
                let _ = sender.send((index, open(&path)));
            });
        }
        drop(sender);
        let unknown = |path| Self { path, found: Found::Nothing };
        let mut roots: Vec<Self> = paths.into_iter().map(unknown).collect();
        let end = Instant::now() + OPENS_WITHIN;
        while let Ok((index, found)) = opened.recv_timeout(end.saturating_duration_since(Instant::now())) {
            roots[index].found = found;
        }
        roots
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's handle, where there is one. It is not kept: it would keep its disk from being unmounted.
    pub(super) fn take_folder(&mut self) -> Option<File> {
        match &mut self.found {
            Found::Folder(folder) => folder.take(),
            Found::Nothing | Found::Closed => None,
        }
    }

    /// Whether another folder is there now: where none was, or one that is not ours to read any more.
    pub(super) fn has_come_back(&self) -> bool {
        match self.found {
            Found::Nothing => std::fs::metadata(&self.path).is_ok(),
            Found::Folder(_) => {
                File::open(&self.path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
            }
            Found::Closed => false,
        }
    }
}

fn open(path: &Path) -> Found {
    match File::open(path) {
        Ok(folder) => Found::Folder(Some(folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => Found::Nothing,
        Err(_) => Found::Closed,
    }
}
