//! Log lines on their way to standard error. Whoever logs never waits for whoever reads the log.
//!
//! A line goes into a bounded buffer, and a thread of its own writes it. A reader that has stopped reading blocks that
//! thread alone. When the buffer is full, further lines are dropped and counted, and a line in their place says how many.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Some five thousand lines: more than a burst at a fault has, and little beside the memory of one lane.
const MAX_BUFFERED_BYTES: usize = 1 << 20;

/// A process that was told to stop waits so long for the reader of its log. Supervisors read within milliseconds, or never.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks at whether the process was told to stop while it waits for its reader.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Makes the line that says how many lines were dropped.
pub(super) type Notice = fn(u64) -> Vec<u8>;

/// The buffer and its thread. Clones are the same ones.
#[derive(Clone)]
pub(super) struct LogOutput(Arc<Shared>);

struct Shared {
    buffer: Mutex<Buffer>,
    /// Something is there to be written.
    filled: Condvar,
    /// All of it is written.
    emptied: Condvar,
    dropped: AtomicU64,
    hurried: AtomicBool,
    notice: Notice,
}

#[derive(Default)]
struct Buffer {
    items: VecDeque<Item>,
    bytes: usize,
    /// The thread is writing what it has taken out.
    is_writing: bool,
    /// It was full. Lines are taken again when half of it is free, so that the log is not every other line.
    is_dropping: bool,
}

enum Item {
    Line(Vec<u8>),
    Dropped(u64),
}

