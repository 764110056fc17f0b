//! The flat fields of a record as CSV. Cells with foreign text are made safe for spreadsheets ([`spreadsheet_text`]); the
//! text as it is stands in JSON.

use std::io::{self, Read, Write};

use report::Report;
use serde::Serialize;

use super::Record;
use crate::outcome::{End, Kind, Outcome};
use crate::printable::spreadsheet_text;

const COLUMNS: [&str; 39] = [
    "path",
    "outcome",
    "kind",
    "detail",
    "container",
    "codec",
    "sample_rate_hz",
    "channels",
    "bit_depth",
    "duration_seconds",
    "decoded_fraction",
    "bpm",
    "bpm_confidence",
    "key",
    "mode",
    "camelot",
    "key_confidence",
    "integrated_lufs",
    "range_lu",
    "true_peak_dbtp",
    "replaygain_gain_db",
    "clipped_samples",
    "leading_silence_seconds",
    "trailing_silence_seconds",
    "title",
    "artist",
    "album",
    "bytes",
    "elapsed_seconds",
    "cached",
    "identity",
    "genre",
    "year",
    "tempo_absence",
    "key_absence",
    "modified_at",
    "analyser",
    "path_hex",
    "batch_id",
];

/// Digits behind the point: more would be noise, and no spreadsheet shows them.
mod digits {
    pub(super) const SECONDS: i32 = 3;
    pub(super) const SHARE: i32 = 4;
    pub(super) const BPM: i32 = 2;
    pub(super) const LEVEL: i32 = 2;
}

/// What a row says of the file that it is about, for a run that goes on where an earlier one stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvState {
    /// The names that the file may have: an apostrophe in front may be its own, or one that made a formula a text.
    pub paths: Vec<Vec<u8>>,
    /// How it ended.
    pub end: End,
    /// Its size, bytes.
    pub bytes: u64,
    /// When it was last modified, nanoseconds since the Unix epoch.
    pub modified_ns: i64,
    /// The analyser that answered.
    pub analyser: String,
}

/// Reads the states out of a CSV of ours that is `length` bytes long, and shows them to `each`. Returns how many bytes of it are
/// whole rows: the last one may have been cut off by a crash. A row that says too little to go on with, as that of a failure
/// without a size, is passed over.
///
/// # Errors
/// What is wrong with it: it is no CSV, or has not exactly the columns that [`Format::Csv`](super::Format::Csv) has today.
pub fn read_csv(from: impl Read, length: u64, mut each: impl FnMut(CsvState)) -> Result<u64, String> {
    let from = LastByte { inner: from, last: 0 };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(from);
    let heads = reader.headers().map_err(|error| error.to_string())?;
    if heads.iter().ne(COLUMNS) {
        let heads = heads.iter().collect::<Vec<_>>().join(",");
        let is_at_end = reader.position().byte() >= length && reader.get_ref().last != b'\n';
        let is_cut_off = COLUMNS.join(",").starts_with(&heads) && is_at_end;
        return if is_cut_off {
            Ok(0)
        } else {
            Err("its columns are not those that this version writes".into())
        };
    }
    let (mut row, mut whole) = (csv::StringRecord::new(), reader.position().byte());
    if whole >= length && reader.get_ref().last != b'\n' {
        return Ok(0);
    }
    while reader.read_record(&mut row).map_err(|error| error.to_string())? {
        let end = reader.position().byte();
        let is_cut_off = row.len() != COLUMNS.len() || end >= length && reader.get_ref().last != b'\n';
        match is_cut_off {
            true if end >= length => break,
            true => return Err(format!("the row at byte {whole} has {} columns", row.len())),
            false => whole = end,
        }
        state(&row).into_iter().for_each(&mut each);
    }
    Ok(whole)
}

/// Remembers the last byte that was read.
struct LastByte<R> {
    inner: R,
    last: u8,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(last) = buffer[..count].last() {
            self.last = *last;
        }
        Ok(count)
    }
}

fn state(row: &csv::StringRecord) -> Option<CsvState> {
    let cell = |name: &str| row.get(COLUMNS.iter().position(|column| *column == name)?);
    let (path, hex) = (cell("path")?, cell("path_hex")?);
    let mut paths = vec![super::unhex(hex).filter(|bytes| !bytes.is_empty()).unwrap_or_else(|| path.into())];
    paths.extend(path.strip_prefix('\'').map(|path| path.as_bytes().to_vec()));
    let kind = Kind::from_code(cell("kind")?);
    let end = End::of(Outcome::from_code(cell("outcome")?)?, kind);
    let modified: jiff::Timestamp = cell("modified_at")?.parse().ok()?;
    Some(CsvState {
        paths,
        end,
        bytes: cell("bytes")?.parse().ok()?,
        modified_ns: i64::try_from(modified.as_nanosecond()).ok()?,
        analyser: cell("analyser").filter(|analyser| !analyser.is_empty())?.to_owned(),
    })
}

