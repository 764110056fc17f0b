//! A Python that can make environments.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::process::Command as Running;

/// What is asked of one: its version, and that it has all that an environment needs.
const ASKED: &str = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";

/// The oldest that Celery and redis-py still support.
const OLDEST: (u32, u32) = (3, 9);

/// Where one is looked for. Debian's own is the second: the first of the PATH may be a shim for one that is not there.
const PLACES: [&str; 2] = ["python3", "/usr/bin/python3"];

/// One thread for the libraries below numpy: Celery runs a process for each processor as it is, and threads that wait for each other
/// would be counted as work.
const THREADS: [&str; 3] = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"];

/// They force a kernel on OpenBLAS: the peer shall run as its package comes.
const KERNELS: [&str; 2] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

/// A script in an environment, run in the folder of our scripts.
pub(super) fn script(python: &Path, folder: &Path, arguments: &[&str]) -> Running {
    let mut command = Running::new(python);
    command.args(arguments).current_dir(folder).envs(THREADS.map(|name| (name, "1")));
    for name in KERNELS {
        command.env_remove(name);
    }
    command
}

/// The named one or the first of the usual that can; else what each lacks.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, String> {
    let places: Vec<PathBuf> = match named {
        Some(path) => vec![path.to_owned()],
        None => PLACES.iter().map(PathBuf::from).collect(),
    };
    let mut lacks = Vec::new();
    for place in places {
        match lack(&place) {
            None => return Ok(place),
            Some(lack) => lacks.push(format!("{}: {lack}", place.display())),
        }
    }
    Err(format!("no Python that can make environments ({})", lacks.join("; ")))
}

fn lack(python: &Path) -> Option<String> {
    let asked = Command::new(python).args(["-c", ASKED]).stdin(Stdio::null()).output();
    let output = match asked {
        Ok(output) => output,
        Err(error) => return Some(error.to_string()),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().next_back().unwrap_or("it fails");
        return Some(format!("{last} (Debian: apt install python3-venv)"));
    }
    let version = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u32> = version.trim().split('.').filter_map(|part| part.parse().ok()).collect();
    let old = numbers.len() != 2 || (numbers[0], numbers[1]) < OLDEST;
    old.then(|| format!("it is {}, {}.{} is the oldest that will do", version.trim(), OLDEST.0, OLDEST.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_not_there_is_named() {
        let error = find(Some(Path::new("/nowhere/python3"))).unwrap_err();
        assert!(error.contains("/nowhere/python3: No such file"), "{error}");
    }

    #[test]
    fn one_that_cannot_is_told_by_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let fake = |name: &str, script: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
            lack(&path)
        };
        assert!(fake("old", "echo 3.8").unwrap().contains("3.9 is the oldest"));
        assert!(fake("bare", "echo No module named venv >&2; exit 1").unwrap().contains("python3-venv"));
        assert_eq!(fake("fine", "echo 3.12"), None);
    }
}
