//! What the tests share.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use shared::job::RelPath;
use shared::settings::{LaneConfinement, MIN_LANE_BYTES};
use worker::lanes::{EngineOptions, Lane, LaneSettings, Lanes, Target, this_program};

/// Long enough for a loaded machine to start an answer, short enough to wait for.
pub const TIMEOUT: Duration = Duration::from_secs(1);

pub fn settings(lanes: usize) -> anyhow::Result<LaneSettings> {
    Ok(LaneSettings {
        lanes,
        timeout: TIMEOUT,
        max_memory_bytes: MIN_LANE_BYTES * (lanes as u64 + 1),
        parent_memory_bytes: MIN_LANE_BYTES,
        nice: 0,
        affinity: Vec::new(),
        readable: None,
        confinement: LaneConfinement::Available,
        engine: EngineOptions { max_file_bytes: 1 << 30, features: analysis::Features::ALL, rehearsal: None },
        program: this_program()?,
        args: vec!["lane".into()],
    })
}

pub async fn start(lanes: usize) -> anyhow::Result<Lanes> {
    Ok(Lanes::start(settings(lanes)?).await?)
}

pub async fn acquire(lanes: &Lanes) -> anyhow::Result<Lane> {
    Ok(lanes.acquire().await?)
}

pub fn target(name: &str) -> Target {
    below(Path::new("/nowhere"), name)
}

pub fn below(root: &Path, name: &str) -> Target {
    #[expect(clippy::expect_used, reason = "names in these tests are relative paths")]
    let path = RelPath::new(name).expect("a relative path");
    Target { root: root.to_owned(), path }
}

/// A folder with the named pipe on which `hang.wav` tells that it is under way.
pub struct UnderWay(tempfile::TempDir);

impl UnderWay {
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        mknodat(CWD, folder.path().join("under-way"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Ok(Self(folder))
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn target(&self) -> Target {
        below(self.root(), "hang.wav")
    }

    pub async fn heard(&self) -> anyhow::Result<()> {
        let pipe: PathBuf = self.root().join("under-way");
        tokio::task::spawn_blocking(move || File::open(pipe)?.read_exact(&mut [0])).await??;
        Ok(())
    }
}

/// A process that is watched for its end, child of ours or not.
pub struct Watched(OwnedFd);

impl Watched {
    pub fn new(pid: u32) -> anyhow::Result<Self> {
        Ok(Self(pidfd_open(raw(pid)?, PidfdFlags::empty())?))
    }

    pub async fn end(self) -> anyhow::Result<()> {
        let wait = move || poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None);
        tokio::task::spawn_blocking(wait).await??;
        Ok(())
    }
}

pub fn raw(pid: u32) -> anyhow::Result<Pid> {
    Pid::from_raw(i32::try_from(pid)?).context("no process id")
}

/// Whether this process has any child, dead but unreaped ones included.
pub fn has_children() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::All, look).err() != Some(rustix::io::Errno::CHILD)
}
