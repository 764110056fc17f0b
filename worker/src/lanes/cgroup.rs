//! Whether a SIGKILL from outside came from the kernel's out-of-memory killer: the memory cgroup counts its victims.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The `oom_kill` counter of the cgroup that this process and its lanes are in.
#[derive(Debug)]
pub(super) struct OomKills {
    file: Option<PathBuf>,
    /// Victims already put down to a lane.
    seen: Mutex<u64>,
}

impl OomKills {
    /// Starts counting from now. Without a readable cgroup no kill is ever put down to memory.
    pub(super) fn new() -> Self {
        let file = fs::read_to_string("/proc/self/cgroup")
            .ok()
            .and_then(|memberships| candidates(&memberships).into_iter().find(|file| count(file).is_some()));
        let seen = Mutex::new(file.as_deref().and_then(count).unwrap_or(0));
        Self { file, seen }
    }

    /// Whether there is a victim that was not put down to a lane yet, and puts it down to the caller's: of two lanes
    /// killed at once each takes one.
    pub(super) fn claim(&self) -> bool {
        let Some(now) = self.file.as_deref().and_then(count) else { return false };
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let risen = now > *seen;
        *seen += u64::from(risen);
        risen
    }
}

/// Where the counter may be: cgroup v2 (`memory.events`), then v1 (`memory.oom_control`). Inside a container the path in
/// `/proc/self/cgroup` is often the host's, and the group itself is the root of the mount.
fn candidates(memberships: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in memberships.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (mount, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.events"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.oom_control"),
            _ => continue,
        };
        let mount = Path::new(mount);
        files.push(mount.join(group.trim_start_matches('/')).join(name));
        files.push(mount.join(name));
    }
    files
}

fn count(file: &Path) -> Option<u64> {
    parse_count(&fs::read_to_string(file).ok()?)
}

fn parse_count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_counter_of_both_versions() {
        assert_eq!(parse_count("low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(parse_count("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"), Some(7));
        assert_eq!(parse_count("oom 3\n"), None);
    }

    #[test]
    fn looks_in_its_group_then_in_the_mount() {
        let paths = candidates("12:memory:/docker/abc\n3:cpu,cpuacct:/x\n0::/kubepods/pod1\n");
        let names: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "/sys/fs/cgroup/memory/docker/abc/memory.oom_control",
                "/sys/fs/cgroup/memory/memory.oom_control",
                "/sys/fs/cgroup/kubepods/pod1/memory.events",
                "/sys/fs/cgroup/memory.events",
            ]
        );
    }

    #[test]
    fn each_victim_is_claimed_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "oom_kill 4\n").unwrap();
        let kills = OomKills { file: Some(file.path().to_owned()), seen: Mutex::new(4) };
        assert!(!kills.claim());
        fs::write(&file, "oom_kill 6\n").unwrap();
        assert_eq!([kills.claim(), kills.claim(), kills.claim()], [true, true, false]);
    }
}
