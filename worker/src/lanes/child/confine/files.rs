//! Landlock: the media roots to read, and no other file, socket or process to reach.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope,
};

use super::super::roots::Root;
use super::Layer;

/// What the newest kernel that this list was written against knows (Linux 6.12); an older one enforces what it knows.
const KNOWN: ABI = ABI::V6;

/// To open a file and to see whether a folder is empty.
fn read() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

pub(super) fn restrict(roots: &mut [Root]) -> Layer {
    match enforce(roots) {
        Ok(RulesetStatus::FullyEnforced) => Layer::Whole,
        Ok(RulesetStatus::PartiallyEnforced) => Layer::Part,
        Ok(RulesetStatus::NotEnforced) => {
            Layer::absent("this kernel has no Landlock, or it is not switched on")
        }
        Err(error) => Layer::absent(error),
    }
}

fn enforce(roots: &mut [Root]) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    for folder in roots.iter_mut().filter_map(Root::take_folder) {
        rules = rules.add_rule(PathBeneath::new(folder, read()))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}
