//! A relative Unix path as it came from the disk: bytes, not text.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The kernel's own limit of a path (`PATH_MAX`), terminator included.
pub(crate) const MAX_BYTES: usize = 4095;

/// A path below a media root: relative, without `..`, not empty, at most 4095 bytes, no NUL. It may not be UTF-8.
///
/// Serialised as text where it is UTF-8, otherwise as bytes; in JSON, which has no bytes, lossily.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(Vec<u8>);

/// Why bytes are not a path below a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelPathError {
    /// Nothing there.
    #[error("the path is empty")]
    Empty,
    /// Starts with `/`.
    #[error("the path is absolute; it must be relative to its media root")]
    Absolute,
    /// Has a `..` component.
    #[error("the path contains '..'")]
    ParentDir,
    /// Has a NUL byte.
    #[error("the path contains a NUL byte")]
    Nul,
    /// Longer than the kernel accepts.
    #[error("the path is {0} bytes long; the limit is {MAX_BYTES}")]
    TooLong(usize),
}

impl RelPath {
    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// When they could leave the root or cannot be a path at all.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, RelPathError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(RelPathError::Empty);
        }
        if bytes.len() > MAX_BYTES {
            return Err(RelPathError::TooLong(bytes.len()));
        }
        if bytes.contains(&0) {
            return Err(RelPathError::Nul);
        }
        for component in Path::new(OsStr::from_bytes(&bytes)).components() {
            match component {
                Component::RootDir | Component::Prefix(_) => return Err(RelPathError::Absolute),
                Component::ParentDir => return Err(RelPathError::ParentDir),
                Component::CurDir | Component::Normal(_) => {}
            }
        }
        Ok(Self(bytes))
    }

    /// The bytes as given.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same as a path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// File name extension where it is UTF-8, in lower case.
    #[must_use]
    pub fn extension(&self) -> Option<String> {
        self.as_path().extension()?.to_str().map(str::to_lowercase)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_path(), f)
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) if serializer.is_human_readable() => serializer.serialize_str(&self.to_string()),
            Err(_) => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RelPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a relative path, as text or bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RelPath, E> {
                self.visit_bytes(text.as_bytes())
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<RelPath, E> {
                RelPath::new(bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_whatever_could_leave_the_root() {
        let table: [(&[u8], RelPathError); 7] = [
            (b"", RelPathError::Empty),
            (b"/etc/passwd", RelPathError::Absolute),
            (b"//a", RelPathError::Absolute),
            (b"..", RelPathError::ParentDir),
            (b"a/../../b", RelPathError::ParentDir),
            (b"a\0b", RelPathError::Nul),
            (&[b'a'; 4096], RelPathError::TooLong(4096)),
        ];
        for (bytes, error) in table {
            assert_eq!(RelPath::new(bytes), Err(error), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn keeps_odd_names_as_they_are() {
        for name in [&b"..a/...b"[..], b"new\nline", "🎵.flac".as_bytes(), b"\xff\xfe.mp3", b"./a.mp3"] {
            let path = RelPath::new(name).unwrap();
            let packed = rmp_serde::to_vec_named(&path).unwrap();
            assert_eq!(rmp_serde::from_slice::<RelPath>(&packed).unwrap().as_bytes(), name);
        }
    }
}
