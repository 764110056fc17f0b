//! Failures as text, one after the other. The fields have the names of a record's.

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;
use shared::columns::{Align, Cell, Column, Columns, Medium, Tone};
use shared::job::{BatchId, JobId};
use shared::outcome::Kind;
use shared::printable::{spreadsheet_text, write_json};
use shared::record::Record;
use shared::store::StoredEnd;

/// How failures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for the eye.
    Table,
    /// One JSON object per line.
    Ndjson,
    /// With a header line.
    Csv,
}

impl Format {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

#[derive(Debug, Serialize)]
struct Row<'a> {
    path: &'a str,
    path_hex: Option<&'a str>,
    kind: Option<Kind>,
    detail: Option<&'a str>,
    attempts: u16,
    worker: Option<&'a str>,
    finished_at: &'a str,
    priority: Option<&'a str>,
    batch_id: BatchId,
    job_id: Option<JobId>,
    /// Whether `producer retry` can publish it again: not what never was a job.
    retryable: bool,
}

impl<'a> Row<'a> {
    fn of(batch_id: BatchId, end: &'a StoredEnd) -> Self {
        let Record { path, path_hex, kind, detail, attempts, worker, finished_at, priority, job_id, .. } =
            &end.record;
        Self {
            path,
            path_hex: path_hex.as_deref(),
            kind: *kind,
            detail: detail.as_deref(),
            attempts: *attempts,
            worker: worker.as_deref(),
            finished_at,
            priority: priority.as_deref(),
            batch_id,
            job_id: *job_id,
            retryable: end.job.is_some(),
        }
    }
}

/// Writes failures as they come.
pub(super) struct Rows<W: Write> {
    out: W,
    format: Format,
    table: Columns<4>,
    written: u64,
}

impl<W: Write> Rows<W> {
    pub(super) fn new(out: W, format: Format, medium: Medium) -> Self {
        Self { out, format, table: Columns::new(TABLE, medium), written: 0 }
    }

    pub(super) fn write(&mut self, batch: BatchId, end: &StoredEnd) -> io::Result<()> {
        let row = Row::of(batch, end);
        if self.written == 0 {
            self.header()?;
        }
        self.written += 1;
        match self.format {
            Format::Table => self.line(&row),
            Format::Ndjson => {
                write_json(&mut self.out, &row)?;
                self.out.write_all(b"\n")
            }
            Format::Csv => {
                let (path, detail) = (spreadsheet_text(row.path), row.detail.map(spreadsheet_text));
                let safe = Row { path: &path, detail: detail.as_deref(), ..row };
                self.out.write_all(&csv(|writer| writer.serialize(&safe))?)
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the document; how many were written.
    pub(super) fn finish(&mut self) -> io::Result<u64> {
        if self.written == 0 && self.format == Format::Csv {
            self.header()?;
        }
        self.out.flush()?;
        Ok(self.written)
    }

    fn header(&mut self) -> io::Result<()> {
        match self.format {
            Format::Table => self.table.header(&mut self.out, "FILE", "DETAIL"),
            Format::Ndjson => Ok(()),
            Format::Csv => self.out.write_all(&csv(|writer| writer.write_record(COLUMNS))?),
        }
    }

    fn line(&mut self, row: &Row<'_>) -> io::Result<()> {
        let when = row.finished_at.get(..19).unwrap_or(row.finished_at).replace('T', " ");
        let kind = row.kind.map_or("", |kind| kind.code());
        let cells = [
            Cell::new(kind, Tone::Red),
            row.attempts.to_string().into(),
            Cell::new(row.worker.unwrap_or(""), Tone::Plain),
            Cell::new(when, Tone::Dim),
        ];
        let detail = Cell::new(row.detail.unwrap_or(""), Tone::Plain);
        self.table.row(&mut self.out, row.path, &cells, detail)
    }
}

const TABLE: [Column; 4] = [
    Column { heading: "KIND", width: 16, align: Align::Left, rank: 0 },
    Column { heading: "TRY", width: 3, align: Align::Right, rank: 1 },
    Column { heading: "WORKER", width: 20, align: Align::Left, rank: 3 },
    Column { heading: "WHEN (UTC)", width: 19, align: Align::Left, rank: 2 },
];

const COLUMNS: [&str; 11] = [
    "path",
    "path_hex",
    "kind",
    "detail",
    "attempts",
    "worker",
    "finished_at",
    "priority",
    "batch_id",
    "job_id",
    "retryable",
];

/// Through a buffer of its own: the csv writer would flush with every line, and hide that a pipe was closed.
fn csv(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    write(&mut writer).map_err(io::Error::other)?;
    writer.into_inner().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_fields() {
        let row = Row {
            path: "a",
            path_hex: None,
            kind: None,
            detail: None,
            attempts: 1,
            worker: None,
            finished_at: "",
            priority: None,
            batch_id: BatchId::STRAY,
            job_id: None,
            retryable: false,
        };
        let value = serde_json::to_value(&row).unwrap();
        let mut fields: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns = COLUMNS.to_vec();
        fields.sort_unstable();
        columns.sort_unstable();
        assert_eq!(fields, columns);
    }
}
