//! A confined lane against the kernel: what it is not meant to call never succeeds.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use libc::*;
use rustix::process::{Resource, getpriority_process, getrlimit};
use shared::outcome::FailureKind;
use worker::lanes::{Lanes, RequestError};

use crate::attacks::{ATTACKS, KEY};
use crate::confinement::confined;
use crate::support::{acquire, below, settings};

/// Every call that a lane may make with some arguments or all. It stands here a second time on purpose: whoever adds a call to
/// the filter has to say so here as well.
const ALLOWED: &[c_long] = &[
    SYS_brk,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_clone,
    SYS_close,
    SYS_exit,
    SYS_exit_group,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fadvise64,
    SYS_fcntl,
    SYS_fstat,
    SYS_fstatfs,
    SYS_futex,
    SYS_getcwd,
    SYS_getdents64,
    SYS_getpid,
    SYS_getrandom,
    SYS_gettid,
    SYS_lseek,
    SYS_madvise,
    SYS_mmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_munmap,
    SYS_nanosleep,
    SYS_newfstatat,
    SYS_openat,
    SYS_ppoll,
    SYS_prctl,
    SYS_pread64,
    SYS_preadv2,
    SYS_prlimit64,
    SYS_read,
    SYS_readlinkat,
    SYS_restart_syscall,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_getaffinity,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_sigaltstack,
    SYS_statx,
    SYS_tgkill,
    SYS_tkill,
    SYS_write,
    SYS_writev,
    #[cfg(target_arch = "x86_64")]
    SYS_access,
    #[cfg(target_arch = "x86_64")]
    SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    SYS_open,
    #[cfg(target_arch = "x86_64")]
    SYS_pause,
    #[cfg(target_arch = "x86_64")]
    SYS_poll,
    #[cfg(target_arch = "x86_64")]
    SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    SYS_stat,
];

/// More than any kernel has: a call that comes with a later one is refused as well.
const NUMBERS: c_long = 520;

/// A probe of the kernel's own (uretprobe and uprobe, since 6.11) returns by these, and no filter is asked about them. Of anybody
/// else the kernel takes them for a fault: SIGILL, or ENXIO.
#[cfg(target_arch = "x86_64")]
const OF_PROBES: [c_long; 2] = [335, 336];
#[cfg(not(target_arch = "x86_64"))]
const OF_PROBES: [c_long; 0] = [];

/// What came of a call.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The kernel made it. What it then said does not matter.
    Made(String),
    /// The lane goes on, and was told that there is no such call, or that it may not.
    Refused,
    /// The lane was killed for it.
    Deadly,
}

/// A media root with a file, and a folder beside it with another.
struct Folders {
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl Folders {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("root");
        for name in ["root/inside.wav", "outside/secret"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().context("below")?)?;
            fs::write(path, "what is in it")?;
        }
        Ok(Self { folder, root })
    }

    /// All that an attack could change about them, the time of the last change of anything included.
    fn state(&self) -> anyhow::Result<Vec<String>> {
        let mut state = Vec::new();
        for folder in [self.root.clone(), self.folder.path().join("outside")] {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let it = fs::symlink_metadata(&path)?;
                let changed = (it.ctime(), it.ctime_nsec(), it.mtime(), it.mtime_nsec());
                let text = fs::read_to_string(&path)?;
                let facts = (it.mode(), it.uid(), it.gid(), it.nlink(), changed, text);
                state.push(format!("{}: {facts:?}", path.display()));
            }
        }
        Ok(state)
    }
}

/// The state of this process, which is the lane's parent.
fn own_state() -> anyhow::Result<String> {
    let limits = [Resource::Nofile, Resource::Cpu, Resource::Data].map(getrlimit);
    let affinity = rustix::thread::sched_getaffinity(None)?;
    let scheduler = fs::read_to_string("/proc/self/stat")?;
    let policy = scheduler.rsplit(' ').nth(11).map(str::to_owned);
    Ok(format!("{limits:?} {:?} {affinity:?} {policy:?}", getpriority_process(None)?))
}

async fn attempt(lanes: &Lanes, root: &Path, name: &str) -> anyhow::Result<Outcome> {
    let end = acquire(lanes).await?.identify(&below(root, name)).await;
    let Err(RequestError::Failed(failure)) = end else { anyhow::bail!("{name}: no failure: {end:?}") };
    Ok(match failure.kind {
        FailureKind::Crash if failure.detail.contains("SIGSYS") => Outcome::Deadly,
        FailureKind::Denied => Outcome::Refused,
        // A kernel without this door.
        FailureKind::Crash if name.contains("door-of-32-bits") && failure.detail.contains("SIGSEGV") => {
            Outcome::Refused
        }
        _ => Outcome::Made(failure.to_string()),
    })
}

