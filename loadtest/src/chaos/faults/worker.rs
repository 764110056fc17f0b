//! Faults of the world around one worker: whoever reads its log stops, whoever asks it over HTTP says nothing.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Done, Field};
use crate::rig::Worker;

/// More than a worker has descriptors when it starts (`fleet::DESCRIPTORS`).
const CONNECTIONS: usize = 1100;

/// A connection to loopback is made at once, or the listener's queue is full; a busy machine takes longer.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// So many that cannot be made in a row: the worker takes no more.
const REFUSED_IN_A_ROW: usize = 3;

/// A worker whose fault is over answers within this time.
const LIVES_WITHIN: Duration = Duration::from_secs(30);

/// What every second connection begins to ask.
const HALF_A_REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: chaos\r\nX-Slow: ";

/// What fills the pipe. The log's lines stay whole.
const FILLING: &[u8] = b"the chaos test has filled this pipe\n";

impl Field {
    /// Stops reading the worker's log for a time, with its pipe full, and gives it something to log.
    pub(super) async fn stop_log_reader(&self, worker: usize, lasts: Duration) -> Done {
        let slot = &self.slots[worker];
        let worker = slot.worker.lock().await;
        // Its log is where its address is read from: while nobody reads it, a worker that has just started cannot be asked.
        if worker.address().is_none() {
            return Done::Said("it did not serve yet".to_owned());
        }
        worker.read_log(false);
        let filled = fill_pipe(&worker);
        // A lane that dies is logged.
        if let Some(lane) = worker.process.children().first() {
            lane.signal(Signal::KILL);
        }
        sleep(lasts).await;
        let lives = worker.lives(LIVES_WITHIN).await;
        worker.read_log(true);
        match (filled, lives) {
            (Err(error), _) => Done::Said(format!("its pipe was not filled: {error}")),
            (Ok(()), true) => Done::Fine,
            (Ok(()), false) => Done::Wrong(format!(
                "{} did not answer /livez for {} s while nobody read its log",
                slot.name,
                LIVES_WITHIN.as_secs()
            )),
        }
    }

    /// Holds many connections to the worker that ask nothing, or never finish asking.
    pub(super) async fn idle_connections(&self, worker: usize, lasts: Duration) -> Done {
        let slot = &self.slots[worker];
        let worker = slot.worker.lock().await;
        let Some(address) = worker.address() else {
            return Done::Said("it did not serve yet".to_owned());
        };
        let (mut held, mut refused) = (Vec::new(), 0);
        while held.len() < CONNECTIONS && refused < REFUSED_IN_A_ROW {
            let Ok(Ok(mut stream)) = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await else {
                refused += 1;
                continue;
            };
            refused = 0;
            if held.len() % 2 == 0 {
                let _ = stream.write_all(HALF_A_REQUEST).await;
            }
            held.push(stream);
        }
        // The descriptors that are left are wanted at once: for a lane in the place of this one.
        if let Some(lane) = worker.process.children().first() {
            lane.signal(Signal::KILL);
        }
        sleep(lasts).await;
        // They are held all the while: others must be answered nevertheless.
        let (lives, count) = (worker.lives(LIVES_WITHIN).await, held.len());
        drop(held);
        match lives {
            true if count < CONNECTIONS => Done::Said(format!("{count} connections were possible")),
            true => Done::Fine,
            false => Done::Wrong(format!(
                "{} did not answer /livez for {} s while {count} idle connections were held",
                slot.name,
                LIVES_WITHIN.as_secs()
            )),
        }
    }
}

/// Fills the pipe behind the worker's standard error, by a descriptor of our own.
fn fill_pipe(worker: &Worker) -> std::io::Result<()> {
    let path = format!("/proc/{}/fd/2", worker.process.id());
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut pipe = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    loop {
        match pipe.write(FILLING) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
