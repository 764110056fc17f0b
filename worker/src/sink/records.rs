//! Ends as text: the local mode's sink. They are written in the order in which the files were found, as far as those that end
//! before their turn are few enough to be held.
//!
//! Its reader sets the pace: while a pipe is full nothing more is stored, and so nothing more is started. The waiting is
//! done by another thread, so that signals are heard meanwhile: a second Ctrl-C ends a run whose reader has stopped reading.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use shared::record::{Format, Record, RecordWriter};
use tokio::time::timeout;

use super::{Sink, SinkError};
use crate::scan_order::ScanOrder;
use crate::stop::Stop;
use crate::task::Ended;

/// A reader that takes longer, after we were told to stop at once, has stopped reading.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Records that wait for that of a file found before theirs, at most: some 20 kB each. Beyond, they are written out of order, so
/// that one very long file holds up neither the memory nor, for long, what a killed run leaves behind.
const HELD_AT_MOST: usize = 256;

/// Text in memory, until it is passed on.
#[derive(Debug, Clone, Default)]
pub struct Rendered(Arc<Mutex<Vec<u8>>>);

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

/// The document to be written, to memory first.
#[derive(Debug)]
pub struct Document {
    writer: RecordWriter<Rendered>,
    rendered: Rendered,
}

impl Document {
    /// A document of this format, with what `with` says of its writer.
    pub fn new(format: Format, with: impl FnOnce(RecordWriter<Rendered>) -> RecordWriter<Rendered>) -> Self {
        let rendered = Rendered::default();
        Self { writer: with(RecordWriter::new(rendered.clone(), format)), rendered }
    }
}

/// Shows each end to an observer as it comes, and writes it in its turn.
pub struct RecordsSink<W: Write + Send + 'static, F: FnMut(&Record) + Send> {
    document: Document,
    order: Arc<ScanOrder>,
    /// Records that wait for their turn, by their places.
    held: BTreeMap<u64, Record>,
    /// The place whose turn it is.
    turn: u64,
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
    /// `out` gets the document. `bar` steps aside while lines are written: both may be the same terminal.
    pub fn new(
        out: W,
        document: Document,
        order: Arc<ScanOrder>,
        observe: F,
        bar: ProgressBar,
        stop: Stop,
    ) -> Self {
        Self { document, order, held: BTreeMap::new(), turn: 0, out: Some(out), observe, bar, stop }
    }

    fn take(&mut self, record: &Record) -> io::Result<()> {
        match self.order.take(&record.path_bytes()) {
            Some(place) if place > self.turn => {
                self.held.insert(place, record.clone());
            }
            place => {
                self.document.writer.write(record)?;
                self.turn = self.turn.max(place.map_or(0, |place| place + 1));
            }
        }
        while let Some(next) = self.held.first_entry()
            && (*next.key() == self.turn || self.held.len() > HELD_AT_MOST)
        {
            self.write_first()?;
        }
        Ok(())
    }

    /// Those before it, which are still to come, are written as they come.
    fn write_first(&mut self) -> io::Result<()> {
        let Some((place, record)) = self.held.pop_first() else { return Ok(()) };
        self.turn = place + 1;
        self.document.writer.write(&record)
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
            self.take(&ended.record)?;
        }
        let written = self.document.rendered.take();
        if !written.is_empty() {
            pass_on(&mut self.out, written, self.bar.clone(), &self.stop).await?;
        }
        for ended in ends {
            (self.observe)(&ended.record);
        }
        Ok(vec![true; ends.len()])
    }

    async fn close(mut self) -> Result<(), SinkError> {
        while !self.held.is_empty() {
            self.write_first()?;
        }
        self.document.writer.finish()?;
        pass_on(&mut self.out, self.document.rendered.take(), self.bar, &self.stop).await
    }
}

#[cfg(test)]
mod tests {
    use shared::outcome::End;

    use super::*;

    fn ended(name: &str) -> Ended {
        Ended::new(Record::new(name.as_bytes(), End::Ok), None)
    }

    /// The names that are written once these files, found in the order of their numbers, have ended.
    async fn written(found: usize, ends: &[usize], is_closed: bool) -> Vec<usize> {
        let (out, order) = (Rendered::default(), Arc::new(ScanOrder::default()));
        (0..found).for_each(|number| order.push(number.to_string().as_bytes()));
        let document = Document::new(Format::Ndjson, |writer| writer);
        let mut sink =
            RecordsSink::new(out.clone(), document, order, |_| {}, ProgressBar::hidden(), Stop::default());
        for number in ends {
            assert_eq!(sink.store(&[ended(&number.to_string())]).await.unwrap(), [true]);
        }
        if is_closed {
            sink.close().await.unwrap();
        }
        let records = String::from_utf8(out.take()).unwrap();
        let name = |line: &str| serde_json::from_str::<Record>(line).unwrap().path.parse().unwrap();
        records.lines().map(name).collect()
    }

    #[tokio::test]
    async fn ends_are_written_in_the_order_of_the_files() {
        assert_eq!(written(4, &[1, 0, 3], false).await, [0, 1]);
        assert_eq!(written(4, &[1, 0, 3], true).await, [0, 1, 3]);
        assert_eq!(written(4, &[3, 2, 1, 0], false).await, [0, 1, 2, 3]);
    }

    #[tokio::test]
    async fn a_file_that_takes_very_long_holds_up_only_so_many() {
        let count = HELD_AT_MOST + 3;
        let ends: Vec<usize> = (1..count).chain([0]).collect();
        let written = written(count, &ends, false).await;
        assert_eq!(written.len(), count);
        assert_eq!(written.iter().position(|number| *number == 0), Some(count - 1), "{written:?}");
        assert!(written[..count - 1].is_sorted(), "{written:?}");
    }
}
