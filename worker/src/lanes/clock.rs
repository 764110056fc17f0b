//! The time in which this process ran.
//!
//! A process may stand still for long: stopped by a debugger or with its container, without a processor to run on, or in a
//! virtual machine that was paused. Its lanes may have finished meanwhile, and their answers lie in the pipes unread. Such
//! time must not count against a file. A task ticks; a tick that comes late shows that the process did not run, and what
//! it was late is left out.
//!
//! A machine that sleeps needs no such care: [`Instant`] is `CLOCK_MONOTONIC` on Linux, which stands still with the machine
//! (`CLOCK_BOOTTIME` would go on), as `mach_absolute_time` does on macOS.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

/// Between two ticks: cheap, and far below the shortest time limit there is (1 s).
const TICK: Duration = Duration::from_millis(250);

/// A tick may come so late before anything is left out. A busy runtime is late by milliseconds, a throttled container by a
/// period of its quota (100 ms).
const TOLERATED: Duration = Duration::from_millis(250);

/// A clock that stands still while its process does.
#[derive(Debug)]
pub(super) struct RunClock(Mutex<Ticks>);

#[derive(Debug)]
struct Ticks {
    last: Instant,
    stood_still: Duration,
}

impl Ticks {
    /// Time without a turn of this process until `now`.
    fn stood_still(&self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.last);
        self.stood_still + since.saturating_sub(TICK + TOLERATED)
    }

    fn tick(&mut self, now: Instant) {
        (self.stood_still, self.last) = (self.stood_still(now), now);
    }
}

impl RunClock {
    /// Starts a clock. Needs a runtime, in which it ticks until the last handle is gone.
    pub(super) fn start() -> Arc<Self> {
        let clock = Arc::new(Self(Mutex::new(Ticks { last: Instant::now(), stood_still: Duration::ZERO })));
        tokio::spawn(tick(Arc::downgrade(&clock)));
        clock
    }

    /// The present, less the time in which the process stood still. It never goes back.
    pub(super) fn now(&self) -> Instant {
        let now = Instant::now();
        now.checked_sub(self.ticks().stood_still(now)).unwrap_or(now)
    }

    /// Waits for `work`, until this clock shows `deadline`. What is ready by then is always taken.
    pub(super) async fn until<T>(&self, deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            // The timer goes on while the process stands still, so it only says when to look again.
            let left = deadline.saturating_duration_since(self.now());
            if let Ok(done) = timeout(left, &mut work).await {
                return Some(done);
            }
            if self.now() >= deadline {
                break;
            }
        }
        // The timer may have been served before the pipes were. After a yield they have been, too.
        tokio::task::yield_now().await;
        timeout(Duration::ZERO, &mut work).await.ok()
    }

    /// Waits for `work` for this long, by this clock.
    pub(super) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        self.until(self.now() + limit, work).await
    }

    fn ticks(&self) -> MutexGuard<'_, Ticks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tick(clock: Weak<RunClock>) {
    while let Some(clock) = clock.upgrade() {
        clock.ticks().tick(Instant::now());
        drop(clock);
        sleep(TICK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_a_tick_is_left_out_and_a_slightly_late_tick_is_not() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut ticks = Ticks { last: start, stood_still: Duration::ZERO };
        // When it ticks, and how much has been left out by then, milliseconds.
        for (now, expected) in
            [(250, 0), (749, 0), (1000, 0), (41_500, 40_000), (41_750, 40_000), (43_250, 41_000)]
        {
            let expected = Duration::from_millis(expected);
            // The same before and after the tick: whoever asks first after a standstill has the right answer.
            assert_eq!(ticks.stood_still(at(now)), expected, "before the tick at {now}");
            ticks.tick(at(now));
            assert_eq!(ticks.stood_still(at(now)), expected, "after the tick at {now}");
        }
    }

    #[tokio::test]
    async fn a_blocked_runtime_costs_a_wait_nothing() {
        let clock = RunClock::start();
        tokio::task::yield_now().await;
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let blocker = tokio::spawn(async {
            // Blocks the only thread, as a stopped process would, for longer than the limit below.
            std::thread::sleep(Duration::from_secs(3));
            tokio::time::sleep(Duration::from_millis(100)).await;
            sender.send(7)
        });
        assert_eq!(clock.within(Duration::from_secs(2), receiver).await, Some(Ok(7)));
        blocker.await.unwrap().unwrap();
        assert_eq!(clock.within(Duration::from_millis(300), std::future::pending::<()>()).await, None);
    }
}
