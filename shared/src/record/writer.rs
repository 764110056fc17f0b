//! Records as text, one after the other: no front end holds them all.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use super::playlist::{self, DONE, DONE_FAILED, Locate, Playlist};
use super::table::RecordTable;
use super::{Part, Record, csv};
use crate::columns::Medium;
use crate::outcome::Outcome;
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
    /// An extended playlist.
    M3u,
}

impl Format {
    /// The names of the formats.
    pub const NAMES: [&str; 5] = ["table", "ndjson", "csv", "json", "m3u"];

    /// The name that [`Format::from_str`] reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::M3u => "m3u",
        }
    }

    /// What the name of a file says of its format.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "ndjson" | "jsonl" => Self::Ndjson,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "m3u" | "m3u8" => Self::M3u,
            "txt" => Self::Table,
            _ => return None,
        })
    }
}

/// So that completions know the names.
impl clap::ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Table, Self::Ndjson, Self::Csv, Self::Json, Self::M3u]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
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
            "m3u" => Ok(Self::M3u),
            _ => Err(format!("unknown format '{name}': expected one of {}", Self::NAMES.join(", "))),
        }
    }
}

/// What stands for a file in the state that a record is of; `None` where the file is to be tried again.
pub type StateOf = fn(&Record) -> Option<u128>;

/// Writes records to `W` as they come. Call [`RecordWriter::finish`] at the end: JSON and an empty table need it.
#[derive(Debug)]
pub struct RecordWriter<W: Write> {
    out: W,
    format: Format,
    table: RecordTable,
    playlist: Playlist,
    /// Notes in a playlist which files are done.
    state_of: Option<StateOf>,
    without: Vec<Part>,
    /// Records that the document has; those of an earlier run count.
    written: u64,
}

impl<W: Write> RecordWriter<W> {
    /// A document of its own, for a pipe.
    pub fn new(out: W, format: Format) -> Self {
        let table = RecordTable::new(Medium::piped());
        let (playlist, state_of, without) = (Playlist::default(), None, Vec::new());
        Self { out, format, table, playlist, state_of, without, written: 0 }
    }

    /// Prints tables for this medium.
    #[must_use]
    pub fn on(mut self, medium: Medium) -> Self {
        self.table = RecordTable::new(medium);
        self
    }

    /// Leaves parts of each report out.
    #[must_use]
    pub fn without(mut self, parts: &[Part]) -> Self {
        self.without = parts.to_vec();
        self
    }

    /// How a playlist finds the files on this machine.
    #[must_use]
    pub fn locating(mut self, locate: Locate) -> Self {
        self.playlist.locate = locate;
        self
    }

    /// Goes on with a document that has so many records; a playlist with these files.
    #[must_use]
    pub fn after(mut self, written: u64, listed: HashSet<Vec<u8>>) -> Self {
        (self.written, self.playlist.listed) = (written, listed);
        self
    }

    /// Notes in a playlist, behind each file, what stands for its state, so that it can be gone on with.
    #[must_use]
    pub fn noting(mut self, state_of: StateOf) -> Self {
        self.state_of = Some(state_of);
        self
    }

