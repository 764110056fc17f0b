//! Processor time and memory of the processes of a run, from `/proc`, by role. Elsewhere than on Linux nothing is seen.

use std::collections::{BTreeMap, HashMap};
use std::fs;

/// Whose process is whose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    pub(crate) workers: Vec<u32>,
    pub(crate) rabbitmq: Option<u32>,
    pub(crate) redis: Option<u32>,
    pub(crate) producer: Option<u32>,
}

/// One process at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) role: &'static str,
    pub(crate) pid: u32,
    /// In ticks since the boot: with the pid, unique.
    pub(crate) started: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) rss_bytes: u64,
}

/// Every process of these roles now.
pub(crate) fn look(roles: &Roles) -> Vec<Sample> {
    let numbers = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter_map(|pid| {
            let stat = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
            Some(stat.sample(roles.role(pid, stat.parent)?, pid))
        })
        .collect()
}

/// The highest resident memory of a process so far.
pub(crate) fn peak_bytes(pid: u32) -> Option<u64> {
    memory(pid, "VmHWM:")
}

/// Its resident memory now.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    memory(pid, "VmRSS:")
}

/// A line of proc_pid_status(5).
fn memory(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

impl Roles {
    fn role(&self, pid: u32, parent: u32) -> Option<&'static str> {
        match Some(pid) {
            _ if pid == std::process::id() => Some("loadtest"),
            known if known == self.rabbitmq => Some("rabbitmq"),
            known if known == self.redis => Some("redis"),
            known if known == self.producer => Some("producer"),
            _ if self.workers.contains(&pid) => Some("worker"),
            // A worker has no other children.
            _ if self.workers.contains(&parent) => Some("lanes"),
            _ => None,
        }
    }
}

/// What is wanted of proc_pid_stat(5).
struct Stat {
    parent: u32,
    ticks: u64,
    started: u64,
    pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name may hold blanks and brackets; the last bracket is the kernel's. Behind it comes field 3.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        // A process that has ended and waits to be reaped has no memory and is none any more.
        if fields.first() == Some(&"Z") {
            return None;
        }
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            ticks: number(14)? + number(15)?,
            started: number(22)?,
            pages: number(24)?,
        })
    }

    fn sample(&self, role: &'static str, pid: u32) -> Sample {
        let cpu_seconds = self.ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        let rss_bytes = self.pages * rustix::param::page_size() as u64;
        Sample { role, pid, started: self.started, cpu_seconds, rss_bytes }
    }
}

/// Processor time since the first look, by role, also of processes that have ended meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    looked: bool,
    /// Role, time before the first look, and time as last seen.
    known: HashMap<(u32, u64), (&'static str, f64, f64)>,
}

impl Accounts {
    pub(crate) fn note(&mut self, samples: &[Sample]) {
        for sample in samples {
            // Who was not there at the first look began later: all its time is of ours.
            let before = if self.looked { 0.0 } else { sample.cpu_seconds };
            let known =
                self.known.entry((sample.pid, sample.started)).or_insert((sample.role, before, before));
            known.2 = sample.cpu_seconds;
        }
        self.looked = true;
    }

    pub(crate) fn seconds(&self) -> BTreeMap<&'static str, f64> {
        let mut sums = BTreeMap::new();
        for (role, before, last) in self.known.values() {
            *sums.entry(*role).or_default() += last - before;
        }
        sums
    }
}

/// Resident memory by role, and how many processes.
pub(crate) fn by_role(samples: &[Sample]) -> BTreeMap<&'static str, (u64, u32)> {
    let mut sums: BTreeMap<&'static str, (u64, u32)> = BTreeMap::new();
    for sample in samples {
        let (bytes, processes) = sums.entry(sample.role).or_default();
        *bytes += sample.rss_bytes;
        *processes += 1;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_an_awkward_name() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194304 90 80 0 0 100 50 11 13 20 0 1 0 999 4096 25 18446744073709551615";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.ticks, stat.started, stat.pages), (7, 150, 999, 25));
        assert!(Stat::parse(&text.replace(") S", ") Z")).is_none());
    }

    #[test]
    fn we_see_ourselves() {
        let own = look(&Roles::default());
        assert_eq!(own.len(), 1);
        assert!(own[0].role == "loadtest" && own[0].rss_bytes > 1 << 20);
    }

    #[test]
    fn who_came_later_and_who_went_are_counted() {
        let sample = |pid, cpu_seconds| Sample { role: "lanes", pid, started: 1, cpu_seconds, rss_bytes: 0 };
        let mut accounts = Accounts::default();
        accounts.note(&[sample(1, 5.0)]);
        accounts.note(&[sample(1, 6.0), sample(2, 0.5)]);
        accounts.note(&[sample(2, 2.0)]);
        assert_eq!(accounts.seconds()["lanes"], 3.0);
    }
}
