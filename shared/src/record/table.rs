//! A record as one line of a table.

use std::io::{self, Write};

use super::Record;
use crate::columns::{Align, Cell, Column, Columns, Medium, Tone};
use crate::outcome::Outcome;

/// From this width on an outcome says whether the report was known already.
const WIDE: usize = 100;

/// A tempo or key below this chance is more likely wrong than right.
const LOW_CHANCE: f64 = 0.5;

/// The columns between the file's name and its title.
const COUNT: usize = 9;

/// One record a line.
#[derive(Debug)]
pub(super) struct RecordTable {
    columns: Columns<COUNT>,
    /// Whether an outcome is said in full.
    is_wide: bool,
}

fn columns(medium: Medium) -> [Column; COUNT] {
    let column = |heading, width, align, rank| Column { heading, width, align, rank };
    // Of an outcome with measurements, `ok (cached)` is the longest; where nothing is cut, `not_applicable`.
    let outcome = match medium.width {
        Some(..WIDE) => 7,
        Some(_) => 11,
        None => 14,
    };
    [
        column("OUTCOME", outcome, Align::Left, 0),
        column("FORMAT", 9, Align::Left, 6),
        column("LENGTH", 7, Align::Right, 4),
        column("BPM", 5, Align::Right, 0),
        column("%", 3, Align::Right, 3),
        column("KEY", 7, Align::Left, 0),
        column("%", 3, Align::Right, 2),
        column("LUFS", 5, Align::Right, 5),
        column("PEAK", 5, Align::Right, 7),
    ]
}

impl RecordTable {
    pub(super) fn new(medium: Medium) -> Self {
        let is_wide = medium.width.is_none_or(|width| width >= WIDE);
        Self { columns: Columns::new(columns(medium), medium), is_wide }
    }

    pub(super) fn header(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.columns.header(out, "FILE", "TITLE / REASON")
    }

    pub(super) fn row(&mut self, out: &mut impl Write, record: &Record) -> io::Result<()> {
        let reason = record.reason();
        match record.outcome {
            Outcome::Ok | Outcome::Partial => {
                let text = reason.unwrap_or_else(|| title(record));
                self.columns.row(out, &record.path, &self.cells(record), text.into())
            }
            Outcome::Failed | Outcome::NotApplicable | Outcome::Cancelled => {
                let text = reason.unwrap_or_default().into();
                self.columns.row_without_values(out, &record.path, &outcome(record, true), &text)
            }
        }
    }

    fn cells(&self, record: &Record) -> [Cell; COUNT] {
        let report = record.report.as_ref();
        let audio = report.map(|report| &report.audio);
        let loudness = report.and_then(|report| report.loudness.as_ref());
        let level =
            |value: Option<f64>| Cell::from(value.map(|value| format!("{value:.1}")).unwrap_or_default());
        let tempo = report.and_then(|report| report.tempo.as_ref());
        let key = report.and_then(|report| report.key.as_ref());
        let [bpm, bpm_chance] = estimate(tempo.map(|tempo| (format!("{:.1}", tempo.bpm), tempo.confidence)));
        let [key, key_chance] = estimate(key.map(|key| (key_name(key), key.confidence)));
        [
            outcome(record, self.is_wide),
            audio.map(|audio| audio.codec.clone()).unwrap_or_default().into(),
            audio.map(|audio| length(audio.duration_seconds)).unwrap_or_default().into(),
            bpm,
            bpm_chance,
            key,
            key_chance,
            level(loudness.and_then(|loudness| loudness.integrated_lufs)),
            level(loudness.and_then(|loudness| loudness.true_peak_dbtp)),
        ]
    }
}

fn outcome(record: &Record, in_full: bool) -> Cell {
    let tone = match record.outcome {
        Outcome::Ok => Tone::Plain,
        Outcome::Partial => Tone::Yellow,
        Outcome::Failed => Tone::Red,
        Outcome::NotApplicable | Outcome::Cancelled => Tone::Dim,
    };
    match (record.outcome, record.cached) {
        (Outcome::Ok, true) if in_full => Cell::new("ok (cached)", tone),
        (outcome, _) => Cell::new(outcome.to_string(), tone),
    }
}

/// A value and the chance, in percent, that it is right.
fn estimate(value: Option<(String, f64)>) -> [Cell; 2] {
    let Some((text, chance)) = value else { return [Cell::default(), Cell::default()] };
    let tone = if chance < LOW_CHANCE { Tone::Dim } else { Tone::Plain };
    // Nothing that is estimated is certain.
    let percent = (chance * 100.0).floor().clamp(0.0, 99.0);
    [Cell::new(text, tone), Cell::new(format!("{percent:.0}"), tone)]
}

