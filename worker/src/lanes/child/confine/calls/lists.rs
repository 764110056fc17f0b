//! The system calls of a lane, and those that end it.
//!
//! NEEDED was measured: every sample, every damaged file of the tests and some 300 other files were analysed under `strace`, without
//! this list to see what is called, and with it to see what is refused (`clone3` and `openat2`, and nothing else). Mutated
//! files, 1,500 of them, ended alike with and without it. What no such run sees was added with its reason.
//!
//! A library that comes to need another call shows in a job's detail, as "Function not implemented" or SIGSYS.
//! `LANE_CONFINEMENT=off strace -f worker analyze FILE` then tells the call. It is added here and in `tests/lanes/calls.rs`, with
//! the least of its arguments that will do.

use libc::*;

/// fcntl's commands: what a handle is, and another handle of the same file. Not those that send signals, lock, or change a pipe.
pub(super) const FILE_COMMANDS: [c_int; 4] = [F_GETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC];

/// Allowed whatever their arguments are.
pub(super) const NEEDED: &[c_long] = &[
    // Files are found and read. Whether they may be read is Landlock's to say.
    SYS_close,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fadvise64,
    SYS_fstat,
    SYS_fstatfs,
    // A root that `worker analyze` was given relative to the current folder.
    SYS_getcwd,
    SYS_getdents64,
    SYS_lseek,
    SYS_newfstatat,
    SYS_pread64,
    SYS_preadv2,
    SYS_read,
    SYS_readlinkat,
    SYS_statx,
    // Answers go through a pipe, and last words through another. No other handle can be written to.
    SYS_write,
    SYS_writev,
    // The allocator. Code cannot be mapped: mmap and mprotect have conditions.
    SYS_brk,
    SYS_madvise,
    SYS_mremap,
    SYS_munmap,
    // Threads start, wait and end.
    SYS_exit,
    SYS_exit_group,
    SYS_futex,
    SYS_getpid,
    SYS_gettid,
    SYS_rseq,
    SYS_sched_getaffinity,
    SYS_sched_yield,
    SYS_set_robust_list,
    // A panic, an abort and a stack overflow are told apart by their signals.
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    // The pipe of the parent is watched for its end. The kernel itself makes the second one after a SIGCONT, when what was
    // stopped had been waiting with a limit.
    SYS_ppoll,
    SYS_restart_syscall,
    // The clock, where the kernel does not offer it without a call (some virtual machines), and sleeping.
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    // Hash maps are seeded.
    SYS_getrandom,
    // Older forms of the above, which this processor has besides. The standard library waits in pause when two threads end
    // the process at once.
    #[cfg(target_arch = "x86_64")]
    SYS_access,
    #[cfg(target_arch = "x86_64")]
    SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    SYS_pause,
    #[cfg(target_arch = "x86_64")]
    SYS_poll,
    #[cfg(target_arch = "x86_64")]
    SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    SYS_stat,
];

/// They end the lane. None of them is needed, so this list protects nothing that the other does not protect as well: it makes
/// an attack end at its first step, and its end have a name.
pub(super) const DEADLY: &[c_long] = &[
    // Network. A pipe needs none of it.
    SYS_accept,
    SYS_accept4,
    SYS_bind,
    SYS_connect,
    SYS_listen,
    SYS_sendmmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_socket,
    SYS_socketpair,
    // Other programs.
    SYS_execve,
    SYS_execveat,
    // Other processes.
    SYS_ioprio_set,
    SYS_kcmp,
    SYS_migrate_pages,
    SYS_move_pages,
    SYS_pidfd_getfd,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_process_madvise,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_sched_setaffinity,
    SYS_sched_setattr,
    SYS_sched_setparam,
    SYS_sched_setscheduler,
    SYS_setpgid,
    SYS_setpriority,
    SYS_setsid,
    // Objects that processes share, and that outlive the one that made them.
    SYS_mq_open,
    SYS_mq_unlink,
    SYS_msgctl,
    SYS_msgget,
    SYS_msgrcv,
    SYS_msgsnd,
    SYS_semctl,
    SYS_semget,
    SYS_semop,
    SYS_semtimedop,
    SYS_shmat,
    SYS_shmctl,
    SYS_shmget,
    // Changes to files. Landlock knows nothing of owners, modes, times and attributes.
    SYS_copy_file_range,
    SYS_fallocate,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_fremovexattr,
    SYS_fsetxattr,
    SYS_ftruncate,
    SYS_linkat,
    SYS_lremovexattr,
    SYS_lsetxattr,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_removexattr,
    SYS_renameat2,
    SYS_setxattr,
    SYS_symlinkat,
    SYS_truncate,
    SYS_unlinkat,
    SYS_utimensat,
    FCHMODAT2,
    SETXATTRAT,
    REMOVEXATTRAT,
    FILE_SETATTR,
    // Users and privileges.
    SYS_capset,
    SYS_personality,
    SYS_setfsgid,
    SYS_setfsuid,
    SYS_setgid,
    SYS_setgroups,
    SYS_setregid,
    SYS_setresgid,
    SYS_setresuid,
    SYS_setreuid,
    SYS_setuid,
    // Ways around this filter, and the kernel's own attack surface.
    SYS_add_key,
    SYS_bpf,
    SYS_delete_module,
    SYS_fanotify_init,
    SYS_finit_module,
    SYS_init_module,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_io_uring_setup,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_memfd_create,
    SYS_perf_event_open,
    SYS_request_key,
    SYS_syslog,
    SYS_userfaultfd,
    // Other name spaces and file systems.
    SYS_chroot,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_pivot_root,
    SYS_setns,
    SYS_umount2,
    SYS_unshare,
    // The machine.
    SYS_acct,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_clock_settime,
    SYS_quotactl,
    SYS_reboot,
    SYS_setdomainname,
    SYS_sethostname,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    SYS_chown,
    #[cfg(target_arch = "x86_64")]
    SYS_creat,
    #[cfg(target_arch = "x86_64")]
    SYS_fork,
    #[cfg(target_arch = "x86_64")]
    SYS_futimesat,
    #[cfg(target_arch = "x86_64")]
    SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    SYS_link,
    #[cfg(target_arch = "x86_64")]
    SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    SYS_rename,
    #[cfg(target_arch = "x86_64")]
    SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    SYS_utime,
    #[cfg(target_arch = "x86_64")]
    SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    SYS_vfork,
];

// Newer than the libc crate knows for every processor. Since number 424 they are the same for all.
const FCHMODAT2: c_long = 452;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const FILE_SETATTR: c_long = 469;
