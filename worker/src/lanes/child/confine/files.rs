//! Landlock: the media roots to read, and no other file, socket or process to reach.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, RestrictSelfAttr,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::super::roots::Root;
use super::Layer;

/// Everything that Landlock knew when this was written (Linux 7.2). An older kernel enforces what it knows.
const KNOWN: ABI = ABI::V10;

/// From here on (Linux 6.12) a kernel enforces all that matters to a lane: files, devices, TCP, signals to other processes and
/// abstract sockets. What came later is about sockets of other kinds, and seccomp lets a lane have no socket at all.
const WHOLE: ABI = ABI::V6;

/// To open a file and to see whether a folder is empty.
fn read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// Lets the roots through that are there, and returns all of them.
pub(super) fn restrict(readable: Vec<PathBuf>) -> (Layer, Vec<Root>) {
    match enforce(readable) {
        Ok((status, roots)) => (layer(&status), roots),
        Err(error) => (Layer::failed(error), Vec::new()),
    }
}

fn layer(status: &RestrictionStatus) -> Layer {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => {
            Layer::absent("this kernel has no Landlock, or it is not switched on")
        }
        (_, LandlockStatus::Available { effective_abi, .. }) if effective_abi >= WHOLE => Layer::Whole,
        _ => Layer::Part,
    }
}

#[derive(Debug, thiserror::Error)]
enum EnforceError {
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
    #[error("the media roots cannot be opened: {0}")]
    Open(#[from] std::io::Error),
}

/// Each root is let through as it is found, and its handle closed: thousands of roots take no more descriptors than one.
fn enforce(readable: Vec<PathBuf>) -> Result<(RestrictionStatus, Vec<Root>), EnforceError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    let roots = Root::open_all(readable, |folder| {
        (&mut rules).add_rule(PathBeneath::new(folder, read()))?;
        Ok::<_, EnforceError>(())
    })?;
    // A thread that still hangs in the opening of a root is confined, too, from Linux 7.0 on; on older kernels seccomp alone
    // holds it.
    let rules = rules.all_threads(true).map_err(RulesetError::from)?;
    Ok((rules.restrict_self()?, roots))
}
