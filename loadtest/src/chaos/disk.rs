//! A result log on a disk that is full: the run must say so, and the next one must go on where it stopped.
//!
//! As root the disk is a tmpfs of a few pages. Elsewhere the limit of a file's size stands in for it: the same failing
//! write, by another error.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::rig::{Environment, RigError, io};

/// Room for the records of some files and not of all.
const KIB: u64 = 64;

/// Files whose analysis is quick.
const FILES: [&str; 6] = [
    "bit_flipped.flac",
    "bit_flipped.mp3",
    "flac_named.mp3",
    "truncated.flac",
    "truncated.ogg",
    "truncated.wav",
];

/// Copies of each, so that their records fill the disk.
const COPIES: usize = 12;

/// One test with a full disk at a time.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    program: PathBuf,
    environment: Environment,
    turn: tokio::sync::Mutex<()>,
}

/// By what a disk was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Tmpfs,
    FileSize,
}

impl Disk {
    /// Makes the files.
    pub(crate) fn make(samples: &Path, folder: &Path, program: PathBuf) -> Result<Self, RigError> {
        let folder = folder.join("disk");
        for number in 0..COPIES {
            let below = folder.join("files").join(number.to_string());
            std::fs::create_dir_all(&below).map_err(io(below.display().to_string()))?;
            for name in FILES {
                let from = samples.join("bad").join(name);
                std::fs::copy(&from, below.join(name)).map_err(io(from.display().to_string()))?;
            }
        }
        let environment = crate::rig::environment([("ANALYSIS_MAX_WORKERS", "1".to_owned())]);
        Ok(Self { folder, program, environment, turn: tokio::sync::Mutex::default() })
    }

    /// Fills it, frees it; what was used, or what went wrong.
    pub(crate) async fn fill_and_free(&self) -> Result<&'static str, String> {
        let _turn = self.turn.lock().await;
        let target = self.folder.join("log");
        std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
        let means = if mount(&target).await { Means::Tmpfs } else { Means::FileSize };
        let result = self.fill(&target.join("results.ndjson"), means).await;
        if means == Means::Tmpfs {
            run(Command::new("umount").arg(&target)).await;
        }
        let _ = std::fs::remove_dir_all(&target);
        result.map(|()| match means {
            Means::Tmpfs => "tmpfs",
            Means::FileSize => "limit of the file size",
        })
    }

    async fn fill(&self, log: &Path, means: Means) -> Result<(), String> {
        let mut limited = match means {
            Means::Tmpfs => Command::new(&self.program),
            Means::FileSize => {
                let mut shell = Command::new("sh");
                // In blocks of 512 bytes. Ignored, the signal leaves the failing write to the program.
                let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", KIB * 2);
                shell.arg("-c").arg(script).arg(&self.program);
                shell
            }
        };
        let (code, said) = self.analyze(&mut limited, log).await?;
        if code.is_none_or(|code| code <= 1) || said.is_empty() {
            return Err(format!("a full disk was not told: exit {code:?}, {said}"));
        }
        if means == Means::Tmpfs
            && let Some(target) = log.parent()
            && !run(Command::new("mount").args(["-o", "remount,size=64m"]).arg(target)).await
        {
            return Err("the tmpfs could not be enlarged".to_owned());
        }
        let (code, said) = self.analyze(&mut Command::new(&self.program), log).await?;
        if code.is_none_or(|code| code > 1) {
            return Err(format!("it did not go on after the disk had room: exit {code:?}, {said}"));
        }
        whole(log, FILES.len() * COPIES)
    }

    async fn analyze(&self, command: &mut Command, log: &Path) -> Result<(Option<i32>, String), String> {
        command.args(["analyze", "--quiet", "--out"]).arg(log).arg(self.folder.join("files"));
        command.env_clear().envs(&self.environment).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| error.to_string())?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// Each file once, and nothing but whole lines.
fn whole(log: &Path, files: usize) -> Result<(), String> {
    let text = std::fs::read(log).map_err(|error| error.to_string())?;
    let mut paths = std::collections::BTreeSet::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: shared::record::Record = serde_json::from_slice(line)
            .map_err(|error| format!("a line of the result log is broken: {error}"))?;
        if !paths.insert(record.path_bytes()) {
            return Err(format!("{} is twice in the result log", record.path));
        }
    }
    if paths.len() != files {
        Err(format!("{} of {files} files are in the result log", paths.len()))
    } else {
        Ok(())
    }
}

async fn mount(target: &Path) -> bool {
    let size = format!("size={KIB}k");
    run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(target)).await
}

async fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}
