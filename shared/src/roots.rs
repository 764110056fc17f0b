//! Media roots: `root/relative/path` and a path on this host are each other's translation, never outside the root.
//!
//! A reference comes from a message, and a message is untrusted: [`open`] is the only way from one to a file.

use std::path::{Component, Path, PathBuf};

mod beneath;
mod locate;
mod open;
mod presence;

pub use locate::{Locator, RootError};
pub use open::{OpenError, OpenedFile, open};
pub use presence::{Presence, look, means_gone};

/// The folders a fleet may read, each under a name that is the same on every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRoots(Vec<(String, PathBuf)>);

/// Why a text is no list of media roots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// No root at all.
    #[error("no root is named")]
    Empty,
    /// A part is not `name=/path`.
    #[error("{0:?} is not name=/path")]
    NotAPair(String),
    /// A name with other characters.
    #[error("the name {0:?} may have a-z, 0-9, _ and - only")]
    Name(String),
    /// A path that depends on the current folder, or has `.` or `..` in it.
    #[error("the path of '{name}', {path:?}, is not absolute and without . and ..")]
    Path {
        /// The root's name.
        name: String,
        /// Its path as given.
        path: String,
    },
    /// What looks like two roots with another character between them than `;`.
    #[error(
        "the path of '{name}' has '{separator}' in it, and another name= behind that: separate roots by ';', as in {name}=/path;other=/path"
    )]
    Separator {
        /// The first root's name.
        name: String,
        /// What stands between them.
        separator: char,
    },
    /// A name given twice.
    #[error("the name '{0}' is given twice")]
    Duplicate(String),
    /// One root inside another: a file would have two references, and be analysed twice.
    #[error("'{inner}' lies inside '{outer}'")]
    Nested {
        /// Name of the inner root, or of the second of two equal ones.
        inner: String,
        /// Name of the root around it.
        outer: String,
    },
}

impl MediaRoots {
    /// Parses `name=/path`, several separated by `;`. The disk is not touched: a root may be mounted later.
    ///
    /// # Errors
    /// The first part that cannot be used.
    pub fn parse(text: &str) -> Result<Self, RootsError> {
        let mut roots: Vec<(String, PathBuf)> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, path) = root(part)?;
            if roots.iter().any(|(other, _)| *other == name) {
                return Err(RootsError::Duplicate(name));
            }
            for (other, around) in &roots {
                if path.starts_with(around) {
                    return Err(RootsError::Nested { inner: name, outer: other.clone() });
                }
                if around.starts_with(&path) {
                    return Err(RootsError::Nested { inner: other.clone(), outer: name });
                }
            }
            roots.push((name, path));
        }
        if roots.is_empty() { Err(RootsError::Empty) } else { Ok(Self(roots)) }
    }

    /// The path of a root on this host.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Path> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, path)| path.as_path())
    }

    /// Names and paths, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.0.iter().map(|(name, path)| (name.as_str(), path.as_path()))
    }
}

fn root(part: &str) -> Result<(String, PathBuf), RootsError> {
    let (name, path) = part.split_once('=').ok_or_else(|| RootsError::NotAPair(part.to_owned()))?;
    let (name, path) = (name.trim(), path.trim());
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if name.is_empty() || !name.bytes().all(fits) {
        return Err(RootsError::Name(name.to_owned()));
    }
    for (at, separator) in path.match_indices([':', ',']) {
        let behind = path[at + 1..].split_once("=/").map(|(name, _)| name.trim());
        if behind.is_some_and(|name| !name.is_empty() && name.bytes().all(fits)) {
            let separator = separator.chars().next().unwrap_or(':');
            return Err(RootsError::Separator { name: name.to_owned(), separator });
        }
    }
    let plain = Path::new(path).components().all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    if !path.starts_with('/') || !plain || path.contains('\0') {
        return Err(RootsError::Path { name: name.to_owned(), path: path.to_owned() });
    }
    // Without doubled and trailing slashes, so that equal roots compare equal.
    Ok((name.to_owned(), Path::new(path).components().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_paths() {
        let roots = MediaRoots::parse(" music=/srv/music ; b_2-x = /mnt//b/ ;").unwrap();
        assert_eq!(roots.get("music"), Some(Path::new("/srv/music")));
        assert_eq!(roots.get("b_2-x"), Some(Path::new("/mnt/b")));
        assert_eq!(roots.get("c"), None);
        assert_eq!(roots.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["music", "b_2-x"]);
        assert!(MediaRoots::parse("all=/").is_ok());
        // Both characters may be in a folder's name.
        assert!(MediaRoots::parse("a=/srv/AC:DC, live/b=c").is_ok());
        // Siblings, not nested: the comparison is by component.
        assert!(MediaRoots::parse("a=/srv/music;b=/srv/music2").is_ok());
    }

    #[test]
    fn every_mistake_is_named() {
        let path = |path: &str| RootsError::Path { name: "a".into(), path: path.into() };
        let nested =
            |inner: &str, outer: &str| RootsError::Nested { inner: inner.into(), outer: outer.into() };
        let cases = [
            ("", RootsError::Empty),
            (" ; ", RootsError::Empty),
            ("/srv/music", RootsError::NotAPair("/srv/music".into())),
            ("=/srv", RootsError::Name(String::new())),
            ("Ä=/srv", RootsError::Name("Ä".into())),
            ("a b=/srv", RootsError::Name("a b".into())),
            ("a=", path("")),
            ("a=srv", path("srv")),
            ("a=~/music", path("~/music")),
            ("a=/srv/../etc", path("/srv/../etc")),
            ("a=/x;a=/y", RootsError::Duplicate("a".into())),
            ("a=/x;b=/x/", nested("b", "a")),
            ("a=/x;b=/x/y", nested("b", "a")),
            ("b=/x/y;a=/x", nested("b", "a")),
            ("a=/;b=/x", nested("b", "a")),
            ("a=/x:b=/y", RootsError::Separator { name: "a".into(), separator: ':' }),
            ("a=/x, b=/y", RootsError::Separator { name: "a".into(), separator: ',' }),
        ];
        for (text, error) in cases {
            assert_eq!(MediaRoots::parse(text), Err(error), "{text:?}");
        }
    }
}
