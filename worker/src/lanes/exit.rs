//! What a lane died of, from its exit status and its last words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;
use shared::outcome::FailureKind;

use super::{LaneFailure, RestartCause};

const SIGNALS: [(Signal, &str); 7] = [
    (Signal::ILL, "SIGILL"),
    (Signal::ABORT, "SIGABRT"),
    (Signal::BUS, "SIGBUS"),
    (Signal::FPE, "SIGFPE"),
    (Signal::KILL, "SIGKILL"),
    (Signal::SEGV, "SIGSEGV"),
    (Signal::XCPU, "SIGXCPU"),
];

/// The failure of the job that a lane died in, when nobody here killed it. `oom_killed` is asked only after a SIGKILL.
pub(super) fn diagnose(status: ExitStatus, stderr: &str, oom_killed: impl FnOnce() -> bool) -> LaneFailure {
    let crash = |detail: String| LaneFailure { kind: FailureKind::Crash, detail };
    let out_of_memory = |detail: String| LaneFailure { kind: FailureKind::OutOfMemory, detail };
    let Some(signal) = status.signal() else {
        let code = status.code().unwrap_or_default();
        return crash(with_words(format!("ended by itself with exit code {code}"), stderr));
    };
    // The runtime's own words: std::alloc::rust_oom and the guard-page handler of std both end in SIGABRT.
    if let Some(words) = line_with(stderr, "memory allocation of ") {
        return out_of_memory(format!("{words}: over the memory limit of its process"));
    }
    if line_with(stderr, "has overflowed its stack").is_some() {
        return crash("stack overflow".to_owned());
    }
    if signal == Signal::KILL.as_raw() {
        return if oom_killed() {
            out_of_memory("killed by the kernel's out-of-memory killer".to_owned())
        } else {
            crash("killed by signal 9 (SIGKILL) from outside".to_owned())
        };
    }
    if signal == Signal::SYS.as_raw() {
        return crash(with_words(
            "killed by signal 31 (SIGSYS): a system call that a lane may not make".to_owned(),
            stderr,
        ));
    }
    if signal == Signal::XFSZ.as_raw() {
        return crash(with_words(
            "killed by signal 25 (SIGXFSZ): it wrote to a file, which a lane may not".to_owned(),
            stderr,
        ));
    }
    let name = SIGNALS.iter().find(|(known, _)| known.as_raw() == signal).map_or("unnamed", |(_, name)| name);
    crash(with_words(format!("killed by signal {signal} ({name})"), stderr))
}

/// Which counter a lane's death goes to.
pub(super) const fn cause_of(failure: &LaneFailure) -> RestartCause {
    match failure.kind {
        FailureKind::OutOfMemory => RestartCause::OutOfMemory,
        _ => RestartCause::Crash,
    }
}

fn with_words(what: String, stderr: &str) -> String {
    match stderr.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(last) => format!("{what}; its last words: {}", last.trim()),
        None => what,
    }
}

fn line_with<'a>(stderr: &'a str, words: &str) -> Option<&'a str> {
    stderr.lines().rev().find(|line| line.contains(words)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_die_has_its_words() {
        const CODE_3: i32 = 3 << 8;
        const OVERFLOW: &str =
            "\nthread 'main' has overflowed its stack\nfatal runtime error: stack overflow";
        const ALLOC: &str = "memory allocation of 99 bytes failed\n";
        let table = [
            (CODE_3, "", false, "crash: ended by itself with exit code 3"),
            (CODE_3, "a\nb \n\n", false, "crash: ended by itself with exit code 3; its last words: b"),
            (
                6,
                ALLOC,
                false,
                "out_of_memory: memory allocation of 99 bytes failed: over the memory limit of its process",
            ),
            (6, OVERFLOW, false, "crash: stack overflow"),
            (6, "", false, "crash: killed by signal 6 (SIGABRT)"),
            (
                6,
                "assertion failed",
                true,
                "crash: killed by signal 6 (SIGABRT); its last words: assertion failed",
            ),
            (11, "", true, "crash: killed by signal 11 (SIGSEGV)"),
            (31, "", false, "crash: killed by signal 31 (SIGSYS): a system call that a lane may not make"),
            (25, "", false, "crash: killed by signal 25 (SIGXFSZ): it wrote to a file, which a lane may not"),
            (50, "", false, "crash: killed by signal 50 (unnamed)"),
            (9, "", false, "crash: killed by signal 9 (SIGKILL) from outside"),
            (9, "", true, "out_of_memory: killed by the kernel's out-of-memory killer"),
        ];
        for (raw, stderr, oom, expected) in table {
            let failure = diagnose(ExitStatus::from_raw(raw), stderr, || oom);
            assert_eq!(failure.to_string(), expected);
        }
    }
}
