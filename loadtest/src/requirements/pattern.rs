//! Names of scenarios and phases, or patterns of them.

use serde::Deserialize;

/// `burst`, `flac *`, `burst|sustained`: `*` stands for any text, `|` separates what may be meant.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.split('|').any(|pattern| fits(pattern, name))
    }
}

/// Each part between two stars at its first place behind the part before it, the last one at the end.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, stars)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = stars.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text_and_bars_for_a_choice() {
        let table = [
            ("burst", "burst", true),
            ("burst", "bursts", false),
            ("*", "", true),
            ("*", "anything", true),
            ("flac *", "flac 1 KB", true),
            ("flac *", "wav 1 MB", false),
            ("*lane*s", "16 lanes", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("burst|sus*", "sustained", true),
            ("burst|sus*", "soak", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(Pattern(pattern.to_owned()).matches(name), expected, "{pattern} on {name}");
        }
    }
}
