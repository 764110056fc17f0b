//! The flat fields of a record as CSV. Cells with foreign text are made safe for spreadsheets ([`spreadsheet_text`]); the
//! text as it is stands in JSON.

use std::io::{self, Write};

use report::Report;

use super::Record;
use crate::printable::spreadsheet_text;

const COLUMNS: [&str; 31] = [
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
];

pub(super) fn header(out: impl Write) -> io::Result<()> {
    line(out, COLUMNS.map(str::to_owned))
}

pub(super) fn row(out: impl Write, record: &Record) -> io::Result<()> {
    let report = record.report.as_deref();
    let tempo = report.and_then(|report| report.tempo.as_ref());
    let key = report.and_then(|report| report.key.as_ref());
    let audio = |field: fn(&Report) -> String| report.map(field).unwrap_or_default();
    let loudness = |field: fn(&report::Loudness) -> Option<f64>| {
        number(report.and_then(|report| report.loudness.as_ref()).and_then(field))
    };
    let silence = |field: fn(&report::Silence) -> f64| {
        number(report.and_then(|report| report.silence.as_ref()).map(field))
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
            audio(|report| report.audio.duration_seconds.to_string()),
            audio(|report| report.audio.decoded_fraction.to_string()),
            number(tempo.map(|tempo| tempo.bpm)),
            number(tempo.map(|tempo| tempo.confidence)),
            key.map(|key| key.tonic.clone()).unwrap_or_default(),
            key.map(|key| mode(key.mode).to_owned()).unwrap_or_default(),
            key.map(|key| key.camelot.clone()).unwrap_or_default(),
            number(key.map(|key| key.confidence)),
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
            record.elapsed_seconds.to_string(),
            record.cached.to_string(),
            record.identity.clone().unwrap_or_default(),
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

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Through a buffer of its own: the csv writer would flush `out` with every line, and hide that a pipe was closed.
fn line<const N: usize>(mut out: impl Write, cells: [String; N]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&cells).map_err(io::Error::other)?;
    out.write_all(&writer.into_inner().map_err(io::Error::other)?)
}
