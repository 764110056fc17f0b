//! seccomp: a lane may make the system calls that it needs, and no others.
//!
//! A call that is not on the list of needed calls never succeeds. What the caller sees depends on what the call tells of
//! the caller:
//!
//! - It is answered ENOSYS ("this kernel does not have it") by default. The C library tries new calls first and falls back on
//!   old ones when a kernel does not know them, so a library that is newer than this list goes on working.
//! - A file that is opened for writing is answered EACCES, as on a read-only file system.
//! - A call that no decoder has an innocent reason for ends the lane with SIGSYS, so that the job's failure names it.
//!
//! A filter sees numbers and arguments, but not the memory that an argument points to. That is why two calls are not on the
//! list although the lane would use them: `clone3` (the C library then starts threads by `clone`) and `openat2` (files are
//! then opened one folder at a time). They keep their flags in memory.

use std::collections::BTreeMap;

use libc::*;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::Layer;

mod lists;

type Condition = Result<SeccompCondition, BackendError>;
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// A kernel without filters and one that finds a fault with ours may answer alike: one that forbids nothing tells them apart.
pub(super) fn restrict() -> Layer {
    let Err(error) = apply() else { return Layer::Whole };
    let nothing = compile(Rules::new(), SeccompAction::KillProcess, SeccompAction::Allow);
    match nothing.and_then(|filter| apply_filter_all_threads(&filter)) {
        Err(Error::Seccomp(none)) if matches!(none.raw_os_error(), Some(EINVAL | ENOSYS)) => {
            Layer::absent(format_args!("this kernel has no filters of system calls: {none}"))
        }
        _ => Layer::failed(error),
    }
}

/// Applies the filters to every thread, also to one that still hangs in the opening of a media root. The kernel asks all of them
/// and takes the strictest answer. The list of needed calls comes last, because no filter can be added under it.
fn apply() -> Result<(), Error> {
    let errno = |number: c_int| SeccompAction::Errno(number.unsigned_abs());
    let filters = [
        compile(deadly()?, SeccompAction::KillProcess, SeccompAction::Allow)?,
        compile(opening_for_writing()?, errno(EACCES), SeccompAction::Allow)?,
        compile(needed()?, SeccompAction::Allow, errno(ENOSYS))?,
    ];
    filters.iter().try_for_each(|filter| apply_filter_all_threads(filter))
}

/// What is allowed: the numbers of the list whatever their arguments are, and some with conditions on their arguments.
fn needed() -> Result<Rules, BackendError> {
    let mut rules: Rules = lists::NEEDED.iter().map(|number| (*number, Vec::new())).collect();
    // The filter before this one has an answer of its own to those that write.
    let known = WRITING.into_iter().fold(OPEN_FLAGS, |flags, bit| flags | bit);
    for (number, flags_at) in OPENING {
        rules.insert(number, vec![all([none_but(flags_at, known)])?]);
    }
    for number in [SYS_mmap, SYS_mprotect] {
        rules.insert(number, vec![all([without(PROTECTION_AT, PROT_EXEC)])?]);
    }
    rules.insert(SYS_clone, vec![all([is_thread()])?]);
    let own = own_id();
    // The process that is signalled, whichever of its threads. abort(3) sends one.
    rules.insert(SYS_tgkill, vec![all([int(0, SeccompCmpOp::Eq, own)])?]);
    // The same call of another C library (musl), which names the thread alone. The first thread has the process's number.
    rules.insert(SYS_tkill, vec![all([int(0, SeccompCmpOp::Eq, own)])?]);
    rules.insert(SYS_prlimit64, vec![all([int(0, SeccompCmpOp::Eq, 0), long(2, SeccompCmpOp::Eq, 0)])?]);
    // The name of a thread.
    rules.insert(SYS_prctl, vec![all([int(0, SeccompCmpOp::Eq, PR_SET_NAME.unsigned_abs().into())])?]);
    let commands = lists::FILE_COMMANDS.map(|command| all([int(1, SeccompCmpOp::Eq, widened(command))]));
    rules.insert(SYS_fcntl, commands.into_iter().collect::<Result<_, _>>()?);
    Ok(rules)
}

