//! Tasks from folders, files and lists on this machine: the local mode's source.

use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shared::job::{Priority, RelPath, unix_nanos};
use shared::scan::{Found, Scan, ScanError, Summary};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::{Queues, Receive, Settle};
use crate::scan_order::ScanOrder;
use crate::task::{FileWork, Settlement, Task, Ticket, Work};

/// Names are found far faster than files are analysed; a few hundred ahead keep the total of the progress bar honest early on.
const AHEAD: usize = 256;

/// The files that need no analysis, because an earlier run's results hold them unchanged, and whether they failed then.
pub type Unchanged = HashMap<u128, bool>;

/// The name of a file in this very state, as this analyser ([`crate::asked::Asked`]) sees it, for [`Unchanged`]: 128 bits, so that a million files take 32 MB and none is
/// mistaken for another.
#[must_use]
pub fn state_of(path: &[u8], bytes: u64, modified_ns: i64, analyser: &str) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(path).update(&[0]).update(&bytes.to_le_bytes()).update(&modified_ns.to_le_bytes());
    hasher.update(analyser.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(first)
}

/// What the scan has come across, while it runs and afterwards.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Files that are or will be analysed.
    pub found: AtomicU64,
    /// Files left out because they are [`Unchanged`].
    pub unchanged: AtomicU64,
    /// Those of them that failed.
    pub unchanged_failed: AtomicU64,
    /// Where each file stands that was found and has not ended.
    pub order: Arc<ScanOrder>,
    /// Whether `found` is final.
    pub complete: AtomicBool,
    errors: Mutex<Vec<ScanError>>,
    summary: Mutex<Summary>,
}

