//! What the libraries' error codes mean.

use ffmpeg_sys_the_third as ffi;
use libc::c_int;

/// Why a file cannot be read or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// These libraries lack what the file needs; the file may be fine.
    #[error("{0}")]
    Unsupported(String),
    /// More memory was asked for than there is, or than [`MAX_ALLOCATION`](crate::MAX_ALLOCATION) at once.
    #[error("it asks for more memory than there is")]
    Memory,
    /// The bytes make no sense.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// The meaning of a negative code.
    pub(crate) fn from_code(code: c_int) -> Self {
        match code {
            _ if code == ffi::AVERROR(libc::ENOMEM) => Self::Memory,
            ffi::AVERROR_PATCHWELCOME | ffi::AVERROR_DECODER_NOT_FOUND | ffi::AVERROR_DEMUXER_NOT_FOUND => {
                Self::Unsupported(text(code))
            }
            _ if code == ffi::AVERROR(libc::ENOSYS) => Self::Unsupported(text(code)),
            _ => Self::Invalid(text(code)),
        }
    }
}

/// Takes a negative code for an error.
pub(crate) fn check(code: c_int) -> Result<c_int, Error> {
    if code < 0 { Err(Error::from_code(code)) } else { Ok(code) }
}

/// The library's own words for a code, in the style of a log line.
fn text(code: c_int) -> String {
    let mut buffer = [0u8; 128];
    // SAFETY: the buffer is as long as is said, and the function ends what it writes there with 0.
    let known = unsafe { ffi::av_strerror(code, buffer.as_mut_ptr().cast(), buffer.len()) };
    let text = std::ffi::CStr::from_bytes_until_nul(&buffer).map(|text| text.to_string_lossy());
    match text {
        Ok(text) if known >= 0 => lower_first(&text),
        _ => format!("error {code}"),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
