//! What parent and lane say to each other: MessagePack frames behind a little-endian `u32` length.
//!
//! Both ends are the same binary, so there is no version. A lane that a hostile file took over may still write anything:
//! the parent checks lengths before it reads, and reserves memory only as bytes arrive.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use analysis::Features;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::settings::LaneConfinement;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Analysed, Confinement, EngineOptions, Identified, LaneFailure, ReadAhead, Target};

/// Longest frame. The report of a 10-hour mix, its beats included, is below 1 MiB.
pub(super) const MAX_FRAME_BYTES: u32 = 16 << 20;

const LENGTH_BYTES: usize = size_of::<u32>();

/// Room for a request and for a short answer, so that they are written in one piece.
const USUAL_FRAME_BYTES: usize = 512;

/// The first frame of a conversation: what the lane does to itself before it touches a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    /// `RLIMIT_DATA`, bytes.
    pub(super) memory_bytes: u64,
    /// Scheduling priority, −20 to 19.
    pub(super) nice: i32,
    /// Processors that it may use; empty: all that it has.
    pub(super) affinity: Vec<usize>,
    /// Progress is not told more often than this.
    pub(super) progress_every: Duration,
    pub(super) engine: EngineOptions,
    /// Folders below which alone files may be read; `None` leaves the lane unconfined.
    pub(super) readable: Option<Vec<Folder>>,
    /// How strictly it shuts itself in, where `readable` says to what.
    pub(super) confinement: LaneConfinement,
}

/// A path that need not be UTF-8.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Folder(#[serde(with = "super::wire::path")] pub(super) PathBuf);

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Setup(Setup),
    Identify(Target),
    /// The parts to compute, where they are not those of the set-up.
    Analyze {
        target: Target,
        features: Option<Features>,
    },
    /// Nothing more is wanted of the file that was identified. Without an answer, as the last one is.
    Forget,
    /// Have so many of its first bytes read into memory.
    ReadAhead {
        target: Target,
        at_most: u64,
    },
    /// What of it is in memory may go.
    GiveBack(Target),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    /// The set-up is done.
    Ready {
        confinement: Confinement,
    },
    /// The set-up cannot be done.
    Refused {
        detail: String,
    },
    Progress {
        decoded_seconds: f64,
        total_seconds: Option<f64>,
    },
    Identified(Box<Identified>),
    Analysed(Box<Analysed>),
    ReadAhead(ReadAhead),
    Failed(LaneFailure),
    /// The last frame of this lane: a media root was mounted after it had shut itself in.
    Stale,
    /// The last frame of this lane: state that a panic unwound through is not used again.
    Panicked {
        detail: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the pipe ended inside a frame")]
    Truncated,
    #[error("a frame of {0} bytes, over the limit of {MAX_FRAME_BYTES}")]
    TooLong(u64),
    #[error("a frame that is no message: {0}")]
    Malformed(#[from] rmp_serde::decode::Error),
    #[error("a message that cannot be written: {0}")]
    Unwritable(#[from] rmp_serde::encode::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The bytes of one frame, length included.
pub(super) fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut frame = Vec::with_capacity(USUAL_FRAME_BYTES);
    frame.extend([0; LENGTH_BYTES]);
    rmp_serde::encode::write_named(&mut frame, message)?;
    let length = frame.len() - LENGTH_BYTES;
    match u32::try_from(length) {
        Ok(short) if short <= MAX_FRAME_BYTES => frame[..LENGTH_BYTES].copy_from_slice(&short.to_le_bytes()),
        _ => return Err(FrameError::TooLong(length as u64)),
    }
    Ok(frame)
}

/// The next message, or `None` where the pipe ended between two frames.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut length = [0; LENGTH_BYTES];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = checked(length)?;
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    decode(&body, length).map(Some)
}

/// The same from a pipe of the parent. Not cancel-safe: a reader that was dropped may have taken part of a frame.
pub(super) async fn read_async<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut length = [0; LENGTH_BYTES];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = checked(length)?;
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body).await?;
    decode(&body, length).map(Some)
}

fn checked(length: [u8; LENGTH_BYTES]) -> Result<u64, FrameError> {
    let length = u32::from_le_bytes(length);
    if length > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(length.into()));
    }
    Ok(length.into())
}

fn decode<T: DeserializeOwned>(body: &[u8], length: u64) -> Result<T, FrameError> {
    if body.len() as u64 != length {
        return Err(FrameError::Truncated);
    }
    Ok(rmp_serde::from_slice(body)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;
    use std::path::PathBuf;

    use proptest::prelude::*;
    use shared::job::RelPath;

    use super::*;

    #[test]
    fn a_path_that_is_no_utf8_survives_the_pipe() {
        let root = PathBuf::from(std::ffi::OsString::from_vec(b"/m\xff/x".to_vec()));
        let target = Target { root: root.clone(), path: RelPath::new(*b"\xfe.mp3").unwrap() };
        let frame = encode(&Request::Analyze { target, features: None }).unwrap();
        let Some(Request::Analyze { target, .. }) = read(&mut frame.as_slice()).unwrap() else { panic!() };
        assert_eq!(target.root, root);
        assert_eq!(target.path.as_bytes(), b"\xfe.mp3");
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_anything_is_read() {
        let length = (MAX_FRAME_BYTES + 1).to_le_bytes();
        assert!(matches!(read::<Response>(&mut length.as_slice()), Err(FrameError::TooLong(_))));
        let detail = "x".repeat(MAX_FRAME_BYTES as usize);
        assert!(matches!(encode(&Response::Refused { detail }), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn an_end_inside_a_frame_is_no_clean_end() {
        let frame = encode(&Response::Stale).unwrap();
        assert!(matches!(read::<Response>(&mut [].as_slice()), Ok(None)));
        let cut = &frame[..frame.len() - 1];
        assert!(matches!(read::<Response>(&mut &*cut), Err(FrameError::Truncated)));
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_in_both_readers_alike(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let blocking = read::<Response>(&mut bytes.as_slice()).map_err(|error| error.to_string());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let waiting = runtime.block_on(read_async::<Response>(&mut bytes.as_slice()));
            prop_assert_eq!(format!("{blocking:?}"), format!("{:?}", waiting.map_err(|error| error.to_string())));
        }
    }
}
