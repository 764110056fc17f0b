//! Where the programs under test, the servers' script and the samples are.

use std::path::{Path, PathBuf};

use super::RigError;

/// A checkout of this repository.
#[derive(Debug)]
pub(crate) struct Repository {
    /// The folder itself.
    pub(crate) root: PathBuf,
    /// `deploy/services.sh`.
    pub(crate) services: PathBuf,
    /// `loadtest/samples`.
    pub(crate) samples: PathBuf,
}

impl Repository {
    /// The one around the current directory, else the one this program was built in.
    pub(crate) fn find() -> Result<Self, RigError> {
        let starts = [std::env::current_dir(), std::env::current_exe()];
        let starts: Vec<PathBuf> = starts.into_iter().flatten().collect();
        let folders = starts.iter().flat_map(|start| start.ancestors());
        folders
            .map(|root| Self {
                services: root.join("deploy/services.sh"),
                samples: root.join("loadtest/samples"),
                root: root.to_owned(),
            })
            .find(|found| found.services.is_file() && found.samples.is_dir())
            .ok_or(RigError::NoRepository)
    }
}

/// The programs under test.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) worker: PathBuf,
    pub(crate) producer: PathBuf,
}

impl Programs {
    /// Those that are named, else those beside this program.
    pub(crate) fn find(worker: Option<&Path>, producer: Option<&Path>) -> Result<Self, RigError> {
        Ok(Self { worker: program("worker", worker)?, producer: program("producer", producer)? })
    }
}

/// The worker alone.
pub(crate) fn program(name: &'static str, named: Option<&Path>) -> Result<PathBuf, RigError> {
    let beside = || std::env::current_exe().ok().map(|own| own.with_file_name(name));
    let path = named.map(Path::to_owned).or_else(beside).unwrap_or_else(|| name.into());
    // Absolute: programs are started in other directories.
    match path.canonicalize() {
        Ok(found) if found.is_file() => Ok(found),
        _ => Err(RigError::NoProgram { name, path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let error = Programs::find(Some(Path::new("/nowhere/worker")), None).unwrap_err().to_string();
        assert!(error.contains("no program 'worker' at /nowhere/worker"), "{error}");
        assert!(
            error.contains("cargo build -p worker -p producer") && error.contains("--worker PATH"),
            "{error}"
        );
    }

    #[test]
    fn the_checkout_is_found_from_inside_it() {
        assert!(Repository::find().unwrap().samples.join("truth.json").is_file());
    }
}