impl LogOutput {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static, notice: Notice) -> io::Result<Self> {
        let output = Self(Arc::new(Shared {
            buffer: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
            hurried: AtomicBool::new(false),
            notice,
        }));
        let writing = output.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writing.write_to(sink))?;
        Ok(output)
    }

    /// Takes whole lines, or drops them.
    pub(super) fn put(&self, lines: &[u8]) {
        let mut buffer = self.buffer();
        let is_full = !buffer.items.is_empty() && buffer.bytes + lines.len() > MAX_BUFFERED_BYTES;
        if buffer.is_dropping || is_full {
            buffer.is_dropping = true;
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            match buffer.items.back_mut() {
                Some(Item::Dropped(count)) => *count += 1,
                _ => buffer.items.push_back(Item::Dropped(1)),
            }
        } else {
            buffer.bytes += lines.len();
            buffer.items.push_back(Item::Line(lines.to_vec()));
        }
        self.0.filled.notify_one();
    }

    /// Lines that were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// From now on nobody waits for the reader for long.
    pub(super) fn hurry(&self) {
        self.0.hurried.store(true, Ordering::Relaxed);
    }

    /// Waits until everything is written. Once the process is in a hurry, it waits for a short time only.
    pub(super) fn flush(&self) {
        let mut hurried_since = None;
        let mut buffer = self.buffer();
        while buffer.is_writing || !buffer.items.is_empty() {
            if self.0.hurried.load(Ordering::Relaxed)
                && hurried_since.get_or_insert_with(Instant::now).elapsed() >= FLUSH_WITHIN
            {
                return;
            }
            let waited = self.0.emptied.wait_timeout(buffer, LOOK_EVERY);
            (buffer, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write_to(&self, mut sink: impl Write) {
        // Lines that the reader did not get, because writing failed: a disk is full, or the other end is closed.
        let mut lost = 0;
        loop {
            let (lines, count) = match self.next() {
                Item::Line(line) => (line, 1),
                Item::Dropped(count) => ((self.0.notice)(count), 0),
            };
            if lost > 0 && write(&mut sink, &(self.0.notice)(lost)).is_ok() {
                lost = 0;
            }
            if write(&mut sink, &lines).is_err() {
                lost += count;
                self.0.dropped.fetch_add(count, Ordering::Relaxed);
            }
            let mut buffer = self.buffer();
            buffer.is_writing = false;
            if buffer.items.is_empty() {
                self.0.emptied.notify_all();
            }
        }
    }

    /// Waits for something to write.
    fn next(&self) -> Item {
        let mut buffer = self.buffer();
        loop {
            if let Some(item) = buffer.items.pop_front() {
                if let Item::Line(line) = &item {
                    buffer.bytes -= line.len();
                }
                buffer.is_writing = true;
                buffer.is_dropping &= buffer.bytes > MAX_BUFFERED_BYTES / 2;
                return item;
            }
            buffer = self.0.filled.wait(buffer).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(sink: &mut impl Write, lines: &[u8]) -> io::Result<()> {
    sink.write_all(lines)?;
    sink.flush()
}

/// Standard error without the standard library's lock: a thread that waits for the reader would keep it, and everybody
/// else who writes a word would wait, too.
#[derive(Debug, Clone, Copy)]
pub struct UnlockedStderr;

impl Write for UnlockedStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stderr = rustix::stdio::stderr();
        loop {
            match rustix::io::write(stderr, bytes) {
                Err(Errno::INTR) => {}
                // Somebody who shares it with us has made it non-blocking.
                Err(Errno::AGAIN) => {
                    // An error of poll is met again by the next write.
                    let _ = poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], None);
                }
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::mpsc;

    use super::*;

    fn notice(count: u64) -> Vec<u8> {
        format!("{count} dropped\n").into_bytes()
    }

    /// A sink that takes one write for each permit, and shows what it took.
    struct Gated {
        permits: mpsc::Receiver<bool>,
        taken: mpsc::Sender<String>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.permits.recv() {
                Ok(true) => {}
                Ok(false) => return Err(io::ErrorKind::StorageFull.into()),
                Err(_) => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            let _ = self.taken.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (LogOutput, mpsc::Sender<bool>, mpsc::Receiver<String>) {
        let ((permit, permits), (taken, takes)) = (mpsc::channel(), mpsc::channel());
        (LogOutput::start(Gated { permits, taken }, notice).unwrap(), permit, takes)
    }

    #[test]
    fn a_reader_that_stops_costs_lines_and_nobody_waits() {
        let (output, permit, takes) = gated();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        output.put(b"first\n");
        // One is with the writer or about to be; of the rest a MiB fits.
        for _ in 0..3000 {
            output.put(&line);
        }
        let dropped = output.dropped();
        assert!((1970..=1980).contains(&dropped), "{dropped}");
        output.put(b"dropped as well\n");
        let kept = 3000 - dropped;
        (0..=kept + 1).for_each(|_| permit.send(true).unwrap());
        assert_eq!(takes.recv().unwrap(), "first\n");
        (0..kept).for_each(|_| assert_eq!(takes.recv().unwrap().len(), 1024));
        assert_eq!(takes.recv().unwrap(), format!("{} dropped\n", dropped + 1), "where they are missing");
        output.put(b"after\n");
        permit.send(true).unwrap();
        assert_eq!(takes.recv().unwrap(), "after\n");
        output.flush();
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted_and_told_of() {
        let (output, permit, takes) = gated();
        permit.send(false).unwrap();
        output.put(b"lost\n");
        output.flush();
        assert_eq!(output.dropped(), 1);
        output.put(b"later\n");
        (0..2).for_each(|_| permit.send(true).unwrap());
        assert_eq!([takes.recv().unwrap(), takes.recv().unwrap()], ["1 dropped\n", "later\n"]);
    }

    #[test]
    fn a_process_in_a_hurry_does_not_wait_for_its_reader() {
        let (output, _permit, _takes) = gated();
        output.put(b"nobody reads this\n");
        output.hurry();
        output.flush();
        assert!(output.buffer().is_writing);
    }

    #[test]
    fn a_pipe_is_written_whole_and_in_order() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let output = LogOutput::start(std::fs::File::from(write), notice).unwrap();
        let wanted: String = (0..5000).map(|number| format!("{number}\n")).collect();
        let mut got = vec![0; wanted.len()];
        let reader = std::thread::spawn(move || {
            std::fs::File::from(read).read_exact(&mut got).unwrap();
            got
        });
        wanted.split_inclusive('\n').for_each(|line| output.put(line.as_bytes()));
        output.flush();
        assert_eq!(reader.join().unwrap(), wanted.as_bytes());
    }
}
