//! Opening a path that must stay below a folder, whatever happens to the folders in between.
//!
//! Linux 5.6 and later do it in the kernel (`openat2`); elsewhere the path is walked one component at a time, none
//! of which may be a symbolic link. Both expect a canonical path, in which a link can only mean foul play.

use std::{
    ffi::OsStr,
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags, openat},
    io::Errno,
};

/// A FIFO that was swapped in must not hold us until somebody writes, nor a terminal become ours.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// How a path is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In the kernel where it can, otherwise by walking.
    Best,
    /// By walking alone.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests' way to what old kernels do"))]
    Walk,
}

/// Opens a canonical path, relative to `root`, for reading.
pub(super) fn open_beneath(root: &OwnedFd, path: &Path, way: Way) -> Result<File, Errno> {
    let opened = match way {
        Way::Best => kernel(root, path),
        Way::Walk => Err(Errno::NOSYS),
    };
    match opened {
        // EPERM is how the seccomp filters of older container runtimes spell a call that they do not know.
        Err(Errno::NOSYS | Errno::PERM) => walk(root, path),
        opened => opened,
    }
    .map(File::from)
}

#[cfg(target_os = "linux")]
fn kernel(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    openat2(root, path, FILE, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS)
}

#[cfg(not(target_os = "linux"))]
fn kernel(_: &OwnedFd, _: &Path) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

fn walk(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let name = path.file_name().ok_or(Errno::ISDIR)?;
    let mut folder: Option<OwnedFd> = None;
    for component in path.parent().into_iter().flat_map(Path::components) {
        folder = Some(step(folder.as_ref().unwrap_or(root), component.as_os_str(), FOLDER)?);
    }
    step(folder.as_ref().unwrap_or(root), name, FILE)
}

/// Searching a folder takes less permission than reading it.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn step(folder: impl AsFd, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    openat(folder, name, flags | OFlags::NOFOLLOW, Mode::empty())
}

/// Opens the root itself, which the operator named and may well be a link.
pub(super) fn open_root(root: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(root, FOLDER, Mode::empty())
}
