//! The peers' environments: made once, from pinned versions, each below a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::peer::{BLISS, Peer, SCRIPTS};
use super::python;
use crate::bench::tail;
use crate::rig::{RigError, io};

/// librosa's packages are 150 MB to fetch, bliss is compiled; longer than this nothing is under way any more.
const INSTALL_WITHIN: Duration = Duration::from_secs(1200);

/// In a finished environment: what it was made from.
const READY: &str = ".ready";

/// Where environments are.
#[derive(Debug)]
pub(super) struct Envs {
    folder: PathBuf,
    python: Option<PathBuf>,
}

impl Envs {
    /// Below `folder`, else beside the folder of this program, where builds are.
    pub(super) fn at(folder: Option<&Path>, python: Option<&Path>) -> Result<Self, RigError> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => {
                let own = std::env::current_exe().map_err(io("this program"))?;
                own.ancestors().nth(2).unwrap_or(Path::new(".")).join("peers")
            }
        };
        fs::create_dir_all(&folder).map_err(io(folder.display().to_string()))?;
        // Absolute: scripts are run in other directories.
        let folder = folder.canonicalize().map_err(io(folder.display().to_string()))?;
        Ok(Self { folder, python: python.map(Path::to_owned) })
    }

    /// The program of a peer (a Python, or its own), installed if need be; else why it cannot be had.
    pub(super) async fn program(&self, peer: Peer) -> Result<PathBuf, String> {
        match peer {
            Peer::Ffmpeg => ffmpeg().await,
            Peer::Bliss => self.bliss().await,
            Peer::Celery | Peer::Librosa | Peer::Essentia => self.environment(peer).await,
        }
    }

    /// The folder of a peer, in which its scripts are.
    pub(super) fn folder(&self, peer: Peer) -> PathBuf {
        self.folder.join(peer.name())
    }

    async fn environment(&self, peer: Peer) -> Result<PathBuf, String> {
        let requirements = peer.requirements().unwrap_or_default();
        let folder = self.folder(peer);
        let python = folder.join("bin/python");
        if !is_ready(&folder, requirements) {
            let maker = python::find(self.python.as_deref())?;
            clear(&folder)?;
            installed(Command::new(maker).args(["-m", "venv"]).arg(&folder)).await?;
            let list = folder.join("requirements.txt");
            fs::write(&list, requirements).map_err(|error| format!("{}: {error}", list.display()))?;
            let mut pip = Command::new(&python);
            // Wheels alone: what would have to be compiled needs what nobody knows.
            pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
            installed(pip.args(["--only-binary", ":all:", "--requirement"]).arg(&list)).await?;
            mark(&folder, requirements)?;
        }
        for (name, text) in SCRIPTS {
            fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(python)
    }

    async fn bliss(&self) -> Result<PathBuf, String> {
        let folder = self.folder(Peer::Bliss);
        let program = folder.join("bin/analyze");
        if !is_ready(&folder, BLISS) {
            clear(&folder)?;
            let mut cargo = Command::new("cargo");
            cargo.args([
                "install",
                "--quiet",
                "--locked",
                "bliss-audio",
                "--version",
                BLISS,
                "--example",
                "analyze",
            ]);
            cargo.args(["--no-default-features", "--features", "symphonia-all", "--root"]).arg(&folder);
            installed(cargo.arg("--target-dir").arg(folder.join("build"))).await?;
            // Only the program is wanted.
            let _ = fs::remove_dir_all(folder.join("build"));
            mark(&folder, BLISS)?;
        }
        Ok(program)
    }
}

async fn ffmpeg() -> Result<PathBuf, String> {
    installed(Command::new("ffmpeg").arg("-version"))
        .await
        .map(|()| "ffmpeg".into())
        .map_err(|error| format!("{error} (Debian: apt install ffmpeg)"))
}

fn is_ready(folder: &Path, made_from: &str) -> bool {
    fs::read_to_string(folder.join(READY)).is_ok_and(|text| text == made_from)
}

fn mark(folder: &Path, made_from: &str) -> Result<(), String> {
    fs::write(folder.join(READY), made_from).map_err(|error| format!("{}: {error}", folder.display()))
}

/// What is half made or of other versions goes. A folder that is not ours does not.
fn clear(folder: &Path) -> Result<(), String> {
    let ours = [READY, "pyvenv.cfg", "build", ".crates.toml"];
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Err(_) | Ok(true) => return Ok(()),
        Ok(false) => {}
    }
    if !ours.iter().any(|name| folder.join(name).exists()) {
        return Err(format!("{} holds something else: name another folder by --envs", folder.display()));
    }
    fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Runs an installer; why it failed, in its last words.
async fn installed(command: &mut Command) -> Result<(), String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(INSTALL_WITHIN, command.output()).await;
    let output = output.map_err(|_| format!("{name} took longer than {} s", INSTALL_WITHIN.as_secs()))?;
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let errors: Vec<&str> = said.lines().filter(|line| line.to_ascii_lowercase().contains("error")).collect();
    let word = if errors.is_empty() { tail(&said) } else { tail(&errors.join(" · ")) };
    Err(format!("{name} failed: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        assert!(clear(folder.path()).unwrap_err().contains("--envs"));
        assert!(folder.path().join("thesis.txt").is_file());
        fs::write(folder.path().join(READY), "older").unwrap();
        assert_eq!(clear(folder.path()), Ok(()));
        assert!(!folder.path().exists());
    }

    #[test]
    fn an_environment_of_other_versions_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        mark(folder.path(), "celery==1").unwrap();
        assert!(is_ready(folder.path(), "celery==1") && !is_ready(folder.path(), "celery==2"));
    }

    #[tokio::test]
    async fn without_a_python_the_reason_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let envs = Envs::at(Some(folder.path()), Some(Path::new("/nowhere/python3"))).unwrap();
        let reason = envs.program(Peer::Essentia).await.unwrap_err();
        assert!(reason.contains("/nowhere/python3"), "{reason}");
    }

    #[tokio::test]
    async fn a_failed_installer_is_quoted() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo hello; echo 'ERROR: no such package' >&2; exit 1"]);
        assert_eq!(installed(&mut command).await.unwrap_err(), "/bin/sh failed: ERROR: no such package");
    }
}
