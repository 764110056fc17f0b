//! Just enough of Rust's syntax to find paths and keywords: comments and literals taken out, `use` trees spelt out.

/// The text with comments and the contents of literals blanked out. Lines stay where they are.
pub fn strip(source: &str) -> String {
    let mut rest = source;
    let mut out = String::with_capacity(source.len());
    while let Some(first) = rest.chars().next() {
        let in_word = out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = (!in_word).then(|| raw_string(rest)).flatten() {
            length
        } else if first == '"' {
            1 + quoted(&rest[1..], '"')
        } else if first == '\'' && is_char_literal(rest) {
            1 + quoted(&rest[1..], '\'')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    out
}

/// Length of the nested comment that `text` begins with.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of the raw string (`r"…"`, `br#"…"#`) that `text` begins with.
fn raw_string(text: &str) -> Option<usize> {
    let body =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    body[hashes..].strip_prefix('"')?;
    let start = text.len() - body.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[start..].find(&end).map_or(text.len(), |found| start + found + end.len()))
}

/// Length up to and with the closing quote, escapes counted over.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if !escaped && c == quote {
            return at + c.len_utf8();
        }
        escaped = !escaped && c == '\\';
    }
    text.len()
}

/// `'a'` and `'\n'`, but not the lifetime `'a`.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

/// A word or a mark, with its line (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    pub line: usize,
    pub text: &'a str,
}

/// Words, `::` and single marks of a stripped text.
pub fn tokens(stripped: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (index, line) in stripped.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first,
                word => word,
            };
            found.push(Token { line: index + 1, text: &rest[..length] });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// For each line (from 0) whether it belongs to an item behind `#[cfg(test)]`.
pub fn test_lines(stripped: &str) -> Vec<bool> {
    let mut marked = vec![false; stripped.lines().count()];
    let tokens = tokens(stripped);
    let mut at = 0;
    while at < tokens.len() {
        if starts(&tokens[at..], &["#", "[", "cfg", "("]) {
            let end = closing(&tokens, at + 1);
            let condition: Vec<&str> = tokens[at..end].iter().map(|token| token.text).collect();
            if condition.contains(&"test") && !condition.contains(&"not") {
                let last = item_end(&tokens, end);
                let lines = tokens[at].line - 1..tokens.get(last).map_or(marked.len(), |token| token.line);
                marked[lines].fill(true);
                at = last;
            }
        }
        at += 1;
    }
    marked
}

fn starts(tokens: &[Token<'_>], with: &[&str]) -> bool {
    tokens.len() >= with.len() && tokens.iter().zip(with).all(|(token, text)| token.text == *text)
}

/// Index of the bracket that closes the one at `open`.
fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len()
}

/// Index of the `;` or `}` that ends the item after `from`.
fn item_end(tokens: &[Token<'_>], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// A path as it is written, with its line: `std::env`, `super::Receive`, `std::time::*`.
#[derive(Debug, PartialEq, Eq)]
pub struct Mention {
    pub line: usize,
    pub path: Vec<String>,
    /// The name under which a `use` brings it in.
    pub imported_as: Option<String>,
}

/// All paths of two or more names, and everything that is imported.
pub fn mentions(stripped: &str) -> Vec<Mention> {
    let tokens = tokens(stripped);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].text == "use" {
            at = use_tree(&tokens, at + 1, &[], &mut found);
        } else if is_name(tokens[at].text) {
            let (end, path) = plain_path(&tokens, at);
            if path.len() > 1 {
                found.push(Mention { line: tokens[at].line, path, imported_as: None });
            }
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The names from `at` on that `::` joins, and the index behind them.
fn plain_path(tokens: &[Token<'_>], at: usize) -> (usize, Vec<String>) {
    let mut path = vec![tokens[at].text.to_owned()];
    let mut next = at + 1;
    while next + 1 < tokens.len() && tokens[next].text == "::" && is_name(tokens[next + 1].text) {
        path.push(tokens[next + 1].text.to_owned());
        next += 2;
    }
    (next, path)
}

/// Reads one branch of a `use` tree, and gives the index behind it.
fn use_tree(tokens: &[Token<'_>], mut at: usize, prefix: &[String], found: &mut Vec<Mention>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text {
            "::" => {}
            "{" => return use_group(tokens, at + 1, &path, found),
            "as" => {
                let alias = tokens.get(at + 1).map(|token| token.text.to_owned());
                found.push(Mention { line, path, imported_as: alias });
                return at + 2;
            }
            "self" if !path.is_empty() => {}
            text if text == "*" || is_name(text) => path.push(text.to_owned()),
            _ => break,
        }
        at += 1;
    }
    let imported_as = path.last().cloned();
    found.push(Mention { line, path, imported_as });
    at
}

fn use_group(tokens: &[Token<'_>], mut at: usize, prefix: &[String], found: &mut Vec<Mention>) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "}" => return at + 1,
            "," => at += 1,
            _ => at = use_tree(tokens, at, prefix, found).max(at + 1),
        }
    }
    at
}
