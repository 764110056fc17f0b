//! Capabilities: what the superuser may do and others may not. A lane whose worker runs as root, or was given some, keeps the
//! one that lets it read files of other users, and no other.

use std::io;

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Takes from this process what it needs for nothing, for good. To have less takes no privilege.
pub(super) fn drop_all() -> io::Result<()> {
    // No program that it could start would give anything back.
    set_no_new_privs(true)?;
    leave_shared_objects();
    let held = capabilities(None)?;
    let kept = needed(held.effective);
    shrink_bounding_set(kept)?;
    // Linux 4.3 brought them.
    unless(Errno::INVAL, clear_ambient_capability_set())?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    // An ordinary user's are what they should be, and a container may refuse to set them.
    if sets != held {
        set_capabilities(None, sets)?;
    }
    Ok(())
}

/// A worker that runs as root reads the media of every user, and Landlock keeps that to the media roots. Containers often give
/// root the right to read and write alone; a lane has no call that writes.
fn needed(held: CapabilitySet) -> CapabilitySet {
    let reading = [CapabilitySet::DAC_READ_SEARCH, CapabilitySet::DAC_OVERRIDE];
    reading.into_iter().find(|capability| held.contains(*capability)).unwrap_or(CapabilitySet::empty())
}

/// What could be gained by starting a program. Only who has SETPCAP may shrink it; others have gained nothing since
/// `no_new_privs`.
fn shrink_bounding_set(kept: CapabilitySet) -> io::Result<()> {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match capability_is_in_bounding_set(capability) {
            Ok(true) if !kept.contains(capability) => {
                unless(Errno::PERM, remove_capability_from_bounding_set(capability))?;
            }
            Ok(_) => {}
            // Beyond the last one of this kernel.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A second lock on a door that seccomp has closed: objects of System V and POSIX message queues of other processes are out of
/// sight. It takes a privilege, and is left out where there is none.
fn leave_shared_objects() {
    #[expect(deprecated, reason = "the other form is unsafe because of a flag (FILES) that is not used here")]
    let _ = rustix::thread::unshare(UnshareFlags::NEWIPC);
}

fn unless(harmless: Errno, done: Result<(), Errno>) -> io::Result<()> {
    match done {
        Err(error) if error != harmless => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_capabilities_one_that_reads_is_kept() {
        let everything = CapabilitySet::from_bits_retain(!0);
        assert_eq!(needed(everything), CapabilitySet::DAC_READ_SEARCH);
        // What Docker leaves to root.
        let of_a_container = CapabilitySet::CHOWN | CapabilitySet::DAC_OVERRIDE | CapabilitySet::SETPCAP;
        assert_eq!(needed(of_a_container), CapabilitySet::DAC_OVERRIDE);
        assert_eq!(needed(CapabilitySet::SYS_NICE), CapabilitySet::empty());
    }
}
