//! The media roots as they were when the lane shut itself in.
//!
//! Landlock lets a folder through, not its name: what is mounted there later is another folder. A lane that was started
//! before the mount would be denied every file below it, for good; so it looks, and asks to be replaced.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// A root on a server that is gone is not waited for: it counts as missing. Far more than a disk that has to spin up, far
/// less than the parent's patience with a lane's start.
const OPENS_WITHIN: Duration = Duration::from_secs(4);

/// So many roots are opened at a time, because one on a network takes its time.
const THREADS: usize = 8;

/// When no root was opened for so long, the threads at work may all hang for ever, and another one is started.
const STALLED_AFTER: Duration = Duration::from_millis(20);

/// Opens folders. The stacks count as the lane's memory.
const STACK_BYTES: usize = 64 << 10;

/// A root and what was found there.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    found: Found,
}

#[derive(Debug, Clone, Copy)]
enum Found {
    /// Nothing, or nothing in time.
    Nothing,
    /// A folder that this user may not read, or something else that lets nobody in.
    Closed,
    /// A folder, which was let through.
    Folder,
}

/// The place of a root, and its handle where it is a folder that can be opened. An error is not the root's.
type Opened = (usize, io::Result<Result<File, Found>>);

/// The roots that no thread has begun to open, with their places.
type Waiting = Arc<Mutex<Paths>>;
type Paths = std::iter::Enumerate<std::vec::IntoIter<PathBuf>>;

impl Root {
    /// Opens each of them and hands the folders that are there to `admit`. Threads do it, because the kernel may hold an opening
    /// for ever; they hand their folders over one by one, so that few are open at a time however many roots there are.
    ///
    /// # Errors
    /// Those of `admit`, and what this process has too little of to open a root: a root must not be taken for one that is not
    /// there because of that.
    pub(super) fn open_all<E: From<io::Error>>(
        paths: Vec<PathBuf>,
        mut admit: impl FnMut(File) -> Result<(), E>,
    ) -> Result<Vec<Self>, E> {
        let unknown = |path| Self { path, found: Found::Nothing };
        let mut roots: Vec<Self> = paths.iter().cloned().map(unknown).collect();
        let waiting: Waiting = Arc::new(Mutex::new(paths.into_iter().enumerate()));
        let (sender, opened) = sync_channel(1);
        for _ in 0..THREADS.min(roots.len()) {
            start_thread(&waiting, &sender)?;
        }
        let end = Instant::now() + OPENS_WITHIN;
        for _ in 0..roots.len() {
            let Some((place, folder)) = next(&opened, end, || start_thread(&waiting, &sender)) else { break };
            roots[place].found = match folder? {
                Ok(folder) => admit(folder).map(|()| Found::Folder)?,
                Err(found) => found,
            };
        }
        Ok(roots)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another folder is there now: where none was, or one that is not ours to read any more.
    pub(super) fn has_come_back(&self) -> bool {
        match self.found {
            Found::Nothing => std::fs::metadata(&self.path).is_ok(),
            Found::Folder => {
                File::open(&self.path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
            }
            Found::Closed => false,
        }
    }
}

/// The next root that was opened; `None` when the time is over.
fn next(opened: &Receiver<Opened>, end: Instant, mut help: impl FnMut() -> io::Result<()>) -> Option<Opened> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match opened.recv_timeout(left.min(STALLED_AFTER)) {
            Ok(root) => return Some(root),
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {
                // The others are still at it.
                let _ = help();
            }
            Err(_) => return None,
        }
    }
}

/// A thread that opens one root after the other, until there is none left or nobody listens any more.
fn start_thread(waiting: &Waiting, sender: &SyncSender<Opened>) -> io::Result<()> {
    if lock(waiting).len() == 0 {
        return Ok(());
    }
    let (waiting, sender) = (Arc::clone(waiting), sender.clone());
    let take = move || lock(&waiting).next();
    let work = move || {
        while let Some((place, path)) = take() {
            if sender.send((place, open(&path))).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(drop)
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, Paths> {
    // Nothing that can panic is done under this lock.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(path: &Path) -> io::Result<Result<File, Found>> {
    match File::open(path) {
        Ok(folder) => Ok(Ok(folder)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => {
                Err(io::Error::new(error.kind(), format!("{} cannot be opened: {error}", path.display())))
            }
            Some(Errno::NOENT) => Ok(Err(Found::Nothing)),
            _ => Ok(Err(Found::Closed)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_is_found_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..500).map(|number| folder.path().join(number.to_string())).collect();
        // Every third one is missing.
        paths.iter().enumerate().filter(|(place, _)| place % 3 != 0).for_each(|(_, path)| {
            std::fs::create_dir(path).unwrap();
        });
        let mut admitted = 0;
        let roots = Root::open_all(paths.clone(), |_| {
            admitted += 1;
            Ok::<_, io::Error>(())
        });
        let roots = roots.unwrap();
        assert_eq!(admitted, 333);
        for (place, root) in roots.iter().enumerate() {
            assert_eq!(root.path(), paths[place]);
            assert_eq!(matches!(root.found, Found::Folder), place % 3 != 0, "{}", root.path.display());
        }
    }

    #[test]
    fn roots_that_hang_do_not_keep_the_others_waiting() {
        let folder = tempfile::tempdir().unwrap();
        // A named pipe hangs its opener until somebody writes: nobody does.
        let mut paths: Vec<PathBuf> = (0..20).map(|number| folder.path().join(number.to_string())).collect();
        for pipe in &paths {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        }
        paths.push(folder.path().to_owned());
        let roots = Root::open_all(paths.clone(), |_| Ok::<_, io::Error>(())).unwrap();
        let found: Vec<_> = roots.iter().filter(|root| matches!(root.found, Found::Folder)).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path(), folder.path());
    }

    #[test]
    fn a_root_that_cannot_be_let_through_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Root::open_all(vec![folder.path().to_owned()], |_| Err(io::Error::other("refused")));
        assert_eq!(refused.unwrap_err().to_string(), "refused");
    }
}
