//! What a decoder that was taken over may try against the kernel: every system call by its number, and attacks with real
//! arguments. This part runs inside the lane; `calls.rs` judges what comes of it.

use std::ffi::CString;
use std::hint::black_box;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::*;
use raw_calls::call;

/// The bit that the numbers of the x32 interface have, and more numbers than it has.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_NUMBERS: std::ops::Range<i64> = 0..600;

/// System V's objects have a key; this one is ours.
pub const KEY: usize = 0x6c61_6e65;

/// What an attack aims at.
pub struct Scene {
    /// A file that the lane may read.
    inside: CString,
    /// A file of the same user that it may not.
    outside: CString,
    /// A name beside it that nobody has yet.
    fresh: CString,
    /// The folder of both.
    folder: CString,
    /// The process that started the lane.
    parent: usize,
}

impl Scene {
    /// `root` is a media root; `outside` is beside it.
    pub fn new(root: &Path, parent: usize) -> io::Result<Self> {
        let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other);
        let outside = root.with_file_name("outside");
        Ok(Self {
            inside: text(&root.join("inside.wav"))?,
            outside: text(&outside.join("secret"))?,
            fresh: text(&outside.join("fresh"))?,
            folder: text(&outside)?,
            parent,
        })
    }
}

/// The address of something that lives as long as the call.
fn at<T: ?Sized>(thing: &T) -> usize {
    std::ptr::from_ref(thing).cast::<u8>().expose_provenance()
}

fn name(text: &CString) -> usize {
    text.as_ptr().expose_provenance()
}

/// An int as a register holds it.
const fn int(value: c_int) -> usize {
    value as usize
}

fn made<const N: usize>(number: c_long, arguments: [usize; N]) -> io::Result<i64> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    call(number, all)
}

/// A call of this number, all arguments 0.
pub fn by_number(number: i64) -> io::Result<i64> {
    call(number, [0; 6])
}

/// Every call of the x32 interface; the first that was not refused is the answer.
#[cfg(target_arch = "x86_64")]
pub fn x32() -> io::Result<i64> {
    for number in X32_NUMBERS {
        match by_number(number | X32) {
            Err(error) if error.raw_os_error() == Some(ENOSYS) => {}
            other => return Err(io::Error::other(format!("x32 call {number}: {other:?}"))),
        }
    }
    Err(io::Error::from_raw_os_error(ENOSYS))
}

type Attack = fn(&Scene) -> io::Result<i64>;

const HERE: usize = int(AT_FDCWD);
const TERM: usize = int(SIGTERM);
/// Asks whether a signal could be sent, and sends none: what reaches too far does no harm.
const NO_SIGNAL: usize = 0;
const WRITE_NEW: c_int = O_WRONLY | O_CREAT;

