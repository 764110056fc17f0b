//! What this process may use of its machine, as the kernel tells.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Processors that this process may use: its affinity and the quota of its cgroup included. 1 where nobody can say.
#[must_use]
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Memory that this process may use, bytes: the least of its cgroup's limits, those of the groups above included, and what the
/// machine has. `None` where the kernel does not tell (not Linux).
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups =
        limit_files(&memberships).into_iter().filter_map(|file| limit(&fs::read_to_string(file).ok()?));
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    groups.chain(machine).min()
}

/// Where limits may stand: cgroup v2 (`memory.max`), then v1 (`memory.limit_in_bytes`). Inside a container the path in
/// `/proc/self/cgroup` is often the host's, and the group itself is the root of the mount.
fn limit_files(memberships: &str) -> Vec<PathBuf> {
    let groups = memberships.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        match (parts.next()?, parts.next()?) {
            ("", group) => Some(("/sys/fs/cgroup", "memory.max", group)),
            (controllers, group) if controllers.split(',').any(|it| it == "memory") => {
                Some(("/sys/fs/cgroup/memory", "memory.limit_in_bytes", group))
            }
            _ => None,
        }
    });
    let above = |(mount, name, group): (&str, &str, &str)| {
        let group = Path::new(group.trim_start_matches('/')).to_owned();
        let folders: Vec<PathBuf> =
            group.ancestors().map(|it| Path::new(mount).join(it).join(name)).collect();
        folders
    };
    groups.flat_map(above).collect()
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
    fn limits_of_all_groups_above_are_looked_at() {
        let files = limit_files("0::/kube.slice/pod7/worker\n");
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        assert_eq!(
            names,
            [
                "/sys/fs/cgroup/kube.slice/pod7/worker/memory.max",
                "/sys/fs/cgroup/kube.slice/pod7/memory.max",
                "/sys/fs/cgroup/kube.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        let old = limit_files("5:cpu,cpuacct:/a\n4:memory:/docker/x\n");
        assert_eq!(old.len(), 3);
        assert!(old[0].ends_with("memory/docker/x/memory.limit_in_bytes"), "{old:?}");
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
