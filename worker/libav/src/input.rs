//! Bytes for a demuxer, from whatever the caller has opened.

use crate::Error;
use ffmpeg_sys_the_third as ffi;
use libc::{c_int, c_void};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// What a demuxer can read from.
pub trait Input: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> Input for T {}

/// Bytes that are read ahead: the size that FFmpeg uses for files.
const BUFFER: usize = 32 * 1024;

/// An I/O context of the library over an [`Input`].
pub(crate) struct Io {
    context: NonNull<ffi::AVIOContext>,
    /// Made from a `Box`; only the callbacks look at it while the context lives.
    state: NonNull<State>,
}

struct State {
    input: Box<dyn Input>,
}

impl Io {
    pub(crate) fn new(input: Box<dyn Input>) -> Result<Self, Error> {
        let state = NonNull::from(Box::leak(Box::new(State { input })));
        // SAFETY: the buffer comes from av_malloc, as the context demands, and becomes the context's. The callbacks get the
        // state as their argument, which lives until the context is gone (`drop`).
        let context = unsafe {
            let buffer = ffi::av_malloc(BUFFER);
            let context = if buffer.is_null() {
                std::ptr::null_mut()
            } else {
                ffi::avio_alloc_context(
                    buffer.cast(),
                    BUFFER as c_int,
                    0,
                    state.as_ptr().cast(),
                    Some(read),
                    None,
                    Some(seek),
                )
            };
            if context.is_null() {
                ffi::av_free(buffer);
            }
            context
        };
        match NonNull::new(context) {
            Some(context) => Ok(Self { context, state }),
            None => {
                // SAFETY: the state was leaked above, and no context has it.
                drop(unsafe { Box::from_raw(state.as_ptr()) });
                Err(Error::Memory)
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVIOContext {
        self.context.as_ptr()
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: the demuxer that used the context is closed (it is dropped first). The library may have exchanged the buffer,
        // so that the context's present one is freed. Nobody has the state any more after that.
        unsafe {
            ffi::av_free((*context).buffer.cast());
            (*context).buffer = std::ptr::null_mut();
            ffi::avio_context_free(&raw mut context);
            drop(Box::from_raw(self.state.as_ptr()));
        }
    }
}

/// Runs a callback's work. A panic may not run into the library's frames.
fn contain(work: impl FnOnce() -> i64) -> i64 {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(i64::from(ffi::AVERROR_EXTERNAL))
}

unsafe extern "C" fn read(state: *mut c_void, buffer: *mut u8, len: c_int) -> c_int {
    let len = usize::try_from(len).unwrap_or(0);
    if len == 0 {
        return ffi::AVERROR_EOF;
    }
    // SAFETY: the library calls with the state that it was given, from one thread at a time, and with a buffer of `len` bytes.
    // It is zeroed first because it may never have been written to.
    let (state, buffer) = unsafe {
        buffer.write_bytes(0, len);
        (&mut *state.cast::<State>(), std::slice::from_raw_parts_mut(buffer, len))
    };
    let read = contain(|| {
        loop {
            match state.input.read(buffer) {
                Ok(0) => return i64::from(ffi::AVERROR_EOF),
                Ok(count) => return count as i64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return i64::from(ffi::AVERROR(libc::EIO)),
            }
        }
    });
    read as c_int
}

unsafe extern "C" fn seek(state: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: the library calls with the state that it was given, from one thread at a time.
    let input = unsafe { &mut (*state.cast::<State>()).input };
    contain(|| {
        let target = match whence & !(ffi::AVSEEK_FORCE as c_int) {
            libc::SEEK_SET => u64::try_from(offset).ok().map(SeekFrom::Start),
            libc::SEEK_CUR => Some(SeekFrom::Current(offset)),
            libc::SEEK_END => Some(SeekFrom::End(offset)),
            whence if whence == ffi::AVSEEK_SIZE as c_int => return size(input.as_mut()),
            _ => None,
        };
        target
            .and_then(|target| input.seek(target).ok())
            .and_then(|position| i64::try_from(position).ok())
            .unwrap_or(i64::from(ffi::AVERROR(libc::EINVAL)))
    })
}

/// The length of the input, which stays where it is.
fn size(input: &mut dyn Input) -> i64 {
    let mut size = || {
        let here = input.stream_position()?;
        let end = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(here))?;
        Ok::<_, std::io::Error>(end)
    };
    size().ok().and_then(|end| i64::try_from(end).ok()).unwrap_or(i64::from(ffi::AVERROR(libc::EIO)))
}
