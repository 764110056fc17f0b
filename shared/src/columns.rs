//! Tables for people: a name, a few columns of fixed width, and a text, one line each, printed as the rows come.
//!
//! On a terminal every line fits its width: the columns that matter least are left out of a narrow one, a long name is cut in
//! its middle and a long text at its end, and the folder of the rows is a line of its own above them. Where nobody looks (a
//! pipe, a file) nothing is cut, names are whole paths, and they stand behind the columns, which so stay under each other.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printable::printable;

/// A name is readable from this many columns on.
const LEAST_NAME: usize = 20;
/// So is a title, or the cause of a failure.
const LEAST_TEXT: usize = 14;
/// Names of files are seldom longer; what is left of a wide terminal belongs to the text.
const MOST_NAME: usize = 60;
/// What a name is padded to where nothing is cut.
const PIPED_NAME: usize = 40;

/// What a table is printed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Medium {
    /// Columns of the terminal; `None` where nobody looks, so that nothing is cut.
    pub width: Option<usize>,
    /// Whether rows may be coloured.
    pub colour: bool,
}

impl Medium {
    /// A terminal of this width, in colours unless the environment has `NO_COLOR` (<https://no-color.org>: set and not empty)
    /// or a `TERM` that knows none.
    #[must_use]
    pub fn terminal(width: usize) -> Self {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { width: Some(width), colour: !forbidden && !dumb }
    }

    /// A pipe or a file.
    #[must_use]
    pub const fn piped() -> Self {
        Self { width: None, colour: false }
    }
}

/// Where the cells of a column begin or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column between the name and the text.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    /// Its width, in columns of the terminal.
    pub width: usize,
    /// On which side its cells stand.
    pub align: Align,
    /// In which order columns are left out of a narrow terminal: the highest first, 0 never.
    pub rank: u8,
}

/// How a cell is shown where there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Less than the others: what is uncertain or does not matter.
    Dim,
    /// A warning.
    Yellow,
    /// A failure.
    Red,
    /// A heading.
    Bold,
}

impl Tone {
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Dim => Some("2"),
            Self::Yellow => Some("33"),
            Self::Red => Some("31"),
            Self::Bold => Some("1"),
        }
    }
}

/// What stands in a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The text; it is made printable.
    pub text: String,
    /// How it is shown.
    pub tone: Tone,
}

impl Cell {
    /// A cell as it is.
    #[must_use]
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// A table of `N` columns between the name and the text.
#[derive(Debug, Clone)]
pub struct Columns<const N: usize> {
    columns: [Column; N],
    is_shown: [bool; N],
    medium: Medium,
    name_width: usize,
    /// The folder of the rows above.
    folder: Option<String>,
}

impl<const N: usize> Columns<N> {
    /// Rows are printed as they come, so the widths are fixed beforehand.
    #[must_use]
    pub fn new(columns: [Column; N], medium: Medium) -> Self {
        let mut is_shown = [true; N];
        let mut name_width = PIPED_NAME;
        if let Some(width) = medium.width {
            let taken = |shown: &[bool; N]| -> usize {
                columns
                    .iter()
                    .zip(shown)
                    .filter(|(_, shown)| **shown)
                    .map(|(column, _)| column.width + 1)
                    .sum()
            };
            while taken(&is_shown) + LEAST_NAME + 1 + LEAST_TEXT > width {
                let removable = (0..N).filter(|place| is_shown[*place] && columns[*place].rank > 0);
                let Some(last) = removable.max_by_key(|place| columns[*place].rank) else { break };
                is_shown[last] = false;
            }
            let rest = width.saturating_sub(taken(&is_shown) + 1);
            name_width = (rest * 11 / 20).clamp(LEAST_NAME.min(rest), MOST_NAME);
        }
        Self { columns, is_shown, medium, name_width, folder: None }
    }

    /// The line above the rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn header(&mut self, out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
        let cells = self.columns.map(|column| Cell::from(column.heading.to_owned()));
        let tone = Tone::Bold;
        self.line(out, name, &cells.map(|cell| Cell { tone, ..cell }), Cell::new(text, tone), tone)
    }

