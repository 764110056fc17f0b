//! Foreign text on its way to a terminal, a log or a spreadsheet: file names, tags and the words of servers may hold
//! anything, and must not be taken for commands by the program that shows them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// The text with everything escaped that a terminal would obey, or that makes a line read as another one: control characters
/// (`\n`, ESC, the C1 controls such as U+009B), line separators, the controls of the writing direction (U+202E) and
/// characters that are not to be seen.
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, is_deceptive)
}

/// As [`printable`], for a text of ours that has several lines: line breaks stay.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    escaped(text, |c| c != '\n' && is_deceptive(c))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    clean
}

/// Joiners (U+200C, U+200D) are not among them: Persian words and family emoji are made with them.
fn is_deceptive(c: char) -> bool {
    // C0, DEL and C1.
    c.is_control()
        || matches!(c,
            // Line and paragraph separator.
            '\u{2028}' | '\u{2029}'
            // Marks, embeddings, overrides and isolates of the writing direction (Unicode Standard Annex 9, section 2).
            | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            // Without width and without a shape.
            | '\u{200B}' | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            // Tags: a second text that nobody sees.
            | '\u{E0000}'..='\u{E007F}')
}

/// A JSON text with the same characters written as `\u` escapes. It means the same to every reader of JSON, in which
/// characters beyond ASCII stand in strings alone; JSON itself escapes only those below U+0020.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| !c.is_ascii() && is_deceptive(c) || c == '\u{7f}';
    if !json.contains(is_escaped) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if !is_escaped(c) {
            clean.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _infallible = write!(clean, "\\u{unit:04x}");
        }
    }
    Cow::Owned(clean)
}

/// Writes a value as JSON in one line that is safe to show on a terminal.
///
/// # Errors
/// Those of the writer, and of the value's serialisation.
pub fn write_json(mut out: impl Write, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    out.write_all(printable_json(&json(value, Rounded(CompactFormatter))?).as_bytes())
}

/// As [`write_json`], indented.
///
/// # Errors
/// As [`write_json`].
pub fn write_json_indented(mut out: impl Write, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    out.write_all(printable_json(&json(value, Rounded(PrettyFormatter::new()))?).as_bytes())
}

fn json(value: &(impl Serialize + ?Sized), formatter: impl Formatter) -> io::Result<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// JSON whose fractions have six decimals or, below 1, six significant digits: what a `f64` has beyond is noise, and two fifths
/// of a record.
struct Rounded<F>(F);

/// From here on six decimals are more than a `f64` has.
const EXACT_FROM: f64 = 1e9;

fn rounded(value: f64) -> f64 {
    if value == 0.0 || value.abs() >= EXACT_FROM {
        return value;
    }
    let magnitude = value.abs().log10().floor();
    let scale = 10_f64.powi(if magnitude < 0.0 { 5 - magnitude as i32 } else { 6 });
    let rounded = (value * scale).round() / scale;
    // Numbers near to nothing have no such scale.
    if rounded.is_finite() { rounded } else { value }
}

/// Passes on to the formatter inside what makes the layout.
impl<F: Formatter> Formatter for Rounded<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.0.write_f64(writer, rounded(value))
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.0.write_f64(writer, rounded(value.into()))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// A text as a cell of a CSV file. A spreadsheet takes one that begins with `=`, `+`, `-` or `@` (or their full-width
/// forms), with a tab or a line break for a formula and computes it; an apostrophe in front makes it a text. For cells with
/// foreign text alone: a number that begins with `-` stays a number.
#[must_use]
pub fn spreadsheet_text(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal or a reader could be deceived with, each with a letter on either side.
    const DECEPTIVE: [&str; 12] = [
        "a\u{1b}[2Jb",
        "a\nb",
        "a\rb",
        "a\u{7f}b",
        "a\u{9b}31mb",
        "a\u{202e}gpj.b",
        "a\u{2066}b",
        "a\u{200f}b",
        "a\u{2028}b",
        "a\u{200b}b",
        "a\u{feff}b",
        "a\u{e0041}b",
    ];

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\n\u{9b}c\u{202e}"), "a\\u{1b}[2Jb\\n\\u{9b}c\\u{202e}");
        assert_eq!(printable_lines("a\nb\rc"), "a\nb\\rc");
        for text in DECEPTIVE {
            assert!(!printable(text).contains(is_deceptive), "{text:?}");
        }
        for text in ["Sigur Rós – ( )", "日本語", "می\u{200c}خواهم", "👨\u{200d}👩\u{200d}👧", "e\u{301}"]
        {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn json_is_safe_to_show_and_means_the_same() {
        for text in DECEPTIVE {
            let mut json = Vec::new();
            write_json(&mut json, &text).unwrap();
            let json = String::from_utf8(json).unwrap();
            assert!(!json.contains(is_deceptive), "{json:?}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
        assert!(matches!(printable_json("{\"a\":\"ö\"}"), Cow::Borrowed(_)));
    }

    #[test]
    fn fractions_have_as_many_digits_as_mean_something() {
        let mut out = Vec::new();
        let numbers =
            [0.0, -0.0, 124.000_000_000_01, 1.0 / 3.0, 2e-7 / 3.0, 1_234.567_890_123, 1.5e15, f64::NAN];
        write_json(&mut out, &numbers).unwrap();
        let expected = "[0.0,-0.0,124.0,0.333333,6.66667e-8,1234.56789,1500000000000000.0,null]";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        write_json_indented(&mut out, &[serde_json::json!({ "a": [0.1 + 0.2] })]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "[\n  {\n    \"a\": [\n      0.3\n    ]\n  }\n]");
        assert_eq!(rounded(f64::MIN_POSITIVE), f64::MIN_POSITIVE);
    }

    #[test]
    fn a_formula_becomes_a_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert_eq!(spreadsheet_text(text), format!("'{text}"));
        }
        for text in ["", "a=b", "music/-a.mp3", "'=1", " =1"] {
            assert_eq!(spreadsheet_text(text), text);
        }
    }
}
