//! A record as one line of a table whose columns fit the terminal. Rows are printed as files end, so the widths are
//! fixed beforehand.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Record;
use crate::outcome::Outcome;
use crate::printable::printable;

/// Heading and width of the columns between the file's name and the reason; a negative width aligns to the right.
const COLUMNS: [(&str, isize); 7] =
    [("OUTCOME", 14), ("FORMAT", 9), ("LENGTH", -8), ("BPM", -6), ("KEY", 7), ("LUFS", -6), ("PEAK", -6)];

/// A name and a reason are readable from this many columns on; a narrower terminal wraps.
const LEAST: usize = 20;

pub(super) fn header(out: impl Write, width: usize) -> io::Result<()> {
    line(out, width, "FILE", &COLUMNS.map(|(name, _)| name.to_owned()), "TITLE / REASON")
}

pub(super) fn row(out: impl Write, width: usize, record: &Record) -> io::Result<()> {
    let report = record.report.as_ref();
    let audio = report.map(|report| &report.audio);
    let loudness = report.and_then(|report| report.loudness.as_ref());
    let level = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
    let outcome = match (record.outcome, record.cached) {
        (Outcome::Ok, true) => "ok (cached)".to_owned(),
        (outcome, _) => outcome.to_string(),
    };
    let cells = [
        outcome,
        audio.map(|audio| audio.codec.clone()).unwrap_or_default(),
        audio.map(|audio| length(audio.duration_seconds)).unwrap_or_default(),
        level(report.and_then(|report| report.tempo.as_ref()).map(|tempo| tempo.bpm)),
        report.and_then(|report| report.key.as_ref()).map(key).unwrap_or_default(),
        level(loudness.and_then(|loudness| loudness.integrated_lufs)),
        level(loudness.and_then(|loudness| loudness.true_peak_dbtp)),
    ];
    line(out, width, &record.path, &cells, &record.reason().unwrap_or_else(|| title(record)))
}

/// `F#m 11A`: as musicians write it, and as DJs do.
fn key(key: &report::Key) -> String {
    let minor = if key.mode == report::Mode::Minor { "m" } else { "" };
    format!("{}{minor} {}", key.tonic, key.camelot)
}

fn title(record: &Record) -> String {
    let tags = record.report.as_ref().and_then(|report| report.tags.as_ref());
    let words = tags.map(|tags| [tags.artist.as_deref(), tags.title.as_deref()]);
    words.into_iter().flatten().flatten().collect::<Vec<_>>().join(" – ")
}

/// The name and the reason share what the other columns leave.
fn line(mut out: impl Write, width: usize, name: &str, cells: &[String; 7], reason: &str) -> io::Result<()> {
    let fixed: usize = COLUMNS.iter().map(|(_, width)| width.unsigned_abs() + 1).sum();
    let rest = width.saturating_sub(fixed + 1).max(2 * LEAST);
    let name_width = rest / 2;
    let mut text = fit(&printable(name), name_width as isize, Cut::Front);
    for ((_, width), cell) in COLUMNS.iter().zip(cells) {
        text.push(' ');
        text.push_str(&fit(&printable(cell), *width, Cut::Back));
    }
    text.push(' ');
    // The reason is never cut: it is what the user came for.
    text.push_str(&printable(reason));
    writeln!(out, "{}", text.trim_end())
}

enum Cut {
    /// The end of a path says more than its beginning.
    Front,
    Back,
}

fn fit(text: &str, width: isize, cut: Cut) -> String {
    let target = width.unsigned_abs();
    let mut text = text.to_owned();
    if text.width() > target {
        text = match cut {
            Cut::Back => take(text.chars(), target.saturating_sub(1)) + "…",
            Cut::Front => {
                let end = take(text.chars().rev(), target.saturating_sub(1));
                format!("…{}", end.chars().rev().collect::<String>())
            }
        };
    }
    let padding = " ".repeat(target.saturating_sub(text.width()));
    if width < 0 { padding + &text } else { text + &padding }
}

fn take(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

fn length(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let (minutes, rest) = (tenths / 600, tenths % 600);
    format!("{minutes}:{:02}.{}", rest / 10, rest % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_width_whatever_is_in_them() {
        for text in
            ["", "short", "a very long name that is cut", "日本語の長い名前です", "e\u{301}\u{301}\u{301}"]
        {
            assert_eq!(fit(text, 10, Cut::Back).width(), 10, "{text}");
            assert_eq!(fit(text, -10, Cut::Front).width(), 10, "{text}");
        }
        assert_eq!(fit("music/artist/song.flac", 10, Cut::Front), "…song.flac");
    }

    #[test]
    fn lengths_read_like_a_players() {
        assert_eq!(length(0.1), "0:00.1");
        assert_eq!(length(59.96), "1:00.0");
        assert_eq!(length(3725.0), "62:05.0");
    }
}
