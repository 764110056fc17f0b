//! seccomp: the system calls that no decoder has reason for.
//!
//! A list of what is forbidden, not of what is allowed: the C library's needs change with its version, and a lane that
//! dies of its own allocator after an update would be worse than what the longer list keeps off. On it stands what
//! somebody needs who has taken a decoder over: the network, other programs, other processes, and the parts of the kernel
//! with a record. Files are Landlock's.
//!
//! Such a call kills the lane instead of failing: it has no innocent cause, and its job's end then names it (SIGSYS).

use std::collections::BTreeMap;

use libc::*;
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// Forbidden whatever their arguments are.
const FORBIDDEN: [c_long; 58] = [
    // Network. A pipe needs none of it.
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    // Other programs.
    SYS_execve,
    SYS_execveat,
    // Other processes.
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_kcmp,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_rt_sigqueueinfo,
    SYS_tkill,
    // Ways around this filter, and the kernel's own attack surface.
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_memfd_create,
    SYS_fanotify_init,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_syslog,
    // Other name spaces and file systems.
    SYS_unshare,
    SYS_setns,
    SYS_chroot,
    SYS_pivot_root,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    // The machine.
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_clock_settime,
    SYS_personality,
];

/// Calls of the x32 interface, where it is compiled in, have this bit in their number and pass by a list without it.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// What x32 has under numbers of its own: execve, ptrace, kexec_load, execveat, sendmsg, sendmmsg, and the two calls on
/// another process's memory.
#[cfg(target_arch = "x86_64")]
const X32_OWN: [i64; 8] = [520, 521, 528, 545, 518, 538, 539, 540];

pub(super) fn restrict() -> Result<(), Error> {
    // First what answers "not there", because the kernel keeps a kill over it whichever came first.
    apply_filter(&absent()?)?;
    apply_filter(&deadly()?)
}

/// clone3 keeps its flags in memory, where a filter cannot look. The C library then starts threads by clone.
fn absent() -> Result<BpfProgram, Error> {
    compile(BTreeMap::from([(SYS_clone3, Vec::new())]), SeccompAction::Errno(ENOSYS.unsigned_abs()))
}

fn deadly() -> Result<BpfProgram, Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FORBIDDEN.iter().map(|number| (*number, Vec::new())).collect();
    // A child that is no thread is another process.
    let thread = SeccompCmpOp::MaskedEq(CLONE_THREAD.unsigned_abs().into());
    rules.insert(SYS_clone, vec![when(thread, 0)?]);
    // Signals to itself alone: abort(3) sends one.
    let own = std::process::id().into();
    for number in [SYS_kill, SYS_tgkill, SYS_rt_tgsigqueueinfo] {
        rules.insert(number, vec![when(SeccompCmpOp::Ne, own)?]);
    }
    #[cfg(target_arch = "x86_64")]
    {
        rules.extend([SYS_fork, SYS_vfork].map(|number| (number, Vec::new())));
        let numbers: Vec<i64> = rules.keys().copied().collect();
        rules.extend(numbers.into_iter().chain(X32_OWN).map(|number| (number | X32, Vec::new())));
    }
    compile(rules, SeccompAction::KillProcess)
}

/// A condition on the first argument, an int.
fn when(operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, Error> {
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, operator, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) -> Result<BpfProgram, Error> {
    let target: TargetArch = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, action, target)?.try_into()?)
}
