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

    const BYTES: u64 = 1 << 20;

    /// A file of which nothing is in memory; `None` where the file system keeps everything there (tmpfs).
    fn cold(folder: &Path) -> Option<File> {
        let path = folder.join("file");
        let mut file = File::create(&path).unwrap();
        file.write_all(&vec![7; BYTES as usize]).unwrap();
        file.sync_all().unwrap();
        let file = File::open(&path).unwrap();
        give_back(&file);
        let can_be = look(&file, BYTES) == Cached::Nothing;
        // The look itself has had something read.
        give_back(&file);
        can_be.then_some(file)
    }

    #[test]
    fn what_is_read_ahead_comes_into_memory_by_itself() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let Some(file) = cold(folder.path()) else { return };
        assert_eq!(read_ahead(&file, BYTES, BYTES), ReadAhead { bytes: BYTES, cached: Cached::Nothing });
        // Nobody reads it. The kernel tells nobody when it has: until then the test looks.
        while !is_there(&file, BYTES - PAGE_BYTES) {
            std::thread::yield_now();
        }
        assert_eq!(read_ahead(&file, BYTES, BYTES), ReadAhead { bytes: 0, cached: Cached::Something });
    }

    /// Looks at one place, and leaves the rest as it is.
    fn is_there(file: &File, offset: u64) -> bool {
        use rustix::io::{ReadWriteFlags, preadv2};
        let mut byte = [0];
        preadv2(file, &mut [std::io::IoSliceMut::new(&mut byte)], offset, ReadWriteFlags::NOWAIT).is_ok()
    }

    fn read(mut file: &File) {
        file.read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn what_this_lane_alone_has_read_goes_and_what_was_there_stays() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let Some(file) = cold(folder.path()) else { return };
        let mut pages = Pages::default();
        pages.begin(&file, BYTES);
        read(&file);
        assert_eq!(look(&file, BYTES), Cached::Something, "it is in memory while it is worked on");
        // Identified, and then analysed: opened a second time.
        pages.begin(&File::open(folder.path().join("file")).unwrap(), BYTES);
        pages.end();
        assert_eq!(look(&file, BYTES), Cached::Nothing, "and not afterwards");

        read(&File::open(folder.path().join("file")).unwrap());
        pages.begin(&file, BYTES);
        pages.end();
        assert_eq!(look(&file, BYTES), Cached::Something, "somebody else had read it");
    }
}
