//! What a lane takes from itself before it reads its first file: it is one thread then, and both layers cover whatever
//! thread comes after.
//!
//! Without a privilege, for the rest of the process's life, and by itself: a kernel that knows none of it leaves the lane
//! as it was, and the parent says so.

use std::path::{Path, PathBuf};

use super::roots::Root;
use crate::lanes::confinement::{Confinement, Layer};

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod calls;
#[cfg(target_os = "linux")]
mod files;

/// The layers in force, and what they let through.
#[derive(Debug)]
pub(super) struct Confined {
    pub(super) report: Confinement,
    roots: Vec<Root>,
}

/// Shuts this process in: of all files it may read those below `readable`.
pub(super) fn confine(readable: Option<Vec<PathBuf>>) -> Confined {
    let Some(readable) = readable else {
        let off = || Layer::absent("not asked for");
        return Confined { report: Confinement { files: off(), calls: off() }, roots: Vec::new() };
    };
    let mut roots = Root::look_at(readable);
    let files = restrict_files(&mut roots);
    let calls = restrict_calls();
    let roots = if files.is_in_force() { roots } else { Vec::new() };
    Confined { report: Confinement { files, calls }, roots }
}

impl Confined {
    /// Whether the root is no longer the folder that was let through: it was mounted since.
    pub(super) fn is_stale(&self, root: &Path) -> bool {
        self.roots.iter().any(|known| known.path() == root && known.has_come_back())
    }
}

#[cfg(target_os = "linux")]
fn restrict_files(roots: &mut [Root]) -> Layer {
    files::restrict(roots)
}

#[cfg(not(target_os = "linux"))]
fn restrict_files(_: &mut [Root]) -> Layer {
    Layer::absent("Landlock is Linux's")
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
fn restrict_calls() -> Layer {
    match calls::restrict() {
        Ok(()) => Layer::Whole,
        Err(error) => Layer::absent(error),
    }
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
fn restrict_calls() -> Layer {
    Layer::absent("there is no filter of system calls for this system")
}