/// Calls that open a file by name, and which of their arguments (from 0) has the flags.
#[cfg(target_arch = "x86_64")]
const OPENING: [(i64, u8); 2] = [(SYS_openat, 2), (SYS_open, 1)];
#[cfg(not(target_arch = "x86_64"))]
const OPENING: [(i64, u8); 1] = [(SYS_openat, 2)];

/// Ways to open a file for reading, or just to have a handle. O_LARGEFILE is 0 for some C libraries, and the kernel's own
/// number for others, which is another one for each processor.
const OPEN_FLAGS: c_int =
    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_DIRECTORY | O_PATH | O_NOATIME | LARGE_FILE;

#[cfg(target_arch = "aarch64")]
const LARGE_FILE: c_int = 0o400_000;
#[cfg(not(target_arch = "aarch64"))]
const LARGE_FILE: c_int = 0o100_000;

/// `__O_TMPFILE` of the kernel: O_TMPFILE has O_DIRECTORY in it, which is allowed.
const TEMPORARY_FILE: c_int = O_TMPFILE & !O_DIRECTORY;

/// Each bit alone, because a condition can ask whether a bit is set, not whether any of several is.
const WRITING: [c_int; 6] = [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, TEMPORARY_FILE];

fn opening_for_writing() -> Result<Rules, BackendError> {
    let mut rules = Rules::new();
    for (number, flags_at) in OPENING {
        let bits = WRITING.map(|bit| all([with(flags_at, bit)]));
        rules.insert(number, bits.into_iter().collect::<Result<_, _>>()?);
    }
    Ok(rules)
}

/// Of mmap and mprotect.
const PROTECTION_AT: u8 = 2;

/// What ends the lane.
fn deadly() -> Result<Rules, BackendError> {
    let mut rules: Rules = lists::DEADLY.iter().map(|number| (*number, Vec::new())).collect();
    // A child that is no thread is another process.
    rules.insert(SYS_clone, vec![all([without(0, CLONE_THREAD)])?]);
    let own = own_id();
    for number in [SYS_kill, SYS_tgkill, SYS_tkill] {
        rules.insert(number, vec![all([int(0, SeccompCmpOp::Ne, own)])?]);
    }
    // The limits of another process.
    rules.insert(SYS_prlimit64, vec![all([int(0, SeccompCmpOp::Ne, 0)])?]);
    // Memory to put code into.
    for number in [SYS_mmap, SYS_mprotect, SYS_pkey_mprotect] {
        rules.insert(number, vec![all([with(PROTECTION_AT, PROT_EXEC)])?]);
    }
    Ok(rules)
}

/// A rule is met when all its conditions are.
fn all<const N: usize>(conditions: [Condition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

/// A thread of this process, and nothing else: no other of clone's flags, such as a new name space. POSIX threads are made with
/// all those of SHARED; the others are the C library's book-keeping.
fn is_thread() -> Condition {
    const SHARED: c_int = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    // CLONE_DETACHED is without effect, and musl sets it.
    const BOOK_KEEPING: c_int =
        CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED;
    long(0, SeccompCmpOp::MaskedEq(!widened(BOOK_KEEPING)), widened(SHARED))
}

/// No bit is set that is not in `flags`.
fn none_but(argument: u8, flags: c_int) -> Condition {
    int(argument, SeccompCmpOp::MaskedEq((!flags).cast_unsigned().into()), 0)
}

fn without(argument: u8, bit: c_int) -> Condition {
    long(argument, SeccompCmpOp::MaskedEq(widened(bit)), 0)
}

fn with(argument: u8, bit: c_int) -> Condition {
    long(argument, SeccompCmpOp::MaskedEq(widened(bit)), widened(bit))
}

/// On an argument of which the kernel takes the lower half alone: what is in the upper half must not matter to us either.
fn int(argument: u8, operator: SeccompCmpOp, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

fn long(argument: u8, operator: SeccompCmpOp, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operator, value)
}

fn widened(bits: c_int) -> u64 {
    bits.cast_unsigned().into()
}

fn own_id() -> u64 {
    std::process::id().into()
}

fn compile(rules: Rules, met: SeccompAction, otherwise: SeccompAction) -> Result<BpfProgram, Error> {
    let target: TargetArch = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(rules, otherwise, met, target)?.try_into()?)
}
