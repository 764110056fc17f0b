//! The page cache: what a lane alone has read goes again, so that a scan of a library does not push out of memory what the
//! machine works with.
//!
//! Only the pages of a file of which nothing was in memory when the lane came to it, as far as a few looks tell: whoever else
//! reads the file has put some there, and keeps them all. Dropping clean pages harms nobody; the worst is that they are read
//! again.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use super::{Cached, ReadAhead};

/// The file that this lane works on.
#[derive(Debug, Default)]
pub(super) struct Pages(Option<Held>);

#[derive(Debug)]
struct Held {
    file: File,
    /// Device and inode.
    id: (u64, u64),
    /// What of it was in memory.
    found: Cached,
}

impl Pages {
    /// What of the file was in memory when the lane came to it.
    pub(super) fn found(&self) -> Cached {
        self.0.as_ref().map_or(Cached::Unknown, |held| held.found)
    }

    /// A file has been opened and not read yet. The same one again is known: by now its pages are ours.
    pub(super) fn begin(&mut self, file: &File, bytes: u64) {
        let Ok(id) = file.metadata().map(|metadata| (metadata.dev(), metadata.ino())) else {
            return self.end();
        };
        if self.0.as_ref().is_some_and(|held| held.id == id) {
            return;
        }
        self.end();
        // Without a second handle its pages stay.
        self.0 = file.try_clone().ok().map(|held| Held { found: look(file, bytes), file: held, id });
    }

    /// The file is done: its pages go if they are ours. No handle is kept: it would keep a disk from being unmounted.
    pub(super) fn end(&mut self) {
        if let Some(held) = self.0.take().filter(|held| held.found == Cached::Nothing) {
            give_back(&held.file);
        }
    }
}

/// Has the first bytes of a file read into memory, unless some are there already, and does not wait for them.
pub(super) fn read_ahead(file: &File, bytes: u64, at_most: u64) -> ReadAhead {
    let cached = look(file, bytes);
    let bytes = if cached.is_fetched() { bytes.min(at_most) } else { 0 };
    fetch(file, bytes);
    ReadAhead { bytes, cached }
}

/// Looks at so many places of a file: its head, where others look first, and evenly over the rest.
#[cfg(target_os = "linux")]
const LOOKS: u64 = 8;

/// No smaller part of a file is in memory by itself.
#[cfg(target_os = "linux")]
const PAGE_BYTES: u64 = 4096;

/// From the end to the head, because each look has the kernel read ahead from there, as what comes next would anyway.
#[cfg(target_os = "linux")]
fn look(file: &File, bytes: u64) -> Cached {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    use std::io::IoSliceMut;

    if bytes == 0 {
        return Cached::Something;
    }
    let step = (bytes / LOOKS).max(PAGE_BYTES);
    for place in (0..bytes.div_ceil(step)).rev() {
        let mut byte = [0];
        match preadv2(file, &mut [IoSliceMut::new(&mut byte)], step * place, ReadWriteFlags::NOWAIT) {
            Err(Errno::AGAIN) => {}
            Ok(_) => return Cached::Something,
            Err(_) if forgets(file) => return Cached::Forgotten,
            Err(_) => return Cached::Unknown,
        }
    }
    Cached::Nothing
}

/// In user space (FUSE), most file systems drop what is in memory of a file with each opening of it.
#[cfg(target_os = "linux")]
fn forgets(file: &File) -> bool {
    // Of linux/magic.h.
    const FUSE_SUPER_MAGIC: u64 = 0x6573_5546;
    rustix::fs::fstatfs(file).is_ok_and(|system| system.f_type as u64 == FUSE_SUPER_MAGIC)
}

/// The kernel cuts a piece of advice to what it would read ahead by itself, which is this by default.
#[cfg(target_os = "linux")]
const PIECE: std::num::NonZeroU64 = std::num::NonZeroU64::new(128 << 10).unwrap();

#[cfg(target_os = "linux")]
fn fetch(file: &File, bytes: u64) {
    for offset in (0..bytes).step_by(PIECE.get() as usize) {
        // Advice, as below.
        let _ = rustix::fs::fadvise(file, offset, Some(PIECE), rustix::fs::Advice::WillNeed);
    }
}