    /// One row: a path, its cells and the text.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn row(&mut self, out: &mut impl Write, path: &str, cells: &[Cell; N], text: Cell) -> io::Result<()> {
        let name = self.name(out, path)?;
        self.line(out, &name, cells, text, Tone::Plain)
    }

    /// One row of which only the first cell is known: the text begins right after it, where the others would stand.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn row_without_values(
        &mut self,
        out: &mut impl Write,
        path: &str,
        first: &Cell,
        text: &Cell,
    ) -> io::Result<()> {
        let Some(width) = self.medium.width else {
            let mut cells: [Cell; N] = std::array::from_fn(|_| Cell::default());
            if let Some(cell) = cells.first_mut() {
                *cell = first.clone();
            }
            return self.row(out, path, &cells, text.clone());
        };
        let name = self.name(out, path)?;
        let mut line =
            self.painted(&fit(&printable(&name), self.name_width, Align::Left, Cut::Middle), Tone::Plain);
        let first_width = self.columns.first().map_or(0, |column| column.width);
        let word = printable(&first.text);
        line.push(' ');
        line.push_str(
            &self.painted(&fit(&word, first_width.max(word.width()), Align::Left, Cut::End), first.tone),
        );
        let used = self.name_width + 1 + first_width.max(word.width()) + 1;
        self.ending(out, line, text, Some(width.saturating_sub(used)))
    }

    /// The name that a row shows: on a terminal that of the file, below a line with its folder.
    fn name(&mut self, out: &mut impl Write, path: &str) -> io::Result<String> {
        let Some(width) = self.medium.width else { return Ok(path.to_owned()) };
        let (folder, name) = match path.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), path),
        };
        let is_news = self.folder.as_ref().map_or(!folder.is_empty(), |above| *above != folder);
        if is_news {
            let shown = if folder.is_empty() { "./" } else { &folder };
            let shown = cut(&printable(shown), width, Cut::Front);
            writeln!(out, "{}", self.painted(&shown, Tone::Bold))?;
            self.folder = Some(folder);
        }
        Ok(name.to_owned())
    }

    fn line(
        &self,
        out: &mut impl Write,
        name: &str,
        cells: &[Cell; N],
        text: Cell,
        tone: Tone,
    ) -> io::Result<()> {
        let name = printable(name);
        let mut line = String::new();
        let shown = self.columns.iter().zip(cells).zip(self.is_shown).filter(|(_, shown)| *shown);
        let fixed = shown.map(|((column, cell), _)| {
            let text = fit(&printable(&cell.text), column.width, column.align, Cut::End);
            self.painted(&text, cell.tone)
        });
        match self.medium.width {
            None => {
                fixed.for_each(|cell| line = format!("{line}{cell} "));
                line.push_str(&fit(&name, self.name_width.max(name.width()), Align::Left, Cut::End));
            }
            Some(_) => {
                line.push_str(&self.painted(&fit(&name, self.name_width, Align::Left, Cut::Middle), tone));
                fixed.for_each(|cell| line = format!("{line} {cell}"));
            }
        }
        let used: usize = self
            .columns
            .iter()
            .zip(self.is_shown)
            .filter(|(_, shown)| *shown)
            .map(|(it, _)| it.width + 1)
            .sum();
        let room = self.medium.width.map(|width| width.saturating_sub(self.name_width + used + 1));
        self.ending(out, line, &text, room)
    }

    /// The text at the end of a line, cut to what is left of the terminal.
    fn ending(&self, out: &mut impl Write, line: String, text: &Cell, room: Option<usize>) -> io::Result<()> {
        let shown = printable(&text.text);
        let shown = room.map_or_else(|| shown.clone(), |room| cut(&shown, room, Cut::End));
        if shown.is_empty() {
            return writeln!(out, "{}", line.trim_end());
        }
        writeln!(out, "{line} {}", self.painted(&shown, text.tone).trim_end())
    }

    fn painted(&self, text: &str, tone: Tone) -> String {
        match tone.code().filter(|_| self.medium.colour && !text.trim().is_empty()) {
            // The blanks that fill a column stay outside, so that trailing ones can be cut off.
            Some(code) => {
                let (bare, start) = (text.trim(), text.len() - text.trim_start().len());
                let end = start + bare.len();
                format!("{}\u{1b}[{code}m{bare}\u{1b}[0m{}", &text[..start], &text[end..])
            }
            None => text.to_owned(),
        }
    }
}