impl Scanned {
    /// What could not be scanned, since the last call.
    #[must_use]
    pub fn take_errors(&self) -> Vec<ScanError> {
        std::mem::take(&mut self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The scan's own summary, once it is complete.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct FolderReceiver {
    found: mpsc::Receiver<Box<FileWork>>,
    window: Arc<Semaphore>,
    tag: u64,
}

/// The settling half: makes room for the next file.
#[derive(Debug)]
pub struct FolderSettler {
    window: Arc<Semaphore>,
}

/// Starts scanning on a thread of its own. At most `window` files are unsettled at a time.
///
/// # Errors
/// When the thread cannot be started.
pub fn open(
    scan: Scan,
    window: usize,
    unchanged: Unchanged,
    analyser: String,
) -> io::Result<(FolderReceiver, FolderSettler, Arc<Scanned>)> {
    let (sender, found) = mpsc::channel(AHEAD);
    let scanned = Arc::new(Scanned::default());
    let seen = Arc::clone(&scanned);
    std::thread::Builder::new()
        .name("scan".into())
        .spawn(move || run(scan, &sender, &unchanged, &analyser, &seen))?;
    let window = Arc::new(Semaphore::new(window.max(1)));
    Ok((FolderReceiver { found, window: Arc::clone(&window), tag: 0 }, FolderSettler { window }, scanned))
}

/// Everything that asks the file system is done here, on the scan's own thread: a dead mount may hold it for ever, and must
/// not hold the runtime's only thread.
fn run(
    mut scan: Scan,
    sender: &mpsc::Sender<Box<FileWork>>,
    unchanged: &Unchanged,
    analyser: &str,
    seen: &Scanned,
) {
    for item in scan.by_ref() {
        match item {
            Ok(found) => {
                if let Some(has_failed) = known(&found, unchanged, analyser) {
                    seen.unchanged.fetch_add(1, Ordering::Relaxed);
                    seen.unchanged_failed.fetch_add(has_failed.into(), Ordering::Relaxed);
                    continue;
                }
                seen.found.fetch_add(1, Ordering::Relaxed);
                let Some(work) = work(&found) else { continue };
                seen.order.push(&work.shown);
                // The run was stopped.
                if sender.blocking_send(Box::new(work)).is_err() {
                    break;
                }
            }
            Err(error) => seen.errors.lock().unwrap_or_else(PoisonError::into_inner).push(error),
        }
    }
    *seen.summary.lock().unwrap_or_else(PoisonError::into_inner) = scan.summary().clone();
    seen.complete.store(true, Ordering::Release);
}

/// Whether a file that need not be analysed failed; `None` for one that is to be analysed.
fn known(found: &Found, unchanged: &Unchanged, analyser: &str) -> Option<bool> {
    if unchanged.is_empty() {
        return None;
    }
    let path = found.path.as_os_str().as_bytes();
    unchanged.get(&state_of(path, found.bytes, unix_nanos(found.modified), analyser)).copied()
}

impl Receive for FolderReceiver {
    async fn next(&mut self) -> Option<Task> {
        // The permit is dropped with this future when another event comes first, so none is lost.
        let permit = self.window.clone().acquire_owned().await.ok()?;
        let work = Work::File(self.found.recv().await?);
        permit.forget();
        self.tag += 1;
        Some(Task {
            ticket: Ticket { stream: 0, epoch: 0, tag: self.tag },
            level: Priority(0),
            redelivered: false,
            received: Instant::now(),
            work,
        })
    }

    /// Nobody else could have the files meanwhile, and the window bounds what waits.
    fn pause(&mut self, _: bool) {}

    /// Its window never changes.
    fn hold(&mut self, _: usize) {}

    fn window(&self, _: usize) -> Option<usize> {
        None
    }

    fn is_crowded(&self, _: usize) -> bool {
        false
    }

    fn queues(&self) -> Queues {
        Queues::default()
    }

    async fn stop(&mut self) {
        self.found.close();
        // What waits in the channel is simply not done; nobody else could take it.
        while self.found.try_recv().is_ok() {}
    }
}

impl Settle for FolderSettler {
    async fn settle(&mut self, settled: Vec<(Ticket, Settlement)>) {
        self.window.add_permits(settled.len());
    }

    async fn close(self) {}
}

/// The file's own folder is its root: nothing but that file is opened. A link that the user named is followed first.
/// `None` for a path that ends in `..`: it is a folder, and the scan gives none.
fn work(found: &Found) -> Option<FileWork> {
    let path = found.path.as_path();
    let shown = path.as_os_str().as_bytes().to_vec();
    let target = match path.is_symlink() {
        true => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        false => path.to_owned(),
    };
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let root = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let name = target.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
    let path = RelPath::new(name).ok()?;
    let seen = Some((found.bytes, unix_nanos(found.modified)));
    Some(FileWork {
        shown,
        root: Some(root),
        path,
        attempt: 0,
        force: false,
        deliveries: 0,
        seen,
        job: None,
        trace: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_window_bounds_what_is_unsettled_and_settling_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.wav", "b.wav", "c.wav"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        let scan = Scan::from_paths([folder.path().to_owned()]);
        let (mut receiver, mut settler, scanned) = open(scan, 2, Unchanged::new(), String::new()).unwrap();
        let first = receiver.next().await.unwrap();
        let _second = receiver.next().await.unwrap();
        assert!(futures_util::FutureExt::now_or_never(receiver.next()).is_none(), "the window is 2");
        settler.settle(vec![(first.ticket, Settlement::Ack)]).await;
        assert!(receiver.next().await.is_some());
        settler.settle(vec![(Ticket { stream: 0, epoch: 0, tag: 2 }, Settlement::Ack)]).await;
        assert!(receiver.next().await.is_none());
        assert_eq!(scanned.found.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn an_unchanged_file_is_left_out_and_a_changed_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        std::fs::write(&path, b"x").unwrap();
        let modified = unix_nanos(std::fs::metadata(&path).unwrap().modified().unwrap());
        let name = path.as_os_str().as_bytes();
        let known = |bytes, analyser| Unchanged::from([(state_of(name, bytes, modified, analyser), false)]);
        for (unchanged, taken) in [(known(1, "p"), false), (known(2, "p"), true), (known(1, "q"), true)] {
            let scan = Scan::from_paths([folder.path().to_owned()]);
            let (mut receiver, _settler, _) = open(scan, 1, unchanged, "p".into()).unwrap();
            assert_eq!(receiver.next().await.is_some(), taken);
        }
    }
}