pub(super) fn header(out: impl Write) -> io::Result<()> {
    line(out, COLUMNS.map(str::to_owned))
}

pub(super) fn row(out: impl Write, record: &Record) -> io::Result<()> {
    let report = record.report.as_deref();
    let tempo = report.and_then(|report| report.tempo.as_ref());
    let key = report.and_then(|report| report.key.as_ref());
    let audio = |field: fn(&Report) -> String| report.map(field).unwrap_or_default();
    let loudness = |field: fn(&report::Loudness) -> Option<f64>| {
        number(report.and_then(|report| report.loudness.as_ref()).and_then(field), digits::LEVEL)
    };
    let silence = |field: fn(&report::Silence) -> f64| {
        number(report.and_then(|report| report.silence.as_ref()).map(field), digits::SECONDS)
    };
    let tag = |field: fn(&report::Tags) -> &Option<String>| {
        report
            .and_then(|report| report.tags.as_ref())
            .and_then(|tags| field(tags).as_deref().map(text))
            .unwrap_or_default()
    };
    line(
        out,
        [
            text(&record.path),
            record.outcome.to_string(),
            record.kind.map(|kind| kind.code().to_owned()).unwrap_or_default(),
            record.detail.as_deref().map(text).unwrap_or_default(),
            audio(|report| text(&report.audio.container)),
            audio(|report| text(&report.audio.codec)),
            audio(|report| report.audio.sample_rate_hz.to_string()),
            audio(|report| report.audio.channels.to_string()),
            audio(|report| report.audio.bit_depth.map(|bits| bits.to_string()).unwrap_or_default()),
            audio(|report| number(Some(report.audio.duration_seconds), digits::SECONDS)),
            audio(|report| number(Some(report.audio.decoded_fraction), digits::SHARE)),
            number(tempo.map(|tempo| tempo.bpm), digits::BPM),
            number(tempo.map(|tempo| tempo.confidence), digits::SHARE),
            key.map(|key| key.tonic.clone()).unwrap_or_default(),
            key.map(|key| mode(key.mode).to_owned()).unwrap_or_default(),
            key.map(|key| key.camelot.clone()).unwrap_or_default(),
            number(key.map(|key| key.confidence), digits::SHARE),
            loudness(|loudness| loudness.integrated_lufs),
            loudness(|loudness| loudness.range_lu),
            loudness(|loudness| loudness.true_peak_dbtp),
            loudness(|loudness| loudness.replaygain_gain_db),
            audio(|report| {
                report.quality.as_ref().map(|q| q.clipped_samples.to_string()).unwrap_or_default()
            }),
            silence(|silence| silence.leading_seconds),
            silence(|silence| silence.trailing_seconds),
            tag(|tags| &tags.title),
            tag(|tags| &tags.artist),
            tag(|tags| &tags.album),
            record.bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            number(Some(record.elapsed_seconds), digits::SECONDS),
            record.cached.to_string(),
            record.identity.clone().unwrap_or_default(),
            tag(|tags| &tags.genre),
            report
                .and_then(|report| report.tags.as_ref()?.year)
                .map(|year| year.to_string())
                .unwrap_or_default(),
            audio(|report| code(report.tempo_absence.as_ref())),
            audio(|report| code(report.key_absence.as_ref())),
            record.modified_ns.map(time).unwrap_or_default(),
            record.analyser.clone().unwrap_or_default(),
            record.path_hex.clone().unwrap_or_default(),
            record.batch_id.map(|batch| batch.to_string()).unwrap_or_default(),
        ],
    )
}

fn text(text: &str) -> String {
    spreadsheet_text(text).into_owned()
}

const fn mode(mode: report::Mode) -> &'static str {
    match mode {
        report::Mode::Major => "major",
        report::Mode::Minor => "minor",
    }
}

fn number(value: Option<f64>, digits: i32) -> String {
    let scale = 10_f64.powi(digits);
    // Adding zero makes a plain one of −0.
    value.map(|value| ((value * scale).round() / scale + 0.0).to_string()).unwrap_or_default()
}

/// The word that stands for it in JSON.
fn code(value: Option<&impl Serialize>) -> String {
    let json = value.and_then(|value| serde_json::to_value(value).ok());
    json.and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
}

/// In UTC, to the nanosecond.
fn time(modified_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(modified_ns.into()).map(|time| time.to_string()).unwrap_or_default()
}

/// Through a buffer of its own: the csv writer would flush `out` with every line, and hide that a pipe was closed.
fn line<const N: usize>(mut out: impl Write, cells: [String; N]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&cells).map_err(io::Error::other)?;
    out.write_all(&writer.into_inner().map_err(io::Error::other)?)
}