/// Where a text that is too long loses what is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The end of a path says more than its beginning.
    Front,
    /// The beginning of a name has its number, the end its extension.
    Middle,
    /// A sentence.
    End,
}

fn fit(text: &str, width: usize, align: Align, at: Cut) -> String {
    let text = cut(text, width, at);
    let padding = " ".repeat(width.saturating_sub(text.width()));
    if align == Align::Right { padding + &text } else { text + &padding }
}

fn cut(text: &str, width: usize, at: Cut) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let end_of = |width| {
        let end = take(text.chars().rev(), width);
        end.chars().rev().collect::<String>()
    };
    match at {
        _ if width == 0 => String::new(),
        Cut::End => take(text.chars(), room) + "…",
        Cut::Front => format!("…{}", end_of(room)),
        Cut::Middle => {
            let start = take(text.chars(), room / 2);
            let rest = room - start.width();
            format!("{start}…{}", end_of(rest))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_width_whatever_is_in_them() {
        for text in
            ["", "short", "a very long name that is cut", "日本語の長い名前です", "e\u{301}\u{301}\u{301}"]
        {
            for at in [Cut::Front, Cut::Middle, Cut::End] {
                assert_eq!(fit(text, 10, Align::Left, at).width(), 10, "{text}");
                assert_eq!(fit(text, 10, Align::Right, at).width(), 10, "{text}");
            }
        }
        assert_eq!(cut("music/artist/song.flac", 10, Cut::Front), "…song.flac");
        assert_eq!(cut("01 - a very long title.flac", 14, Cut::Middle), "01 - a…le.flac");
        assert_eq!(cut("a very long title", 8, Cut::End), "a very …");
    }

    const COLUMNS: [Column; 3] = [
        Column { heading: "A", width: 6, align: Align::Left, rank: 0 },
        Column { heading: "B", width: 8, align: Align::Right, rank: 2 },
        Column { heading: "C", width: 8, align: Align::Right, rank: 1 },
    ];

    fn printed(medium: Medium) -> String {
        let mut out = Vec::new();
        let mut table = Columns::new(COLUMNS, medium);
        table.header(&mut out, "FILE", "TEXT").unwrap();
        let cells = ["ok", "1.5", "22"].map(|text| Cell::from(text.to_owned()));
        let long =
            "a title that is longer than what is left of the line, whatever the terminal is like, or almost";
        for path in ["top.mp3", "music/a.mp3", "music/b.mp3", "other/a name that is far too long for it.mp3"]
        {
            table.row(&mut out, path, &cells, Cell::new(long, Tone::Dim)).unwrap();
        }
        let failed = Cell::new("failed", Tone::Red);
        table.row_without_values(&mut out, "other/bad.mp3", &failed, &Cell::new(long, Tone::Plain)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_the_least_column_goes_first() {
        for width in [40, 52, 60, 80, 120, 200] {
            let text = printed(Medium { width: Some(width), colour: false });
            for line in text.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
            assert_eq!(text.lines().next().unwrap().contains('B'), width >= 60, "{text}");
            assert_eq!(text.matches("music/\n").count(), 1, "{text}");
        }
    }

    #[test]
    fn nothing_is_cut_where_nobody_looks() {
        let text = printed(Medium::piped());
        assert!(
            !text.contains('…') && text.contains("other/a name that is far too long for it.mp3"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 6, "{text}");
    }

    #[test]
    fn colours_are_codes_around_the_words_and_no_width() {
        let plain = printed(Medium { width: Some(80), colour: false });
        let coloured = printed(Medium { width: Some(80), colour: true });
        assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[31mfailed\u{1b}[0m"), "{coloured}");
        let codes = ["\u{1b}[31m", "\u{1b}[2m", "\u{1b}[1m", "\u{1b}[0m"];
        assert_eq!(codes.iter().fold(coloured, |text, code| text.replace(code, "")), plain);
    }
}
