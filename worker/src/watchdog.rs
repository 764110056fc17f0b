//! Ends a worker that hangs, with exit code 70, so that its supervisor starts another one.
//!
//! It is a thread and not a task: what it looks for is that the runtime runs no task any more. All of a worker's work is done in
//! one thread, so whatever blocks that thread (a lock that is never released, a system call that does not return) stops jobs,
//! probes and signals at once, and nothing inside the runtime can tell.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::exit;
use crate::stop::Stop;

/// The thread looks this often. Time is counted in looks and not by a clock: while the machine is suspended or the process is
/// stopped the thread does not look either, and a hang is what happens while one turns and the other does not.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The runtime beats this often.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// A runtime that has not turned for this long hangs: nothing that a worker does keeps its thread for a second.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// A stop may take SHUTDOWN_TIMEOUT, and then this long to give back what runs and to say goodbye.
const STOP_MARGIN: Duration = Duration::from_secs(15);

/// A process that cannot even exit in order (another thread holds a lock that the exit needs) is aborted after this time.
const EXIT_WITHIN: Duration = Duration::from_secs(5);

/// Starts the thread and the beat that it looks at. Call it inside the runtime.
///
/// # Errors
/// When there can be no thread.
pub fn start(stop: &Stop, shutdown: Duration) -> io::Result<()> {
    let pulse = Arc::new(Pulse::default());
    tokio::spawn(beat(Arc::clone(&pulse), stop.clone()));
    let limits = Limits { stalled: STALLED_AFTER, stopping: shutdown + STOP_MARGIN, look_every: LOOK_EVERY };
    let stop = stop.clone();
    let watch = move || end(&limits.watch(&pulse, &stop));
    thread::Builder::new().name("watchdog".to_owned()).spawn(watch).map(drop)
}

/// What the runtime shows of itself.
#[derive(Debug, Default)]
struct Pulse {
    beats: AtomicU64,
    stopping: AtomicBool,
}

async fn beat(pulse: Arc<Pulse>, stop: Stop) {
    loop {
        pulse.beats.fetch_add(1, Ordering::Relaxed);
        pulse.stopping.store(stop.is_draining(), Ordering::Relaxed);
        tokio::time::sleep(BEAT_EVERY).await;
    }
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    stalled: Duration,
    stopping: Duration,
    look_every: Duration,
}

impl Limits {
    /// Returns when the worker hangs, with the reason.
    fn watch(self, pulse: &Pulse, stop: &Stop) -> String {
        let (mut seen, mut still, mut stopping) = (0, Duration::ZERO, Duration::ZERO);
        loop {
            thread::sleep(self.look_every);
            let beats = pulse.beats.load(Ordering::Relaxed);
            still = if beats == seen { still + self.look_every } else { Duration::ZERO };
            seen = beats;
            if pulse.stopping.load(Ordering::Relaxed) {
                stopping += self.look_every;
            }
            if still >= self.stalled {
                return format!("the worker hangs: its runtime has not turned for {} s", still.as_secs());
            }
            if stopping >= self.stopping {
                let waits = match stop.waiting_for() {
                    "" => String::new(),
                    what => format!(", waiting for {what}"),
                };
                return format!(
                    "the worker hangs: its stop takes longer than SHUTDOWN_TIMEOUT and {} s{waits}",
                    STOP_MARGIN.as_secs()
                );
            }
        }
    }
}

/// Ends the process. Not by the log, whose lock the thread that hangs may hold.
fn end(reason: &str) {
    // A thread that cannot be started is no reason to go on.
    let _ = thread::Builder::new().name("watchdog-end".to_owned()).spawn(|| {
        thread::sleep(EXIT_WITHIN);
        process::abort()
    });
    let line = format!("worker: {reason}: ending with exit code {}\n", exit::SOFTWARE);
    let stderr = rustix::stdio::stderr();
    // A pipe that nobody reads would keep us from ending: what it has no room for is not said.
    let has_room =
        poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    if has_room == Ok(1) {
        let _ = rustix::io::write(stderr, line.as_bytes());
    }
    process::exit(i32::from(exit::SOFTWARE))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    const LIMITS: Limits = Limits {
        stalled: Duration::from_millis(400),
        stopping: Duration::from_millis(300),
        look_every: Duration::from_millis(10),
    };

    #[test]
    fn a_runtime_that_turns_is_left_alone_until_its_stop_takes_too_long() {
        let pulse = Arc::new(Pulse::default());
        let runtime = Arc::clone(&pulse);
        let begun = Instant::now();
        thread::spawn(move || {
            loop {
                runtime.beats.fetch_add(1, Ordering::Relaxed);
                runtime.stopping.store(begun.elapsed() >= Duration::from_secs(1), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let stop = Stop::default();
        stop.waits_for("nothing");
        let reason = LIMITS.watch(&pulse, &stop);
        assert!(reason.contains("SHUTDOWN_TIMEOUT") && reason.ends_with("waiting for nothing"), "{reason}");
        assert!(begun.elapsed() >= Duration::from_secs(1));
    }

    /// In a process of its own, which is this test again.
    #[test]
    fn a_process_whose_runtime_is_blocked_ends_with_70() {
        const CHILD: &str = "WATCHDOG_TEST_CHILD";
        if std::env::var_os(CHILD).is_some() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let pulse = Arc::new(Pulse::default());
                tokio::spawn(beat(Arc::clone(&pulse), Stop::default()));
                tokio::time::sleep(BEAT_EVERY * 2).await;
                thread::spawn(move || end(&LIMITS.watch(&pulse, &Stop::default())));
                thread::sleep(Duration::from_secs(60));
            });
            return;
        }
        let name = "watchdog::tests::a_process_whose_runtime_is_blocked_ends_with_70";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert_eq!(output.status.code(), Some(70), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("its runtime has not turned"), "{said}");
    }
}
