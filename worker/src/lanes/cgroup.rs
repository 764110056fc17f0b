//! Whether a SIGKILL from outside came from the kernel's out-of-memory killer: the memory cgroup counts its victims.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use shared::cgroup::{MemoryGroup, Version};

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
        let groups = MemoryGroup::of_this_process();
        let file = groups.iter().flat_map(counters).find(|file| count(file).is_some());
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

/// Where the counter of a group may be. Inside a container the group is often the root of the mount.
fn counters(group: &MemoryGroup) -> [PathBuf; 2] {
    let name = match group.version {
        Version::V1 => "memory.oom_control",
        Version::V2 => "memory.events",
    };
    [&group.folder, &group.mount].map(|folder| folder.join(name))
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
        let mount = PathBuf::from("/sys/fs/cgroup");
        let group = |version| MemoryGroup { version, mount: mount.clone(), folder: mount.join("pod1") };
        assert_eq!(
            counters(&group(Version::V1)),
            ["pod1/memory.oom_control", "memory.oom_control"].map(|name| mount.join(name))
        );
        assert_eq!(
            counters(&group(Version::V2)),
            ["pod1/memory.events", "memory.events"].map(|name| mount.join(name))
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
