//! What lanes use of memory and processor, from procfs. Where there is none (macOS) nothing is known, and it says so.

use std::fs;
use std::time::Duration;

/// Resident bytes of a process, pages shared with others included.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// How long a process of one thread has waited for a processor while it could have run, since it began (the second number
/// of its schedstat, nanoseconds; sched-stats in the kernel's documentation).
pub(super) fn waited(pid: u32) -> Option<Duration> {
    parse_waited(&fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?)
}

fn parse_waited(schedstat: &str) -> Option<Duration> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// The state of a process, a letter of proc_pid_stat(5).
pub(super) fn state(pid: u32) -> Option<char> {
    parse_state(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_state(stat: &str) -> Option<char> {
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Processor seconds of all lanes that were ever ours: those that run, and those that were reaped, which the kernel adds up
/// in our own accounts. (The worker has no other children.)
pub(super) fn cpu_seconds(running: impl IntoIterator<Item = u32>) -> Option<f64> {
    let reaped = ticks("/proc/self/stat", REAPED_CHILDREN)?;
    let running: u64 = running.into_iter().filter_map(|pid| ticks(&format!("/proc/{pid}/stat"), OWN)).sum();
    Some((reaped + running) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Places of `utime` and of `cutime` in proc_pid_stat(5), counted from the field behind the command's name; the field
/// after each is the system time.
const OWN: usize = 11;
const REAPED_CHILDREN: usize = 13;

fn ticks(path: &str, place: usize) -> Option<u64> {
    parse_ticks(&fs::read_to_string(path).ok()?, place)
}

fn parse_ticks(stat: &str, place: usize) -> Option<u64> {
    // The name may hold blanks and brackets; the last bracket is the kernel's.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(place);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_behind_an_awkward_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 90 80 0 0 7 5 11 13 20 0 1 0 100";
        assert_eq!(parse_ticks(stat, OWN), Some(12));
        assert_eq!(parse_ticks(stat, REAPED_CHILDREN), Some(24));
        assert_eq!(parse_ticks("42 (a", OWN), None);
        assert_eq!((parse_state(stat), parse_state("42 (a")), (Some('S'), None));
        assert_eq!(parse_waited("1015573 82932517 2\n"), Some(Duration::from_nanos(82_932_517)));
        assert_eq!(parse_waited(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn knows_this_process() {
        let own = std::process::id();
        assert!(resident_bytes(own).unwrap() > 1 << 20);
        assert!(cpu_seconds([own]).is_some());
    }
}
