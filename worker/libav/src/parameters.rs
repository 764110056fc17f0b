//! What a decoder must know of a stream before its first packet.

use crate::Error;
use crate::error::check;
use crate::packet::bytes;
use crate::samples::Layout;
use crate::setup::set_up;
use ffmpeg_sys_the_third as ffi;
use libc::c_int;
use std::ffi::{CStr, CString};
use std::ptr::NonNull;

/// The parameters of an audio stream.
pub struct Parameters(NonNull<ffi::AVCodecParameters>);

// SAFETY: the parameters are plain data on the heap that only this value points to, and are not changed once they are made.
unsafe impl Send for Parameters {}
// SAFETY: as above.
unsafe impl Sync for Parameters {}

impl Parameters {
    /// Parameters for a stream of the codec with this name (FFmpeg's, such as `aac`) that another demuxer has found. A rate or
    /// number of channels of 0 is not known.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that the libraries do not know.
    pub fn new(codec: &str, rate: u32, channels: u16, extra_data: &[u8]) -> Result<Self, Error> {
        set_up();
        let unknown = || Error::Unsupported(format!("no codec is called {codec}"));
        let name = CString::new(codec).map_err(|_| unknown())?;
        // SAFETY: the name ends with 0; what is returned is a constant or null.
        let descriptor = unsafe { ffi::avcodec_descriptor_get_by_name(name.as_ptr()).as_ref() };
        let descriptor = descriptor.ok_or_else(unknown)?;
        let parameters = Self::empty()?;
        // SAFETY: the parameters are valid and nobody else has them.
        let raw = unsafe { &mut *parameters.0.as_ptr() };
        raw.codec_type = ffi::AVMediaType::AUDIO;
        raw.codec_id = descriptor.id;
        raw.sample_rate = c_int::try_from(rate).unwrap_or(0);
        if channels > 0 {
            // SAFETY: the layout is valid and empty.
            unsafe { ffi::av_channel_layout_default(&raw mut raw.ch_layout, c_int::from(channels)) };
        }
        set_extra_data(raw, extra_data)?;
        Ok(parameters)
    }

    fn empty() -> Result<Self, Error> {
        // SAFETY: the function has no conditions; it returns parameters or nothing.
        NonNull::new(unsafe { ffi::avcodec_parameters_alloc() }).map(Self).ok_or(Error::Memory)
    }

    /// A copy of the library's.
    ///
    /// # Safety
    /// `raw` points to valid parameters.
    pub(crate) unsafe fn copy(raw: *const ffi::AVCodecParameters) -> Result<Self, Error> {
        let parameters = Self::empty()?;
        // SAFETY: both are valid.
        check(unsafe { ffi::avcodec_parameters_copy(parameters.0.as_ptr(), raw) })?;
        Ok(parameters)
    }

    pub(crate) fn as_ptr(&self) -> *const ffi::AVCodecParameters {
        self.0.as_ptr()
    }

    fn get(&self) -> &ffi::AVCodecParameters {
        // SAFETY: the parameters are valid, and are not changed.
        unsafe { self.0.as_ref() }
    }

    /// FFmpeg's name of the codec, such as `wmav2`; `none` if it is not known.
    #[must_use]
    pub fn codec(&self) -> &'static str {
        // SAFETY: the function takes any number and returns a constant text.
        let name = unsafe { CStr::from_ptr(ffi::avcodec_get_name(self.get().codec_id)) };
        name.to_str().unwrap_or("none")
    }

    /// Sample rate in Hz, as the container states it.
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        u32::try_from(self.get().sample_rate).ok().filter(|rate| *rate > 0)
    }

    /// Channels, as the container states them.
    #[must_use]
    pub fn layout(&self) -> Option<Layout> {
        Layout::of(&self.get().ch_layout)
    }

    /// Bits per sample as stored, where the codec has such a number.
    #[must_use]
    pub fn bits(&self) -> Option<u16> {
        let raw = self.get();
        let bits =
            if raw.bits_per_raw_sample > 0 { raw.bits_per_raw_sample } else { raw.bits_per_coded_sample };
        u16::try_from(bits).ok().filter(|bits| (1..=64).contains(bits))
    }

    /// The decoder's own header.
    #[must_use]
    pub fn extra_data(&self) -> &[u8] {
        let raw = self.get();
        // SAFETY: the data has as many bytes as is said, and lives as long as the parameters.
        unsafe { bytes(raw.extradata, usize::try_from(raw.extradata_size).unwrap_or(0)) }
    }

    /// Bytes that belong together, where the container says so.
    #[must_use]
    pub fn block_align(&self) -> u32 {
        u32::try_from(self.get().block_align).unwrap_or(0)
    }
}

/// Decoders read some bytes beyond the end, which must be 0.
fn set_extra_data(raw: &mut ffi::AVCodecParameters, data: &[u8]) -> Result<(), Error> {
    if data.is_empty() {
        return Ok(());
    }
    let len = c_int::try_from(data.len()).map_err(|_| Error::Memory)?;
    let room = data.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: the memory is checked, long enough, and becomes the parameters', which free it.
    unsafe {
        let copy: *mut u8 = ffi::av_mallocz(room).cast();
        if copy.is_null() {
            return Err(Error::Memory);
        }
        std::ptr::copy_nonoverlapping(data.as_ptr(), copy, data.len());
        raw.extradata = copy;
    }
    raw.extradata_size = len;
    Ok(())
}

impl Drop for Parameters {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the parameters are ours, and not used again.
        unsafe { ffi::avcodec_parameters_free(&raw mut raw) }
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Parameters")
            .field("codec", &self.codec())
            .field("rate", &self.rate())
            .field("layout", &self.layout())
            .finish_non_exhaustive()
    }
}
