//! The memory cgroups of this process: where the kernel keeps their limits and counters.

use std::fs;
use std::path::{Path, PathBuf};

/// Version of the interface, which names the files in a group's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy for each controller, or for several that are mounted together.
    V1,
    /// One hierarchy for all.
    V2,
}

/// A folder that may be a group of this process, of a hierarchy with the memory controller.
///
/// Not every folder exists: inside a container the path in `/proc/self/cgroup` is often the host's, and the group itself is the
/// root of the mount. Whoever reads a file of it passes over those that are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryGroup {
    /// Of its hierarchy.
    pub version: Version,
    /// Where the hierarchy is mounted.
    pub mount: PathBuf,
    /// The group's folder, below the mount.
    pub folder: PathBuf,
}

impl MemoryGroup {
    /// The groups of this process; none where the kernel does not tell (not Linux).
    #[must_use]
    pub fn of_this_process() -> Vec<Self> {
        fs::read_to_string("/proc/self/cgroup").map_or_else(|_| Vec::new(), |text| parse(&text))
    }

    /// Its folder and those of the groups around it, up to the mount.
    pub fn with_those_around(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take_while(|folder| folder.starts_with(&self.mount))
    }
}

/// Of lines as `5:cpu,memory:/group`: a number, the controllers that are mounted together (none: version 2), and the group.
fn parse(memberships: &str) -> Vec<MemoryGroup> {
    memberships.lines().flat_map(of_line).collect()
}

fn of_line(line: &str) -> Vec<MemoryGroup> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { return Vec::new() };
    let (version, mounts) = match controllers {
        "" => (Version::V2, vec!["/sys/fs/cgroup".to_owned()]),
        // Mounted together they are found under the list of their names; systemd adds a link for each of them.
        list if list.split(',').any(|controller| controller == "memory") => {
            let mut mounts = vec!["/sys/fs/cgroup/memory".to_owned()];
            if list != "memory" {
                mounts.push(format!("/sys/fs/cgroup/{list}"));
            }
            (Version::V1, mounts)
        }
        _ => return Vec::new(),
    };
    let group = group.trim_start_matches('/');
    let at = |mount: String| {
        let mount = PathBuf::from(mount);
        MemoryGroup { version, folder: mount.join(group), mount }
    };
    mounts.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(memberships: &str) -> Vec<(Version, String)> {
        let name = |group: MemoryGroup| (group.version, group.folder.display().to_string());
        parse(memberships).into_iter().map(name).collect()
    }

    #[test]
    fn both_versions_are_read() {
        assert_eq!(
            folders("12:memory:/docker/abc\n3:cpu,cpuacct:/x\n0::/kubepods/pod1\n"),
            [
                (Version::V1, "/sys/fs/cgroup/memory/docker/abc".to_owned()),
                (Version::V2, "/sys/fs/cgroup/kubepods/pod1".to_owned()),
            ]
        );
        assert_eq!(folders("nonsense\n1:name=systemd:/\n"), []);
    }

    #[test]
    fn controllers_that_are_mounted_together_are_found_under_either_name() {
        assert_eq!(
            folders("4:hugetlb,memory:/a:b\n"),
            [
                (Version::V1, "/sys/fs/cgroup/memory/a:b".to_owned()),
                (Version::V1, "/sys/fs/cgroup/hugetlb,memory/a:b".to_owned()),
            ]
        );
    }

    #[test]
    fn the_groups_around_end_at_the_mount() {
        let group = &parse("0::/kube.slice/pod7/worker\n")[0];
        let around: Vec<_> = group.with_those_around().map(|folder| folder.display().to_string()).collect();
        assert_eq!(
            around,
            [
                "/sys/fs/cgroup/kube.slice/pod7/worker",
                "/sys/fs/cgroup/kube.slice/pod7",
                "/sys/fs/cgroup/kube.slice",
                "/sys/fs/cgroup",
            ]
        );
    }
}