/// `F#m 11A`: as musicians write it, and as DJs do.
fn key_name(key: &report::Key) -> String {
    let minor = if key.mode == report::Mode::Minor { "m" } else { "" };
    format!("{}{minor} {}", key.tonic, key.camelot)
}

fn title(record: &Record) -> String {
    let tags = record.report.as_ref().and_then(|report| report.tags.as_ref());
    // The title first: a narrow terminal cuts the end off.
    let words = tags.map(|tags| [tags.title.as_deref(), tags.artist.as_deref()]);
    words.into_iter().flatten().flatten().collect::<Vec<_>>().join(" · ")
}

/// `0:02.9` below a minute, then `3:42` and `1:02:05`.
fn length(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let whole = seconds.round() as u64;
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    match whole {
        _ if tenths < 600 => format!("0:{:02}.{}", tenths / 10, tenths % 10),
        ..3600 => format!("{minutes}:{:02}", whole % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use report::{Audio, Key, Loudness, Mode, Report, Tags, Tempo};
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::outcome::{End, FailureKind, NotApplicable};

    #[test]
    fn lengths_read_like_a_players() {
        let cases =
            [(0.1, "0:00.1"), (59.96, "1:00"), (222.4, "3:42"), (3725.0, "1:02:05"), (36_000.0, "10:00:00")];
        for (seconds, text) in cases {
            assert_eq!(length(seconds), text);
        }
    }

    fn song(
        path: &str,
        title: &str,
        (bpm, bpm_chance): (f64, f64),
        (tonic, key_chance): (&str, f64),
    ) -> Record {
        let audio = Audio { codec: "pcm_s16le".into(), duration_seconds: 222.4, ..Audio::default() };
        let tags =
            Tags { artist: Some("The Oscillators".into()), title: Some(title.into()), ..Tags::default() };
        let loudness =
            Loudness { integrated_lufs: Some(-23.04), true_peak_dbtp: Some(-4.01), ..Loudness::default() };
        let key = Key {
            tonic: tonic.into(),
            mode: Mode::Minor,
            camelot: "11A".into(),
            confidence: key_chance,
            ..Key::default()
        };
        let report = Report {
            audio,
            tags: Some(tags),
            loudness: Some(loudness),
            tempo: Some(Tempo { bpm, confidence: bpm_chance, ..Tempo::default() }),
            key: Some(key),
            ..Report::default()
        };
        Record { report: Some(Box::new(report)), ..Record::new(path.as_bytes(), End::Ok) }
    }

    fn records() -> Vec<Record> {
        let mut cut_off = song("Music/bad/cut off.flac", "Torn", (174.0, 0.31), ("F#", 0.4));
        (cut_off.outcome, cut_off.detail) =
            (Outcome::Partial, Some("1.49 s of 3.00 s are missing; the file ends in the middle".into()));
        let mut text = Record::new(b"Music/bad/text.mp3", End::Failed(FailureKind::Corrupt));
        text.detail =
            Some("no audio found: it looks like a text, not like the audio that its name says".into());
        vec![
            song("Music/Distant Lantern.wav", "Distant Lantern", (124.0, 0.9993), ("A", 0.93)),
            song(
                "Music/07 - A Night at the Harbour with Many Friends (Extended Mix).flac",
                "A Night at the Harbour with Many Friends (Extended Mix)",
                (87.5, 1.0),
                ("Eb", 0.71),
            ),
            cut_off,
            text,
            Record::new(b"Music/bad/silence.wav", End::NotApplicable(NotApplicable::Silence)),
        ]
    }

    fn printed(medium: Medium) -> String {
        let mut out = Vec::new();
        let mut table = RecordTable::new(medium);
        table.header(&mut out).unwrap();
        records().iter().for_each(|record| table.row(&mut out, record).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_fits_four_terminals() {
        for width in [60, 80, 120, 200] {
            let text = printed(Medium { width: Some(width), colour: false });
            assert!(text.lines().all(|line| line.width() <= width), "{text}");
            insta::assert_snapshot!(format!("table_{width}"), text);
        }
    }

    #[test]
    fn a_piped_table_is_whole() {
        insta::assert_snapshot!("table_piped", printed(Medium::piped()));
    }

    #[test]
    fn what_is_uncertain_is_dim_and_failures_are_red() {
        let text = printed(Medium { width: Some(120), colour: true });
        assert!(
            text.contains("\u{1b}[2m174.0\u{1b}[0m") && text.contains("\u{1b}[2m31\u{1b}[0m"),
            "{text:?}"
        );
        assert!(text.contains("\u{1b}[31mfailed\u{1b}[0m") && text.contains(" 124.0  99 "), "{text:?}");
    }
}
