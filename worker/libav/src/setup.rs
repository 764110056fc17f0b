//! What is set once for the whole process.

use ffmpeg_sys_the_third as ffi;
use std::sync::Once;

/// The most bytes that the libraries may allocate at once: 256 MiB. The largest honest allocation is a packet or a frame of some
/// megabytes; a forged length field asks for gigabytes.
pub const MAX_ALLOCATION: usize = 256 << 20;

static ONCE: Once = Once::new();

/// Silences the log and bounds allocations.
pub(crate) fn set_up() {
    ONCE.call_once(|| {
        // SAFETY: both functions write one number each. Nobody else calls them, and no other call is under way yet.
        unsafe {
            ffi::av_log_set_level(ffi::AV_LOG_QUIET);
            ffi::av_max_alloc(MAX_ALLOCATION);
        }
    });
}

/// The library that decodes and its version, such as `libavcodec-59.37.100`: that which runs, not that which was compiled against.
#[must_use]
pub fn version() -> String {
    // SAFETY: the function returns a constant.
    let version = unsafe { ffi::avcodec_version() };
    format!("libavcodec-{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff)
}