    /// Writes one record.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        if self.without.is_empty() {
            return self.write_whole(record);
        }
        let mut part = record.clone();
        self.without.iter().for_each(|name| name.leave_out(&mut part));
        self.write_whole(&part)
    }

    fn write_whole(&mut self, record: &Record) -> io::Result<()> {
        let first = self.written == 0;
        self.written += 1;
        if first {
            self.begin()?;
        }
        match self.format {
            Format::Table => self.table.row(&mut self.out, record),
            Format::Ndjson => {
                write_json(&mut self.out, record)?;
                self.out.write_all(b"\n")
            }
            Format::Csv => csv::row(&mut self.out, record),
            Format::Json => {
                self.out.write_all(if first { b"[\n" } else { b",\n" })?;
                write_json(&mut self.out, record)
            }
            Format::M3u => {
                self.playlist.entry(&mut self.out, record)?;
                match self.state_of.and_then(|state_of| state_of(record)) {
                    Some(state) if record.outcome == Outcome::Failed => {
                        writeln!(self.out, "{DONE}{state:032x}{DONE_FAILED}")
                    }
                    Some(state) => writeln!(self.out, "{DONE}{state:032x}"),
                    None => Ok(()),
                }
            }
        }
    }

    /// What stands before the first record.
    fn begin(&mut self) -> io::Result<()> {
        match self.format {
            Format::Table => self.table.header(&mut self.out),
            Format::Csv => csv::header(&mut self.out),
            Format::M3u => self.out.write_all(playlist::HEADER),
            Format::Ndjson | Format::Json => Ok(()),
        }
    }

    /// Ends the document: an empty one is still a valid one of its format. Returns how many tracks a playlist has no place for.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<u64> {
        match (self.format, self.written) {
            (Format::Json, 0) => self.out.write_all(b"[]\n")?,
            (Format::Json, _) => self.out.write_all(b"\n]\n")?,
            (Format::Csv | Format::M3u, 0) => self.begin()?,
            _ => {}
        }
        self.out.flush()?;
        Ok(self.playlist.left_out)
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
        let mut writer = RecordWriter::new(&mut out, format);
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
        assert!("xml".parse::<Format>().unwrap_err().ends_with("table, ndjson, csv, json, m3u"));
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
    fn a_table_row_is_one_line() {
        let text = render(Format::Table, &two());
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("failed"), "{text}");
        assert!(text.contains("corrupt: line one\\nline two"), "{text}");
    }

    #[test]
    fn a_playlist_notes_what_need_not_be_done_again() {
        let mut out = Vec::new();
        let mut writer = RecordWriter::new(&mut out, Format::M3u)
            .noting(|record| (record.path == "/b.flac").then_some(0xabc))
            .after(2, HashSet::from([b"/a.flac".to_vec()]));
        for path in [b"/a.flac", b"/b.flac"] {
            writer.write(&Record::new(path, End::Ok)).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), 0);
        let expected = format!("#EXTINF:-1,b\n/b.flac\n{DONE}{:032x}\n", 0xabc);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(render(Format::M3u, &[]), "#EXTM3U\n");
    }

    #[test]
    fn the_name_of_a_file_says_its_format() {
        for (name, format) in [
            ("a.ndjson", Some(Format::Ndjson)),
            ("a.jsonl", Some(Format::Ndjson)),
            ("a.b.CSV", Some(Format::Csv)),
            ("a.json", Some(Format::Json)),
            ("a.m3u8", Some(Format::M3u)),
            ("a.txt", Some(Format::Table)),
            ("/dev/stdout", None),
            ("csv", None),
        ] {
            assert_eq!(Format::of_file(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn numbers_in_csv_have_sensible_digits() {
        let tempo = report::Tempo { bpm: 123.999_999_4, confidence: 0.999_316_7, ..report::Tempo::default() };
        let mut report = report::Report { tempo: Some(tempo), ..report::Report::default() };
        report.audio.duration_seconds = 3.000_000_001;
        report.key_absence = Some(report::KeyAbsence::TooLittle);
        let mut record = Record { report: Some(Box::new(report)), ..Record::new(b"a", End::Ok) };
        record.modified_ns = Some(1_796_030_560_557_107_420);
        let text = render(Format::Csv, &[record]);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let heads = reader.headers().unwrap().clone();
        let row = reader.records().next().unwrap().unwrap();
        for (name, value) in [
            ("bpm", "124"),
            ("bpm_confidence", "0.9993"),
            ("duration_seconds", "3"),
            ("key_absence", "too_little"),
            ("modified_at", "2026-11-30T09:22:40.55710742Z"),
        ] {
            assert_eq!(&row[heads.iter().position(|head| head == name).unwrap()], value, "{name}");
        }
    }

    fn states(text: &str) -> Result<(u64, Vec<csv::CsvState>), String> {
        let mut states = Vec::new();
        let whole = csv::read_csv(text.as_bytes(), text.len() as u64, |state| states.push(state))?;
        Ok((whole, states))
    }

    #[test]
    fn a_csv_of_ours_says_what_was_done_and_where_it_is_whole() {
        let records: Vec<Record> = [&b"a,\"b\"\n.flac"[..], b"=c.flac", b"\xff.flac", b"'=d.flac"]
            .map(|path| Record {
                bytes: Some(7),
                modified_ns: Some(1_796_030_560_557_107_420),
                analyser: Some("0123abcd".into()),
                ..Record::new(path, End::Failed(FailureKind::Corrupt))
            })
            .into();
        let text = render(Format::Csv, &records);
        let (whole, read) = states(&text).unwrap();
        assert_eq!((whole, read.len()), (text.len() as u64, 4));
        for (state, record) in read.iter().zip(&records) {
            assert!(state.paths.contains(&record.path_bytes()), "{state:?}");
            assert_eq!((state.bytes, state.end), (7, record.end()));
            assert_eq!(
                (Some(state.modified_ns), Some(&state.analyser)),
                (record.modified_ns, record.analyser.as_ref())
            );
        }
        // A crash may cut it anywhere.
        let ends: Vec<usize> = (1..=4).map(|rows| render(Format::Csv, &records[..rows]).len()).collect();
        let header = render(Format::Csv, &[]).len();
        for cut in 0..text.len() {
            let Some(part) = text.get(..cut) else { continue };
            let (whole, read) = states(part).unwrap_or_else(|error| panic!("{error}: {part:?}"));
            let rows = ends.iter().filter(|end| **end <= cut).count();
            let expected = if rows > 0 {
                ends[rows - 1]
            } else if cut >= header {
                header
            } else {
                0
            };
            assert_eq!((whole as usize, read.len()), (expected, rows), "{part:?}");
        }
        for foreign in ["path,title\na,b\n", "dear diary\n", "path,outcome\n"] {
            assert!(states(foreign).is_err(), "{foreign}");
        }
        let mixed = format!("{text}a,b\n{}", &text[header..]);
        assert!(states(&mixed).unwrap_err().contains("has 2 columns"));
    }
}
