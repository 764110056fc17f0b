//! Ends as text: the local mode's sink.
//!
//! Its reader sets the pace: while a pipe is full nothing more is stored, and so nothing more is started. The waiting is
//! done by another thread, so that signals are heard meanwhile: a second Ctrl-C ends a run whose reader has stopped reading.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use shared::record::{Record, RecordWriter};
use tokio::time::timeout;

use super::{Sink, SinkError};
use crate::stop::Stop;
use crate::task::Ended;

/// A reader that takes longer, after we were told to stop at once, has stopped reading.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Records as text, until they are passed on.
#[derive(Debug, Clone, Default)]
struct Rendered(Arc<Mutex<Vec<u8>>>);

impl Rendered {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Rendered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes each end as it comes, and shows it to an observer.
pub struct RecordsSink<W: Write + Send + 'static, F: FnMut(&Record) + Send> {
    writer: RecordWriter<Rendered>,
    rendered: Rendered,
    /// Absent only while another thread writes to it.
    out: Option<W>,
    observe: F,
    bar: ProgressBar,
    stop: Stop,
}

impl<W: Write + Send + 'static, F: FnMut(&Record) + Send> std::fmt::Debug for RecordsSink<W, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordsSink").finish_non_exhaustive()
    }
}

impl<W: Write + Send + 'static, F: FnMut(&Record) + Send> RecordsSink<W, F> {
    /// `out` gets the records in this form; a table is `width` columns wide. `bar` steps aside while lines are written: both
    /// may be the same terminal.
    pub fn new(
        (out, format, width): (W, shared::record::Format, usize),
        observe: F,
        bar: ProgressBar,
        stop: Stop,
    ) -> Self {
        let rendered = Rendered::default();
        let writer = RecordWriter::new(rendered.clone(), format, width);
        Self { writer, rendered, out: Some(out), observe, bar, stop }
    }
}

/// Each call ends on whole lines: what a reader or a crash sees are whole records.
async fn pass_on<W: Write + Send + 'static>(
    out: &mut Option<W>,
    bytes: Vec<u8>,
    bar: ProgressBar,
    stop: &Stop,
) -> Result<(), SinkError> {
    let Some(mut writing) = out.take() else { return Err(SinkError::Unread) };
    let mut writing = tokio::task::spawn_blocking(move || {
        let written = bar.suspend(|| writing.write_all(&bytes).and_then(|()| writing.flush()));
        (writing, written)
    });
    let written = tokio::select! {
        written = &mut writing => written,
        () = stop.stopped_now() => timeout(LAST_WRITE, writing).await.map_err(|_| SinkError::Unread)?,
    };
    let (written_to, result) = written.map_err(io::Error::other)?;
    *out = Some(written_to);
    Ok(result?)
}

impl<W: Write + Send + 'static, F: FnMut(&Record) + Send> Sink for RecordsSink<W, F> {
    async fn store(&mut self, ends: &[Ended]) -> Result<Vec<bool>, SinkError> {
        for ended in ends {
            self.writer.write(&ended.record)?;
        }
        pass_on(&mut self.out, self.rendered.take(), self.bar.clone(), &self.stop).await?;
        for ended in ends {
            (self.observe)(&ended.record);
        }
        Ok(vec![true; ends.len()])
    }

    async fn close(mut self) -> Result<(), SinkError> {
        self.writer.finish()?;
        pass_on(&mut self.out, self.rendered.take(), self.bar, &self.stop).await
    }
}
