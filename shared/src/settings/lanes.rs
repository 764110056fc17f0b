//! `ANALYSIS_MAX_WORKERS=auto`: as many lanes as the processors and the memory hold that the worker may use.

use super::kind::{Checked, Kind};
use super::read::Effective;
use crate::machine;

/// What the worker itself needs besides its cache, bytes: connections, buffers, code.
pub const OWN_BYTES: u64 = 64 << 20;

/// Below this a lane cannot do its work, bytes: the analysis streams in less than 64 MiB, the rest is its code and stacks.
pub const MIN_LANE_BYTES: u64 = 96 << 20;

/// What bounds the lanes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Processors that the process may use, and those of `WORKER_CPU_AFFINITY`; 0 of the latter is all.
    processors: u64,
    affinity: u64,
    /// `MAX_MEMORY_MB`, or what the machine or a cgroup has where that is less; and the cache's part of it. Bytes.
    memory: u64,
    cache: u64,
}

impl Bounds {
    /// At least 1: whether even that one has too little is for the start to say, with the remedy.
    const fn lanes(self) -> u64 {
        let processors = match self.affinity {
            0 => self.processors,
            some if some < self.processors => some,
            _ => self.processors,
        };
        let room = self.memory.saturating_sub(OWN_BYTES + self.cache) / MIN_LANE_BYTES;
        let lanes = if room < processors { room } else { processors };
        if lanes == 0 { 1 } else { lanes }
    }
}

/// Puts the number in the place of `auto`, now that the variables are known which it depends on.
pub(super) fn resolve(effective: &mut [Effective]) {
    let text = |name: &str| {
        let found = effective.iter().find(|it| it.variable.name == name);
        found.and_then(|it| it.value.as_ref()).map(|value| value.plain.clone())
    };
    let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
    // One that is wrong has been reported.
    let (Some(set), Some(cache)) = (number("MAX_MEMORY_MB"), number("CACHE_SIZE_MB")) else { return };
    let affinity = text("WORKER_CPU_AFFINITY").map_or(0, |list| list.split(',').count() as u64);
    let memory = machine::memory_limit().map_or(set, |limit| limit.min(set));
    let lanes = Bounds { processors: machine::processors() as u64, affinity, memory, cache }.lanes();
    for it in effective {
        if let (Kind::Workers { max }, Some(value)) = (it.variable.kind, &mut it.value)
            && value.plain == AUTO
        {
            let lanes = lanes.min(max);
            *value = Checked { shown: format!("{lanes} ({AUTO})"), plain: lanes.to_string() };
        }
    }
}

/// The word that stands for the number until it is resolved.
pub(super) const AUTO: &str = "auto";

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn lanes_are_bounded_by_processors_affinity_and_memory() {
        let plenty = Bounds { processors: 16, affinity: 0, memory: 8192 * MIB, cache: 512 * MIB };
        assert_eq!(plenty.lanes(), 16);
        assert_eq!(Bounds { affinity: 4, ..plenty }.lanes(), 4);
        assert_eq!(Bounds { affinity: 32, ..plenty }.lanes(), 16);
        // 1 GiB less 576 MiB of the worker itself: four lanes of 96 MiB.
        assert_eq!(Bounds { memory: 1024 * MIB, ..plenty }.lanes(), 4);
        assert_eq!(Bounds { memory: 256 * MIB, ..plenty }.lanes(), 1);
    }
}