pub async fn no_call_but_those_it_needs_succeeds() -> anyhow::Result<()> {
    let folders = Folders::new()?;
    let Some(lanes) = confined(&[&folders.root], None).await? else { return Ok(()) };
    let (mut refused, mut deadly) = (0, 0);
    for number in (0..NUMBERS).filter(|number| !ALLOWED.contains(number)) {
        match attempt(&lanes, &folders.root, &format!("call-{number}.wav")).await? {
            Outcome::Refused => refused += 1,
            Outcome::Deadly => deadly += 1,
            Outcome::Made(fault) if OF_PROBES.contains(&number) => {
                ensure!(fault.contains("SIGILL") || fault.contains("code: 6,"), "call {number}: {fault}");
            }
            Outcome::Made(what) => anyhow::bail!("call {number} was made: {what}"),
        }
    }
    // Each of both kinds: neither a filter that kills for everything nor one that kills for nothing would do.
    ensure!(refused > 100 && deadly > 100, "{refused} refused, {deadly} deadly");
    lanes.stop(false).await;
    Ok(())
}

pub async fn no_attack_changes_anything() -> anyhow::Result<()> {
    let folders = Folders::new()?;
    let Some(lanes) = confined(&[&folders.root], None).await? else { return Ok(()) };
    let before = (folders.state()?, own_state()?);
    let (own, mut made) = (std::process::id(), Vec::new());
    for (name, _) in ATTACKS {
        if let Outcome::Made(what) =
            attempt(&lanes, &folders.root, &format!("attack-{name}.{own}.wav")).await?
        {
            made.push(format!("{name}: {what}"));
        }
        let after = (folders.state()?, own_state()?);
        ensure!(after == before, "{name} changed {before:?} to {after:?}");
    }
    ensure!(made.is_empty(), "{made:#?}");
    for kind in ["shm", "msg", "sem"] {
        let objects = fs::read_to_string(format!("/proc/sysvipc/{kind}"))?;
        ensure!(!objects.contains(&KEY.to_string()), "{objects}");
    }
    lanes.stop(false).await;
    Ok(())
}

/// The attacks are real ones: without the confinement they succeed. Those that harm nobody are tried.
pub async fn a_lane_that_is_not_confined_can_be_misused() -> anyhow::Result<()> {
    const HARMLESS: [&str; 14] = [
        "mode-inside",
        "mode-outside",
        "times-inside",
        "times-outside",
        "write-outside",
        "create",
        "truncate-outside",
        "limits-of-the-worker",
        "own-limits",
        "processors-of-the-worker",
        "kill-its-group",
        "socket",
        "data-as-code",
        "outlive-the-worker",
    ];
    let folders = Folders::new()?;
    let lanes = Lanes::start(settings(1)?).await?;
    let before = folders.state()?;
    for name in HARMLESS {
        let made =
            attempt(&lanes, &folders.root, &format!("attack-{name}.{}.wav", std::process::id())).await?;
        ensure!(matches!(&made, Outcome::Made(what) if what.contains("Ok(")), "{name}: {made:?}");
    }
    ensure!(folders.state()? != before);
    lanes.stop(false).await;
    Ok(())
}

/// Libraries try some calls, and go on without them where there are none: these do not end the lane.
pub async fn what_a_library_may_try_costs_no_lane() -> anyhow::Result<()> {
    let folders = Folders::new()?;
    let Some(lanes) = confined(&[&folders.root], None).await? else { return Ok(()) };
    let by_the_c_library = [SYS_clone3, SYS_openat2, SYS_ioctl, SYS_membarrier, SYS_uname, SYS_sysinfo];
    for number in by_the_c_library.into_iter().chain([NUMBERS]) {
        let outcome = attempt(&lanes, &folders.root, &format!("call-{number}.wav")).await?;
        ensure!(outcome == Outcome::Refused, "{number}: {outcome:?}");
    }
    ensure!(lanes.stats().restarts.values().all(|count| *count == 0), "{:?}", lanes.stats());
    lanes.stop(false).await;
    Ok(())
}
