//! Records as text, one after the other: no front end holds them all.

use std::io::{self, Write};
use std::str::FromStr;

use super::{Record, csv, table};
use crate::printable::write_json;

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns for the eye.
    Table,
    /// One JSON object per line.
    Ndjson,
    /// The flat fields, with a header line (RFC 4180).
    Csv,
    /// One JSON array.
    Json,
}

impl Format {
    /// The names of the formats.
    pub const NAMES: [&str; 4] = ["table", "ndjson", "csv", "json"];

    /// The name that [`Format::from_str`] reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "table" => Ok(Self::Table),
            "ndjson" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(format!("unknown format '{name}': expected one of {}", Self::NAMES.join(", "))),
        }
    }
}

/// Writes records to `W` as they come. Call [`RecordWriter::finish`] at the end: JSON and an empty table need it.
#[derive(Debug)]
pub struct RecordWriter<W: Write> {
    out: W,
    format: Format,
    width: usize,
    written: u64,
}

impl<W: Write> RecordWriter<W> {
    /// `width` is that of the terminal, in columns; only the table uses it.
    pub const fn new(out: W, format: Format, width: usize) -> Self {
        Self { out, format, width, written: 0 }
    }

    /// Writes one record.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let first = self.written == 0;
        self.written += 1;
        match self.format {
            Format::Table => {
                if first {
                    table::header(&mut self.out, self.width)?;
                }
                table::row(&mut self.out, self.width, record)
            }
            Format::Ndjson => {
                write_json(&mut self.out, record)?;
                self.out.write_all(b"\n")
            }
            Format::Csv => {
                if first {
                    csv::header(&mut self.out)?;
                }
                csv::row(&mut self.out, record)
            }
            Format::Json => {
                self.out.write_all(if first { b"[\n" } else { b",\n" })?;
                write_json(&mut self.out, record)
            }
        }
    }

    /// Ends the document: an empty one is still a valid one of its format.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<()> {
        match (self.format, self.written) {
            (Format::Json, 0) => self.out.write_all(b"[]\n")?,
            (Format::Json, _) => self.out.write_all(b"\n]\n")?,
            (Format::Csv, 0) => csv::header(&mut self.out)?,
            _ => {}
        }
        self.out.flush()
    }

    /// Passes on what is buffered.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{End, FailureKind};

    fn render(format: Format, records: &[Record]) -> String {
        let mut out = Vec::new();
        let mut writer = RecordWriter::new(&mut out, format, 100);
        for record in records {
            writer.write(record).unwrap();
        }
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn two() -> [Record; 2] {
        let mut bad = Record::new(b"b,\"c\"\n.mp3", End::Failed(FailureKind::Corrupt));
        bad.detail = Some("line one\nline two".into());
        [Record::new(b"a.flac", End::Ok), bad]
    }

    #[test]
    fn names_lead_back_to_their_formats() {
        for name in Format::NAMES {
            assert_eq!(name.parse::<Format>().unwrap().name(), name);
        }
        assert!("xml".parse::<Format>().unwrap_err().ends_with("table, ndjson, csv, json"));
    }

    #[test]
    fn json_and_ndjson_hold_the_same_records() {
        let records = two();
        let array: Vec<Record> = serde_json::from_str(&render(Format::Json, &records)).unwrap();
        let lines: Vec<Record> = render(Format::Ndjson, &records)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(array, lines);
        assert_eq!(array[1].outcome.code(), "failed");
        assert_eq!(render(Format::Json, &[]), "[]\n");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let text = render(Format::Csv, &two());
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(&rows[1][0], "b,\"c\"\n.mp3");
        assert_eq!(&rows[1][3], "line one\nline two");
        assert_eq!(render(Format::Csv, &[]).lines().count(), 1);
    }

    #[test]
    fn csv_has_no_formulas_and_numbers_stay_numbers() {
        let mut record = Record::new(b"=cmd|' /C calc'!A0.mp3", End::Ok);
        record.detail = Some("@SUM(1)".into());
        let tags = report::Tags { title: Some("-2+3".into()), ..report::Tags::default() };
        let loudness = report::Loudness { integrated_lufs: Some(-14.2), ..report::Loudness::default() };
        let report =
            report::Report { tags: Some(tags), loudness: Some(loudness), ..report::Report::default() };
        record.report = Some(Box::new(report));
        let text = render(Format::Csv, &[record]);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let heads = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        let cell = |name: &str| &row[heads.iter().position(|head| head == name).unwrap()];
        assert_eq!(cell("path"), "'=cmd|' /C calc'!A0.mp3");
        assert_eq!((cell("detail"), cell("title"), cell("integrated_lufs")), ("'@SUM(1)", "'-2+3", "-14.2"));
    }

    #[test]
    fn a_table_row_is_one_line_of_the_terminals_width() {
        let text = render(Format::Table, &two());
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("failed"), "{text}");
        assert!(text.contains("corrupt: line one\\nline two"), "{text}");
    }
}
