//! What a lane takes from itself before it reads its first file: it is one thread then, and what it takes is also taken from
//! every thread that comes after.
//!
//! It needs no privilege for that, and it holds for the rest of the process's life. What a kernel does not offer is reported;
//! whether the lane may run without it is a setting (`LANE_CONFINEMENT`).

use std::path::{Path, PathBuf};

use shared::settings::LaneConfinement;

use super::roots::Root;
use crate::lanes::confinement::{Confinement, Layer};

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod privileges;

/// The layers in force, and what they let through.
#[derive(Debug)]
pub(super) struct Confined {
    pub(super) report: Confinement,
    roots: Vec<Root>,
}

/// Shuts this process in: of all files it may read those below `readable`. `between` runs when files are shut off and system
/// calls are not: for limits that Landlock must not be under, and that cannot be set any more under seccomp.
///
/// # Errors
/// A layer that the setting asks for is not in force; the text names the cause and the remedy.
pub(super) fn confine(
    wanted: LaneConfinement,
    readable: Option<Vec<PathBuf>>,
    between: impl FnOnce() -> Result<(), String>,
) -> Result<Confined, String> {
    let readable = match (readable, wanted) {
        (None, _) => Err("not asked for"),
        (Some(_), LaneConfinement::Off) => Err("LANE_CONFINEMENT is off"),
        (Some(readable), _) => Ok(readable),
    };
    let readable = match readable {
        Ok(readable) => readable,
        Err(reason) => {
            between()?;
            let off = || Layer::absent(reason);
            return Ok(Confined { report: Confinement { files: off(), calls: off() }, roots: Vec::new() });
        }
    };
    let (files, roots) = restrict_files(readable);
    demand(wanted, "Landlock", &files)?;
    between()?;
    match drop_privileges() {
        Err(error) if wanted != LaneConfinement::Optional => return Err(error),
        _ => {}
    }
    let calls = restrict_calls();
    demand(wanted, "seccomp", &calls)?;
    let roots = if files.is_in_force() { roots } else { Vec::new() };
    Ok(Confined { report: Confinement { files, calls }, roots })
}

/// Whether the lane may run as it is.
fn demand(wanted: LaneConfinement, name: &str, layer: &Layer) -> Result<(), String> {
    match (wanted, layer) {
        (LaneConfinement::Available | LaneConfinement::Required, Layer::Failed { reason }) => Err(format!(
            "it cannot be confined by {name}, which this kernel has: {reason}; remove the cause, or set \
             LANE_CONFINEMENT=optional to run lanes that are not confined in every way"
        )),
        (LaneConfinement::Required, Layer::Absent { reason }) => Err(format!(
            "LANE_CONFINEMENT is required, and there is no {name}: {reason}; use a kernel that has it, or set \
             LANE_CONFINEMENT=available"
        )),
        _ => Ok(()),
    }
}

impl Confined {
    /// Whether the root is no longer the folder that was let through: it was mounted since.
    pub(super) fn is_stale(&self, root: &Path) -> bool {
        self.roots.iter().any(|known| known.path() == root && known.has_come_back())
    }
}

#[cfg(target_os = "linux")]
fn restrict_files(readable: Vec<PathBuf>) -> (Layer, Vec<Root>) {
    files::restrict(readable)
}

#[cfg(not(target_os = "linux"))]
fn restrict_files(_: Vec<PathBuf>) -> (Layer, Vec<Root>) {
    (Layer::absent("Landlock is Linux's"), Vec::new())
}

#[cfg(target_os = "linux")]
fn drop_privileges() -> Result<(), String> {
    privileges::drop_all().map_err(|error| {
        format!(
            "it cannot drop its privileges: {error}; run the worker as a user without any, or set LANE_CONFINEMENT=optional to \
             run lanes that keep them"
        )
    })
}

#[cfg(not(target_os = "linux"))]
fn drop_privileges() -> Result<(), String> {
    Ok(())
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
fn restrict_calls() -> Layer {
    calls::restrict()
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
)))]
fn restrict_calls() -> Layer {
    Layer::absent("there is no filter of system calls for this system")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_says_what_a_lane_may_run_without() {
        use LaneConfinement::{Available, Off, Optional, Required};
        let layers = [Layer::Whole, Layer::Part, Layer::absent("too old"), Layer::failed("no descriptor")];
        let runs = |wanted| layers.each_ref().map(|layer| demand(wanted, "Landlock", layer).is_ok());
        assert_eq!(runs(Required), [true, true, false, false]);
        assert_eq!(runs(Available), [true, true, true, false]);
        assert_eq!(runs(Optional), [true; 4]);
        assert_eq!(runs(Off), [true; 4]);
    }

    #[test]
    fn a_refusal_names_the_cause_and_the_remedy() {
        let failed =
            demand(LaneConfinement::Available, "Landlock", &Layer::failed("no descriptor")).unwrap_err();
        assert!(failed.contains("no descriptor") && failed.contains("LANE_CONFINEMENT=optional"), "{failed}");
        let absent = demand(LaneConfinement::Required, "seccomp", &Layer::absent("too old")).unwrap_err();
        assert!(absent.contains("too old") && absent.contains("LANE_CONFINEMENT=available"), "{absent}");
    }
}
