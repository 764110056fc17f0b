//! How long files wait: arrivals independent of each other, one queue, so many lanes, a time on a lane that varies as that of songs
//! does. Simulated, because there is no formula for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::corpus::Random;

/// Arrivals: enough for the slowest in a hundred to be known to some percent.
const ARRIVALS: usize = 200_000;

/// Times on a lane, of the mean: songs of half and of twice the usual length are common.
const SPREAD: (f64, f64) = (0.4, 1.6);

/// The wait of the median and of the slowest in a hundred files, seconds, for `rate` arrivals a second on `lanes`, which each
/// need `service` seconds on average.
pub(super) fn waits(rate: f64, lanes: u32, service: f64) -> (f64, f64) {
    let mut random = Random::new(1, "size");
    // Nanoseconds at which each lane is free again, the earliest first.
    let mut free: BinaryHeap<Reverse<u64>> = (0..lanes).map(|_| Reverse(0)).collect();
    let (mut now, mut waits) = (0.0, Vec::with_capacity(ARRIVALS));
    for _ in 0..ARRIVALS {
        now -= (1.0 - random.unit()).ln() / rate;
        let Some(Reverse(next)) = free.pop() else { break };
        let begins = (next as f64 / 1e9).max(now);
        waits.push(begins - now);
        let ends = begins + service * random.between(SPREAD.0, SPREAD.1);
        free.push(Reverse((ends * 1e9) as u64));
    }
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits.get((waits.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    (at(0.5), at(0.99))
}
