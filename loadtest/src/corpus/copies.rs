//! Many paths to the same audio, for loads in which the files do not matter but their number does.

use super::error::{Error, reading, writing};
use super::truth;
use clap::ValueEnum;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How a further path to a file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Means {
    /// A hard link to the first one: costs no space.
    Link,
    /// All bytes again.
    Bytes,
}

/// Makes `count` paths in `out` to the files of `from`, round after round. The first path to a file is a copy in any case, so that nothing
/// that happens in `out` reaches `from`.
pub(super) fn fill(from: &Path, out: &Path, count: u32, means: Means, done: &dyn Fn()) -> Result<(), Error> {
    let mut sources = Vec::new();
    collect(from, Path::new(""), &mut sources)?;
    sources.sort();
    if sources.is_empty() {
        return Err(Error::NothingToCopy { path: from.to_owned() });
    }
    refuse_filled(out)?;
    let mut originals: Vec<PathBuf> = sources.iter().map(|relative| from.join(relative)).collect();
    for i in 0..count as usize {
        let (round, which) = (i / sources.len(), i % sources.len());
        let path = out.join(format!("{round:04}")).join(&sources[which]);
        let means = if round == 0 { Means::Bytes } else { means };
        again(&mut originals[which], &path, means)?;
        if round == 0 {
            originals[which] = path;
        }
        done();
    }
    Ok(())
}

/// Makes `path` another path to `original`. Where a file system allows a file no more links, a copy takes over as the original.
pub(super) fn again(original: &mut PathBuf, path: &Path, means: Means) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(writing(folder))?;
    }
    if means == Means::Link {
        match fs::hard_link(&original, path) {
            Err(error) if error.kind() == io::ErrorKind::TooManyLinks => {}
            result => return result.map_err(|cause| Error::Link { path: path.to_owned(), cause }),
        }
    }
    fs::copy(&original, path).map_err(writing(path))?;
    *original = path.to_owned();
    Ok(())
}

/// A corpus is what its truth says, so it starts with an empty folder.
pub(super) fn refuse_filled(out: &Path) -> Result<(), Error> {
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(reading(out)(error)),
    };
    if entries.next().is_some() { Err(Error::NotEmpty { path: out.to_owned() }) } else { Ok(()) }
}

fn collect(root: &Path, relative: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let folder = root.join(relative);
    for entry in fs::read_dir(&folder).map_err(reading(&folder))? {
        let entry = entry.map_err(reading(&folder))?;
        let name = entry.file_name();
        let path = relative.join(&name);
        let kind = entry.file_type().map_err(reading(root.join(&path)))?;
        if kind.is_dir() {
            collect(root, &path, found)?;
        } else if kind.is_file() && name != truth::FILE_NAME && !name.as_encoded_bytes().starts_with(b".") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
