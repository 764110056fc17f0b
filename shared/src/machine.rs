//! What this process may use of its machine, as the kernel tells.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;

use crate::cgroup::{MemoryGroup, Version};

/// Processors that this process may use: its affinity and the quota of its cgroup included. 1 where nobody can say.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Memory that this process may use, bytes: the least of its cgroup's limits, those of the groups above included, and what the
/// machine has. `None` where the kernel does not tell (not Linux).
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let groups = MemoryGroup::of_this_process();
    let limits =
        groups.iter().flat_map(limit_files).filter_map(|file| limit(&fs::read_to_string(file).ok()?));
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    limits.chain(machine).min()
}

/// Where the limits of a group and of those around it may stand.
fn limit_files(group: &MemoryGroup) -> impl Iterator<Item = PathBuf> {
    let name = match group.version {
        Version::V1 => "memory.limit_in_bytes",
        Version::V2 => "memory.max",
    };
    group.with_those_around().map(move |folder| folder.join(name))
}

/// `max` is no limit; the v1 form of none is a number beyond every machine's memory, which the machine's own undercuts.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// `MemTotal` of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_all_groups_around_are_looked_at() {
        let mount = PathBuf::from("/sys/fs/cgroup");
        let group =
            |version| MemoryGroup { version, mount: mount.clone(), folder: mount.join("pod7/worker") };
        let files = |version| limit_files(&group(version)).collect::<Vec<_>>();
        assert_eq!(
            files(Version::V2),
            ["pod7/worker/memory.max", "pod7/memory.max", "memory.max"].map(|name| mount.join(name))
        );
        assert_eq!(files(Version::V1)[0], mount.join("pod7/worker/memory.limit_in_bytes"));
    }

    #[test]
    fn a_limit_is_a_number_or_none() {
        assert_eq!(limit("536870912\n"), Some(536_870_912));
        assert_eq!(limit("max\n"), None);
        assert_eq!(total("MemTotal:       24683840 kB\nMemFree: 1 kB\n"), Some(24_683_840 << 10));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_memory() {
        assert!(memory_limit().unwrap() > 64 << 20);
    }
}