#[cfg(target_os = "linux")]
pub(super) fn give_back(file: &File) {
    // Advice; what the kernel makes of it is its own.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// Nothing is known, so nothing is dropped, and nothing can be asked for.
#[cfg(not(target_os = "linux"))]
fn look(_: &File, _: u64) -> Cached {
    Cached::Unknown
}

#[cfg(not(target_os = "linux"))]
fn fetch(_: &File, _: u64) {}

#[cfg(not(target_os = "linux"))]
pub(super) fn give_back(_: &File) {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::path::Path;

    use super::*;

    const BYTES: u64 = 16 << 20;

    /// The kernel leaves a page that it happens to hold itself (to move it, to look how often it is used), so that any one try
    /// may find a page that should have gone. `None`: it went wrong in that way.
    fn in_some_try(scenario: impl Fn(&File) -> Option<()>) {
        const TRIES: usize = 20;
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        if is_tmpfs(folder.path()) {
            return;
        }
        assert!((0..TRIES).any(|_| scenario(&cold(folder.path())).is_some()), "not in {TRIES} tries");
    }

    fn is_tmpfs(folder: &Path) -> bool {
        /// Of linux/magic.h.
        const TMPFS_MAGIC: u64 = 0x0102_1994;
        rustix::fs::statfs(folder).unwrap().f_type as u64 == TMPFS_MAGIC
    }

    /// A file of which nothing is in memory. No look: what that has had read might still be on its way, and is not dropped then.
    fn cold(folder: &Path) -> File {
        let path = folder.join("file");
        let mut file = File::create(&path).unwrap();
        file.write_all(&vec![7; BYTES as usize]).unwrap();
        file.sync_all().unwrap();
        let file = File::open(&path).unwrap();
        give_back(&file);
        file
    }

    fn again(file: &File) -> File {
        File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file))).unwrap()
    }

    #[test]
    fn there_is_nothing_to_fetch_of_an_empty_file() {
        assert_eq!(look(&tempfile::tempfile().unwrap(), 0), Cached::Something);
    }

    #[test]
    fn what_is_read_ahead_comes_into_memory_by_itself() {
        in_some_try(|file| {
            // Each look has one page read, and nothing around it: what else comes was asked for.
            rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Random).unwrap();
            let read = read_ahead(file, BYTES, BYTES);
            if read.cached != Cached::Nothing {
                return None;
            }
            assert_eq!(read.bytes, BYTES);
            // The kernel tells nobody when it is done. A page that was looked at is no proof any more: each time another, up to
            // the second one that `look` has had read.
            let mut pages = 1..BYTES / LOOKS / PAGE_BYTES;
            assert!(pages.any(|page| is_there(file, page)), "nothing comes");
            let again = read_ahead(file, BYTES, BYTES);
            assert_eq!(again, ReadAhead { bytes: 0, cached: Cached::Something });
            Some(())
        });
    }

    /// Looks at one page, a moment later.
    fn is_there(file: &File, page: u64) -> bool {
        use rustix::io::{ReadWriteFlags, preadv2};
        std::thread::sleep(std::time::Duration::from_millis(5));
        let mut byte = [0];
        let mut into = [std::io::IoSliceMut::new(&mut byte)];
        preadv2(file, &mut into, page * PAGE_BYTES, ReadWriteFlags::NOWAIT).is_ok()
    }

    fn read(mut file: &File) {
        file.read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn what_this_lane_alone_has_read_goes() {
        in_some_try(|file| {
            let mut pages = Pages::default();
            pages.begin(file, BYTES);
            read(file);
            assert_eq!(look(file, BYTES), Cached::Something, "it is in memory while it is worked on");
            // Identified, and then analysed: opened a second time.
            pages.begin(&again(file), BYTES);
            pages.end();
            (look(file, BYTES) == Cached::Nothing).then_some(())
        });
    }

    #[test]
    fn what_was_in_memory_stays() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let file = cold(folder.path());
        read(&file);
        let mut pages = Pages::default();
        pages.begin(&file, BYTES);
        pages.end();
        assert_eq!(look(&file, BYTES), Cached::Something, "somebody else had read it");
    }
}
