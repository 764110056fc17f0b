//! `loadtest readme`: the block of the documentation that says what is asked for and what was measured, made from committed runs, so
//! that no figure in it is typed by hand.

mod arguments;
mod block;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Component, Path, PathBuf};

pub(crate) use arguments::Readme;
use block::{Measured, block};

use crate::report::{ReportError, read, reading, writing};
use crate::requirements::Requirements;

const BEGIN: &str = "<!-- loadtest:begin -->";
const END: &str = "<!-- loadtest:end -->";

/// Writes the block anew, or with `--check` says whether it is right.
pub(crate) fn run(arguments: &Readme) -> Result<(String, bool), ReportError> {
    let path = &arguments.readme;
    let found = fs::read_to_string(path).map_err(reading(path))?;
    let wanted = rewritten(&found, path, &arguments.runs, arguments.requirements.as_deref())?;
    if found == wanted {
        return Ok((format!("{} is up to date", path.display()), true));
    }
    if arguments.check {
        return Err(ReportError::Differs { path: path.clone() });
    }
    fs::write(path, wanted).map_err(writing(path))?;
    Ok((format!("{} is written anew", path.display()), true))
}

/// The page as it should be.
fn rewritten(
    readme: &str,
    path: &Path,
    runs: &[PathBuf],
    requirements: Option<&Path>,
) -> Result<String, ReportError> {
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(|| no_block(path))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| no_block(path))?;
    let block = block(&measured(runs, path)?, &Requirements::load(requirements)?);
    Ok(format!("{before}{BEGIN}\n{block}{END}{after}"))
}

fn no_block(path: &Path) -> ReportError {
    ReportError::NoBlock { path: path.to_owned(), begin: BEGIN, end: END }
}

/// The runs, the newest first; a folder stands for the runs in it.
fn measured(paths: &[PathBuf], page: &Path) -> Result<Vec<Measured>, ReportError> {
    let mut found = Vec::new();
    for path in paths {
        let files = if path.is_dir() { files_in(path)? } else { vec![path.clone()] };
        for file in files {
            found.push(Measured { run: read(&file)?, link: link(&file, page) });
        }
    }
    found.sort_by(|a, b| (&b.run.started_at, &a.link).cmp(&(&a.run.started_at, &b.link)));
    Ok(found)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(reading(folder))? {
        let path = entry.map_err(reading(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(ReportError::NoRuns { path: folder.to_owned() }) } else { Ok(files) }
}

/// As a reader of the page finds the file: relative to the page's folder. A file that shares no folder with it keeps its path.
fn link(file: &Path, page: &Path) -> String {
    let folder = page.parent().unwrap_or(Path::new(""));
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    if shared == 0 && (file.is_absolute() || folder.is_absolute()) {
        return file.display().to_string();
    }
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(file.components().skip(shared)).collect::<PathBuf>().display().to_string()
}
