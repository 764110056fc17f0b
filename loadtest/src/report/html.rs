//! Pieces of a page. Whatever comes from a run is text of strangers (labels, paths, versions), and is escaped here and nowhere
//! else: a [`Cell`] is made of text, and only this module makes markup of it.

use std::fmt::Write;

use shared::record::printable;

/// Text as it may stand in an element and in a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '"' => clean.push_str("&quot;"),
            '\'' => clean.push_str("&#39;"),
            // They turn the direction of the text behind them, out of their own cell, too.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                clean.extend(c.escape_unicode());
            }
            c => clean.push(c),
        }
    }
    clean
}

/// How a cell is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Good,
    Bad,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    /// A second line, smaller.
    note: String,
    kind: Kind,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), note: String::new(), kind: Kind::Text }
    }

    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self { kind: Kind::Number, ..Self::text(text) }
    }

    /// A word that says by itself whether it is good.
    pub(crate) fn verdict(text: impl Into<String>, good: bool) -> Self {
        Self { kind: if good { Kind::Good } else { Kind::Bad }, ..Self::text(text) }
    }

    pub(crate) fn noted(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// A table with a caption. On a narrow screen each row becomes a list of its cells with the heads before them; the roles keep it
/// a table for those who hear it.
pub(crate) fn table(caption: &str, heads: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut html = format!(
        "<table role=\"table\"><caption>{}</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">",
        escaped(caption)
    );
    // Writing to a String cannot fail.
    for (at, head) in heads.iter().enumerate() {
        let number = rows.first().and_then(|row| row.get(at)).is_some_and(|cell| cell.kind == Kind::Number);
        let class = if number { Kind::Number } else { Kind::Text }.class();
        let _ =
            write!(html, "<th role=\"columnheader\" scope=\"col\" class=\"{class}\">{}</th>", escaped(head));
    }
    html.push_str("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for row in rows {
        html.push_str("<tr role=\"row\">");
        for (at, cell) in row.iter().enumerate() {
            html.push_str(&cell_of(at == 0, heads.get(at).copied().unwrap_or_default(), cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>\n");
    html
}

fn cell_of(first: bool, head: &str, cell: &Cell) -> String {
    let note =
        if cell.note.is_empty() { String::new() } else { format!("<small>{}</small>", escaped(&cell.note)) };
    let (tag, role) = if first { ("th", "rowheader\" scope=\"row") } else { ("td", "cell") };
    format!(
        "<{tag} role=\"{role}\" data-head=\"{}\" class=\"{}\"><span>{}{note}</span></{tag}>",
        escaped(head),
        cell.kind.class(),
        escaped(&cell.text)
    )
}

/// Names and what they are.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut html = String::from("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(&value));
    }
    html.push_str("</dl>\n");
    html
}

/// Something that is folded away until it is asked for.
pub(crate) fn folded(summary: &str, inside: &str) -> String {
    format!("<details><summary>{}</summary>\n{inside}</details>\n", escaped(summary))
}

pub(crate) fn section(heading: &str, inside: &str) -> String {
    format!("<section>\n<h2>{}</h2>\n{inside}</section>\n", escaped(heading))
}

/// A whole page. Everything it shows is in it: the policy forbids what would come from elsewhere, and every script.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <main>\n{body}</main>\n</body>\n</html>\n",
        escaped(title),
        include_str!("page.css")
    )
}
