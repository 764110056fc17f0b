//! The files of a run, found by a thread of its own and handed over through a bounded channel: a walk blocks on disks
//! and network mounts, and must neither stop the connections nor run ahead of them.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::thread;

use shared::job::{FileRef, Seen};
use shared::roots::{Locator, MediaRoots, RootError};
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
    /// Another file of a folder of which that was said.
    SameProblem,
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
        let mut outside = Outside {
            named: paths.iter().filter(|path| path.is_dir()).cloned().collect(),
            told: HashSet::new(),
        };
        let named = Scan::from_paths(paths).all_files(all_files).links(links);
        let listed = list.map(|reader| Scan::from_list(reader, separator, name));
        for scan in [Some(named), listed].into_iter().flatten() {
            if hand_over(scan, &locator, &mut outside, &sender).is_err() {
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

/// The folders that were named, and those of which it was said that files of theirs lie outside the media roots: a library of a
/// hundred thousand files says it once.
struct Outside {
    named: Vec<PathBuf>,
    told: HashSet<PathBuf>,
}

impl Outside {
    fn item(&mut self, file: &Path, locator: &Locator, error: &RootError) -> Item {
        let folder = self.named.iter().find(|folder| file.starts_with(folder));
        let Some(folder) = folder.filter(|_| matches!(error, RootError::Outside { .. })) else {
            return Item::Problem(error.to_string());
        };
        if !self.told.insert(folder.clone()) {
            return Item::SameProblem;
        }
        let of_folder =
            locator.locate(folder).err().filter(|error| matches!(error, RootError::Outside { .. }));
        Item::Problem(of_folder.as_ref().unwrap_or(error).to_string())
    }
}

fn hand_over(
    mut scan: Scan,
    locator: &Locator,
    outside: &mut Outside,
    sender: &mpsc::Sender<Item>,
) -> Result<(), Unwanted> {
    let send = |item| sender.blocking_send(item).map_err(|_| Unwanted);
    for found in &mut scan {
        send(match found {
            Err(error) => Item::Problem(error.to_string()),
            Ok(found) => match locator.locate(&found.path) {
                Ok(file) => Item::File(file, found.seen()),
                Err(error) => outside.item(&found.path, locator, &error),
            },
        })?;
    }
    send(Item::Over(scan.summary().clone()))
}
