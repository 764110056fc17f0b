//! What can go wrong while a corpus is made.

use std::io;
use std::path::PathBuf;

/// The causes. Each names the file it happened to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error(
        "{} needs ffmpeg, which was not found on the PATH. Install it (Debian: apt install ffmpeg, macOS: brew install ffmpeg), \
         or ask for uncompressed formats only: --formats wav,aiff,aifc,caf",
        path.display()
    )]
    NoFfmpeg { path: PathBuf },
    #[error("ffmpeg failed on {}: {detail}", path.display())]
    Ffmpeg { path: PathBuf, detail: String },
    #[error("ffmpeg said nothing of the loudness of {}", path.display())]
    NoLoudness { path: PathBuf },
    #[error(
        "cannot make {} a hard link: {cause}. Where the file system has none, ask for whole copies: --as bytes, or leave --copies out",
        path.display()
    )]
    Link { path: PathBuf, cause: io::Error },
    #[error("{} is not empty: name a new folder, or empty it", path.display())]
    NotEmpty { path: PathBuf },
    #[error("{} holds no file to copy", path.display())]
    NothingToCopy { path: PathBuf },
    #[error("a file of {bytes} bytes cannot hold a frame of {format} audio: ask for at least {least}")]
    TooSmall { bytes: u64, format: &'static str, least: u64 },
    #[error(
        "{format} has no sample rate of {rate} Hz: leave that format out, or ask for a --rate it has, such as 44100"
    )]
    Rate { rate: u32, format: &'static str },
    #[error("--out DIR is missing")]
    NoOut,
    #[error("a thread of the generator panicked; its message is above")]
    Panicked,
}

impl Error {
    /// 2 for what the arguments are to blame for, 1 for what happened.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::TooSmall { .. } | Self::Rate { .. } | Self::NoOut | Self::NotEmpty { .. } => 2,
            _ => 1,
        }
    }
}

/// Attaches the path to an error of writing.
pub(crate) fn writing(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |cause| Error::Write { path, cause }
}

/// Attaches the path to an error of reading.
pub(crate) fn reading(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |cause| Error::Read { path, cause }
}
