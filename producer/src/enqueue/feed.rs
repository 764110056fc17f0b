//! The files of a run, found by a thread of its own and handed over through a bounded channel: a walk blocks on disks
//! and network mounts, and must neither stop the connections nor run ahead of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::thread;

use shared::job::{FileRef, Seen};
use shared::roots::{Locator, MediaRoots};
use shared::scan::{Links, Scan, Summary};
use tokio::sync::mpsc;

use crate::cli::EnqueueArgs;
use crate::failure::Failure;

/// A few windows' worth: the walk is never what the broker waits for, and a name has at most 4 KiB.
const AHEAD: usize = 1024;

/// What the walk comes across.
#[derive(Debug)]
pub(super) enum Item {
    /// A file inside a root, and its state.
    File(FileRef, Seen),
    /// So many files that are as they were when they last ended.
    Unchanged(u64),
    /// Something that cannot be enqueued, and why.
    Problem(String),
    /// What the walk left out; the last of each part of it.
    Over(Summary),
}

/// Starts the walk. It ends by itself when the receiver is dropped.
pub(super) fn start(args: &EnqueueArgs, roots: &MediaRoots) -> Result<mpsc::Receiver<Item>, Failure> {
    let list = args.files_from.as_deref().map(open).transpose()?;
    let (paths, all_files) = (args.paths.clone(), args.all_files);
    let separator = if args.null { b'\0' } else { b'\n' };
    let name = args.files_from.clone().unwrap_or_default();
    let locator = roots.locator();
    // What lies outside the roots could not be enqueued: it is not even listed.
    let links = if args.no_follow { Links::None } else { Links::Within(locator.folders()) };
    let (sender, receiver) = mpsc::channel(AHEAD);
    let walk = move || {
        let named = Scan::from_paths(paths).all_files(all_files).links(links);
        let listed = list.map(|reader| Scan::from_list(reader, separator, name));
        for scan in [Some(named), listed].into_iter().flatten() {
            if hand_over(scan, &locator, &sender).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("walk".into()).spawn(walk)?;
    Ok(receiver)
}

fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path)
        .map_err(|error| Failure::Usage(format!("--files-from {}: {error}", path.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The receiver is gone: nobody wants more.
struct Unwanted;

fn hand_over(mut scan: Scan, locator: &Locator, sender: &mpsc::Sender<Item>) -> Result<(), Unwanted> {
    let send = |item| sender.blocking_send(item).map_err(|_| Unwanted);
    for found in &mut scan {
        send(match found {
            Err(error) => Item::Problem(error.to_string()),
            Ok(found) => match locator.locate(&found.path) {
                Ok(file) => Item::File(file, found.seen()),
                Err(error) => Item::Problem(error.to_string()),
            },
        })?;
    }
    send(Item::Over(scan.summary().clone()))
}
