//! Wall time and processor time: of this process, of the children that it has waited for, of others.

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::Round;
use crate::rig::Process;

/// Fields of `/proc/PID/stat` behind the name, from 0 (proc_pid_stat(5), where the state is field 3): user and system time,
/// and those of the children that were waited for.
const UTIME: usize = 11;
const CUTIME: usize = 13;

/// Runs from its making to [`Meter::stop`].
#[derive(Debug)]
pub(crate) struct Meter {
    begun: Instant,
    cpu: Duration,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), cpu: own_cpu() }
    }

    pub(crate) fn stop(self, operations: u64) -> Round {
        let cpu = own_cpu().saturating_sub(self.cpu);
        Round { operations, seconds: self.begun.elapsed().as_secs_f64(), cpu_seconds: cpu.as_secs_f64() }
    }
}

/// User and system time of this process, all threads.
fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Processor seconds of the children that this process has waited for, with those that they have waited for. In steps of the
/// kernel's clock, a hundredth of a second.
pub(crate) fn reaped_cpu() -> f64 {
    let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    fields(&own).map_or(0.0, |ticks| (ticks[2] + ticks[3]) / ticks_per_second())
}

/// Processor seconds of a process and of all that descend from it, those included that have ended and were waited for.
pub(crate) fn tree_cpu(root: &Process) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", root.id())).unwrap_or_default();
    let own = fields(&stat).map_or(0.0, |ticks| ticks.iter().sum::<f64>() / ticks_per_second());
    own + root.children().iter().map(tree_cpu).sum::<f64>()
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// User and system time, own and of the children that were waited for, in ticks.
fn fields(stat: &str) -> Option<[f64; 4]> {
    // The name is in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let tick = |place: usize| fields.get(place).and_then(|field| field.parse().ok());
    Some([tick(UTIME)?, tick(UTIME + 1)?, tick(CUTIME)?, tick(CUTIME + 1)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 0";
        assert_eq!(fields(stat), Some([11.0, 12.0, 13.0, 14.0]));
        assert_eq!(fields("42 (x) S 1"), None);
    }

    #[test]
    fn work_takes_processor_time_of_this_process() {
        let meter = Meter::start();
        let mut sum = 0_u64;
        while meter.begun.elapsed() < Duration::from_millis(30) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let round = meter.stop(sum);
        assert!(round.cpu_seconds > 0.001 && round.seconds >= 0.03, "{round:?}");
    }

    #[test]
    fn a_child_counts_once_it_was_waited_for() {
        let before = reaped_cpu();
        let busy = ["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"];
        assert!(std::process::Command::new("sh").args(busy).status().unwrap().success());
        assert!(reaped_cpu() > before);
    }
}
