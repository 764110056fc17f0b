//! Ends as text: the local mode's sink.

use std::io::{self, Write};

use indicatif::ProgressBar;
use shared::record::{Record, RecordWriter};

use super::{Sink, SinkError};
use crate::task::Ended;

/// Writes each end as it comes, and shows it to an observer.
pub struct RecordsSink<W: Write + Send, F: FnMut(&Record) + Send> {
    writer: RecordWriter<W>,
    observe: F,
    bar: ProgressBar,
}

impl<W: Write + Send, F: FnMut(&Record) + Send> std::fmt::Debug for RecordsSink<W, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordsSink").finish_non_exhaustive()
    }
}

impl<W: Write + Send, F: FnMut(&Record) + Send> RecordsSink<W, F> {
    /// `bar` steps aside while lines are written: both may be the same terminal.
    pub const fn new(writer: RecordWriter<W>, observe: F, bar: ProgressBar) -> Self {
        Self { writer, observe, bar }
    }

    fn write(&mut self, ends: &[Ended]) -> io::Result<()> {
        for ended in ends {
            self.writer.write(&ended.record)?;
        }
        // Each flush of the pipeline ends on whole lines: what a reader or a crash sees are whole records.
        self.writer.flush()
    }
}

impl<W: Write + Send, F: FnMut(&Record) + Send> Sink for RecordsSink<W, F> {
    async fn store(&mut self, ends: &[Ended]) -> Result<Vec<bool>, SinkError> {
        let bar = self.bar.clone();
        bar.suspend(|| self.write(ends))?;
        for ended in ends {
            (self.observe)(&ended.record);
        }
        Ok(vec![true; ends.len()])
    }

    async fn close(self) -> Result<(), SinkError> {
        self.writer.finish()?;
        Ok(())
    }
}
