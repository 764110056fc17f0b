//! As process 1 of a container the worker inherits every orphan there, of a shell that somebody opened in it for instance,
//! and must wait for the dead among them: nobody else will, and their number is limited.
//!
//! It knows nothing of lanes. Those are waited for within moments of their death by their supervisor, so a dead child that
//! is still there at the second look is nobody's.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, getpid, waitpid};

/// Between two looks. A zombie costs an entry in a table; there is no hurry.
const EVERY: Duration = Duration::from_secs(5);

/// Starts looking, where we are process 1 and can see who our children are. Needs a tokio runtime.
pub fn start() {
    // A `/proc` of another namespace names other processes by our numbers.
    let visible = || fs::read_link("/proc/self").is_ok_and(|own| own.as_os_str() == "1");
    if getpid() != Pid::INIT || !visible() {
        return;
    }
    tracing::info!("running as process 1: orphans are waited for");
    tokio::spawn(async {
        let mut before = HashSet::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let now = dead_children();
            for pid in now.intersection(&before) {
                // Gone meanwhile: it was somebody's after all.
                let _ = waitpid(Some(*pid), WaitOptions::NOHANG);
                tracing::debug!(pid = pid.as_raw_pid(), "an orphan was waited for");
            }
            before = now;
        }
    });
}

/// A container holds a handful of processes; reading a line of each is cheap.
fn dead_children() -> HashSet<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return HashSet::new() };
    let pids = processes.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
        stat.is_ok_and(|stat| is_dead_child_of_init(&stat))
    })
    .collect()
}

/// `pid (name) state parent …`; the name may hold anything, a parenthesis too.
fn is_dead_child_of_init(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with("Z 1 "))
}

#[cfg(test)]
mod tests {
    use super::is_dead_child_of_init;

    #[test]
    fn only_dead_children_are_waited_for() {
        assert!(is_dead_child_of_init("17 (sleep) Z 1 17 17 0"));
        assert!(is_dead_child_of_init("17 (a) S 2 (b) Z 1 17 17 0"));
        for other in ["17 (sleep) S 1 17", "17 (sleep) Z 12 17", "17 (x) Z 1 y) S 2 17", ""] {
            assert!(!is_dead_child_of_init(other), "{other}");
        }
    }
}