/// Each is tried alone.
pub const ATTACKS: &[(&str, Attack)] = &[
    // Files of the same user, inside the media roots and outside.
    ("mode-inside", |it| made(SYS_fchmodat, [HERE, name(&it.inside), 0o777])),
    ("mode-outside", |it| made(SYS_fchmodat, [HERE, name(&it.outside), 0o777])),
    ("mode-by-the-new-call", |it| made(452, [HERE, name(&it.outside), 0o777, 0])),
    ("mode-by-handle", |it| made(SYS_fchmod, [opened(&it.inside)?, 0o777])),
    ("owner-inside", |it| made(SYS_fchownat, [HERE, name(&it.inside), 12345, 12345, 0])),
    ("owner-outside", |it| made(SYS_fchownat, [HERE, name(&it.outside), 12345, 12345, 0])),
    ("owner-by-handle", |it| made(SYS_fchown, [opened(&it.inside)?, 12345, 12345])),
    ("times-inside", |it| made(SYS_utimensat, [HERE, name(&it.inside), 0, 0])),
    ("times-outside", |it| made(SYS_utimensat, [HERE, name(&it.outside), 0, 0])),
    ("attribute-inside", |it| made(SYS_setxattr, [name(&it.inside), at(c"user.x"), at("v"), 1, 0])),
    ("attribute-outside", |it| made(SYS_setxattr, [name(&it.outside), at(c"user.x"), at("v"), 1, 0])),
    ("attribute-by-handle", |it| made(SYS_fsetxattr, [opened(&it.inside)?, at(c"user.x"), at("v"), 1, 0])),
    ("truncate-inside", |it| made(SYS_truncate, [name(&it.inside), 0])),
    ("truncate-outside", |it| made(SYS_truncate, [name(&it.outside), 0])),
    ("remove-inside", |it| made(SYS_unlinkat, [HERE, name(&it.inside), 0])),
    ("remove-outside", |it| made(SYS_unlinkat, [HERE, name(&it.outside), 0])),
    ("rename", |it| made(SYS_renameat2, [HERE, name(&it.outside), HERE, name(&it.fresh), 0])),
    ("folder", |it| made(SYS_mkdirat, [HERE, name(&it.fresh), 0o777])),
    ("link", |it| made(SYS_linkat, [HERE, name(&it.outside), HERE, name(&it.fresh), 0])),
    ("symbolic-link", |it| made(SYS_symlinkat, [name(&it.outside), HERE, name(&it.fresh)])),
    ("fifo", |it| made(SYS_mknodat, [HERE, name(&it.fresh), (S_IFIFO | 0o777) as usize, 0])),
    ("write-inside", |it| made(SYS_openat, [HERE, name(&it.inside), int(O_WRONLY)])),
    ("write-outside", |it| made(SYS_openat, [HERE, name(&it.outside), int(O_RDWR)])),
    ("create", |it| made(SYS_openat, [HERE, name(&it.fresh), int(WRITE_NEW), 0o666])),
    ("create-to-read", |it| made(SYS_openat, [HERE, name(&it.fresh), int(O_RDONLY | O_CREAT), 0o666])),
    ("empty", |it| made(SYS_openat, [HERE, name(&it.inside), int(O_RDONLY | O_TRUNC)])),
    ("append", |it| made(SYS_openat, [HERE, name(&it.inside), int(O_WRONLY | O_APPEND)])),
    ("temporary-file", |it| made(SYS_openat, [HERE, name(&it.folder), int(O_TMPFILE | O_RDWR), 0o666])),
    ("signal-on-input", |it| made(SYS_openat, [HERE, name(&it.inside), int(O_RDONLY | O_ASYNC)])),
    ("create-by-the-new-call", |it| {
        let how = [int(WRITE_NEW) as u64, 0o666, 0];
        made(SYS_openat2, [HERE, name(&it.fresh), at(&how), size_of_val(&how)])
    }),
    ("read-outside", |it| made(SYS_openat, [HERE, name(&it.outside), int(O_RDONLY)])),
    ("handle-of-a-file", |it| {
        made(SYS_name_to_handle_at, [HERE, name(&it.inside), at(&[0_u8; 256]), at(&0_i32), 0])
    }),
    ("file-by-handle", |_| made(SYS_open_by_handle_at, [HERE, at(&[0_u8; 256]), 0])),
    // The worker, and any other process of the same user.
    ("descriptors-of-the-worker", |it| {
        made(SYS_prlimit64, [it.parent, RLIMIT_NOFILE as usize, at(&[0_u64; 2]), 0])
    }),
    ("time-of-the-worker", |it| made(SYS_prlimit64, [it.parent, RLIMIT_CPU as usize, at(&[0_u64; 2]), 0])),
    ("limits-of-the-worker", |it| {
        made(SYS_prlimit64, [it.parent, RLIMIT_NOFILE as usize, 0, at(&black_box([0_u64; 2]))])
    }),
    ("own-limits", |_| made(SYS_prlimit64, [0, RLIMIT_NOFILE as usize, at(&[8_u64; 2]), 0])),
    ("priority-of-the-worker", |it| made(SYS_setpriority, [0, it.parent, 19])),
    ("disk-priority-of-the-worker", |it| made(SYS_ioprio_set, [1, it.parent, 0x6000])),
    ("processors-of-the-worker", |it| made(SYS_sched_setaffinity, [it.parent, 8, at(&[1_u64])])),
    ("scheduler-of-the-worker", |it| made(SYS_sched_setscheduler, [it.parent, int(SCHED_IDLE), at(&0_i32)])),
    ("memory-of-the-worker", |it| made(SYS_migrate_pages, [it.parent, 1, 0, 0])),
    ("kill-the-worker", |it| made(SYS_kill, [it.parent, TERM])),
    ("kill-its-group", |_| made(SYS_kill, [0, NO_SIGNAL])),
    ("kill-everybody", |_| made(SYS_kill, [int(-1), NO_SIGNAL])),
    ("kill-a-thread-of-the-worker", |it| made(SYS_tgkill, [it.parent, it.parent, TERM])),
    ("kill-the-worker-as-a-thread", |it| made(SYS_tkill, [it.parent, TERM])),
    ("kill-with-the-upper-half", |it| made(SYS_tgkill, [it.parent | 1 << 32, it.parent, TERM])),
    ("kill-with-data", |it| made(SYS_rt_sigqueueinfo, [it.parent, TERM, at(&[0_u64; 16])])),
    ("handle-of-the-worker", |it| made(SYS_pidfd_open, [it.parent, 0])),
    ("trace-the-worker", |it| made(SYS_ptrace, [int(16), it.parent, 0, 0])),
    ("read-the-worker", |it| made(SYS_process_vm_readv, [it.parent, 0, 0, 0, 0, 0])),
    ("own-group", |_| made(SYS_setpgid, [0, 0])),
    ("own-session", |_| made(SYS_setsid, [])),
    // Objects that outlive the lane.
    ("shared-memory", |_| made(SYS_shmget, [KEY, 4096, int(IPC_CREAT | 0o777)])),
    ("message-queue", |_| made(SYS_msgget, [KEY, int(IPC_CREAT | 0o777)])),
    ("semaphores", |_| made(SYS_semget, [KEY, 1, int(IPC_CREAT | 0o777)])),
    ("posix-message-queue", |_| made(SYS_mq_open, [at(c"lane"), int(O_CREAT | O_RDWR), 0o777, 0])),
    ("memory-file", |_| made(SYS_memfd_create, [at(c"lane"), 0])),
    ("key", |_| made(SYS_add_key, [at(c"user"), at(c"lane"), at("v"), 1, int(-3)])),
    // The network.
    ("socket", |_| made(SYS_socket, [int(AF_INET), int(SOCK_STREAM), 0])),
    ("socket-of-unix", |_| made(SYS_socket, [int(AF_UNIX), int(SOCK_STREAM), 0])),
    ("pair-of-sockets", |_| made(SYS_socketpair, [int(AF_UNIX), int(SOCK_STREAM), 0, at(&[0_i32; 2])])),
    // Other processes and programs.
    ("child", |_| made(SYS_clone, [int(SIGCHLD)])),
    ("thread-in-a-name-space", |_| made(SYS_clone, [int(THREAD | CLONE_NEWNET)])),
    ("child-with-our-memory", |_| made(SYS_clone, [int(CLONE_VM | SIGCHLD)])),
    ("child-by-the-new-call", |_| made(SYS_clone3, [at(&[0_u64; 11]), 88])),
    ("program", |_| made(SYS_execve, [at(c"/bin/true"), 0, 0])),
    ("program-by-handle", |_| made(SYS_execveat, [HERE, at(c"/bin/true"), 0, 0, 0])),
    // Code.
    ("memory-for-code", |_| made(SYS_mmap, [0, 4096, int(PROT_READ | PROT_EXEC), ANONYMOUS, int(-1), 0])),
    ("file-as-code", |it| {
        let file = opened(&it.inside)?;
        made(SYS_mmap, [0, 4096, int(PROT_READ | PROT_EXEC), int(MAP_PRIVATE), file, 0])
    }),
    ("data-as-code", |_| {
        let page = made(SYS_mmap, [0, 4096, int(PROT_READ | PROT_WRITE), ANONYMOUS, int(-1), 0])?;
        made(SYS_mprotect, [page as usize, 4096, int(PROT_READ | PROT_EXEC)])
    }),
    ("data-as-code-with-a-key", |_| made(SYS_pkey_mprotect, [0, 4096, int(PROT_EXEC), int(-1)])),
    // The kernel's own features.
    ("io-uring", |_| made(SYS_io_uring_setup, [1, at(&[0_u64; 16])])),
    ("bpf", |_| made(SYS_bpf, [0, at(&[0_u64; 16]), 128])),
    ("performance-counters", |_| made(SYS_perf_event_open, [at(&[0_u64; 16]), 0, int(-1), int(-1), 0])),
    ("page-faults", |_| made(SYS_userfaultfd, [1])),
    ("another-filter", |_| made(SYS_seccomp, [0, 0, 0])),
    ("another-domain", |_| made(SYS_landlock_create_ruleset, [0, 0, 1])),
    ("watch-files", |_| made(SYS_inotify_init1, [0])),
    ("lock-memory", |_| made(SYS_mlockall, [1])),
    ("write-everything-back", |_| made(SYS_sync, [])),
    // Calls that are allowed with other arguments.
    ("control-of-a-device", |_| made(SYS_ioctl, [0, 0x541b, at(&0_i32)])),
    ("signals-to-the-worker", |it| made(SYS_fcntl, [0, int(F_SETOWN), it.parent])),
    ("signals-on-input", |_| made(SYS_fcntl, [0, int(F_SETFL), int(O_ASYNC)])),
    ("size-of-a-pipe", |_| made(SYS_fcntl, [1, int(F_SETPIPE_SZ), 4096])),
    ("lease", |it| made(SYS_fcntl, [opened(&it.inside)?, int(F_SETLEASE), int(F_RDLCK)])),
    ("outlive-the-worker", |_| made(SYS_prctl, [int(PR_SET_PDEATHSIG), 0])),
    ("be-traced", |it| made(SYS_prctl, [int(PR_SET_PTRACER), it.parent])),
    ("leave-a-core", |_| made(SYS_prctl, [int(PR_SET_DUMPABLE), 1])),
    // Privileges, name spaces and the machine.
    ("user", |_| made(SYS_setuid, [65534])),
    ("capabilities", |_| made(SYS_capset, [at(&[0x2008_0522_u32, 0]), at(&[!0_u32; 6])])),
    ("personality", |_| made(SYS_personality, [0x0040_0000])),
    ("name-space", |_| made(SYS_unshare, [int(CLONE_NEWUSER)])),
    ("enter-a-name-space", |_| made(SYS_setns, [0, 0])),
    ("mount", |it| made(SYS_mount, [at(c"none"), name(&it.folder), at(c"tmpfs"), 0, 0])),
    ("change-the-root", |_| made(SYS_chroot, [at(c"/")])),
    ("host-name", |_| made(SYS_sethostname, [at("lane"), 4])),
    ("clock", |_| made(SYS_clock_adjtime, [0, at(&[0_u64; 32])])),
    ("kernel-log", |_| made(SYS_syslog, [10, 0, 0])),
    ("quotas", |_| made(SYS_quotactl, [0, 0, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    ("mode-by-the-old-call", |it| made(SYS_chmod, [name(&it.outside), 0o777])),
    #[cfg(target_arch = "x86_64")]
    ("owner-by-the-old-call", |it| made(SYS_chown, [name(&it.outside), 12345, 12345])),
    #[cfg(target_arch = "x86_64")]
    ("write-by-the-old-call", |it| made(SYS_open, [name(&it.inside), int(O_WRONLY)])),
    #[cfg(target_arch = "x86_64")]
    ("create-by-the-old-call", |it| made(SYS_creat, [name(&it.fresh), 0o666])),
    #[cfg(target_arch = "x86_64")]
    ("fork", |_| made(SYS_fork, [])),
    #[cfg(target_arch = "x86_64")]
    ("ports", |_| made(SYS_iopl, [3])),
    #[cfg(target_arch = "x86_64")]
    ("x32", |_| x32()),
    #[cfg(target_arch = "x86_64")]
    ("door-of-32-bits", |_| Ok(raw_calls::call_of_32_bits(20).into())),
];

const ANONYMOUS: usize = int(MAP_PRIVATE | MAP_ANONYMOUS);
const THREAD: c_int = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

/// A handle as the lane may have one.
fn opened(file: &CString) -> io::Result<usize> {
    made(SYS_openat, [HERE, name(file), int(O_RDONLY | O_CLOEXEC)]).map(|handle| handle as usize)
}
