//! Processor time and memory of a worker, by the kernel's own count.

use std::time::Duration;

use crate::rig::Process;

/// User and system time so far, those of ended children that it has waited for included.
pub(super) fn processor_time(process: &Process) -> Duration {
    let ids = process.children().into_iter().map(|child| child.id()).chain([process.id()]);
    let ticks: u64 = ids.filter_map(ticks).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory, bytes.
pub(super) fn resident(process: &Process) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn ticks(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything. Behind it, utime to cstime are the fields 12 to 15 (proc(5): 14 to 17).
    let fields = text.rsplit_once(") ")?.1.split(' ').skip(11).take(4);
    fields.map(|field| field.parse::<u64>().ok()).sum()
}
