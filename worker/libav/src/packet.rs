//! Packets: a copy that is ours, and the library's own.

use crate::Error;
use crate::error::check;
use ffmpeg_sys_the_third as ffi;
use libc::c_int;
use std::ptr::NonNull;

/// A piece of a stream that is decoded at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packet {
    /// The bytes.
    pub data: Box<[u8]>,
    /// When it is heard, in ticks of the stream.
    pub timestamp: Option<i64>,
    /// How long it lasts, in ticks of the stream; 0 if nothing says so.
    pub duration: u64,
    /// Decoded frames to drop from its start.
    pub skip_start: u32,
    /// Decoded frames to drop from its end.
    pub skip_end: u32,
}

/// Length of the side data that says how many frames to skip, and where the two numbers are in it (`AV_PKT_DATA_SKIP_SAMPLES`).
const SKIP_BYTES: usize = 10;
const SKIP_START: usize = 0;
const SKIP_END: usize = 4;

/// A packet of the library.
pub(crate) struct RawPacket(NonNull<ffi::AVPacket>);

impl RawPacket {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: the function has no conditions; it returns a packet or nothing.
        NonNull::new(unsafe { ffi::av_packet_alloc() }).map(Self).ok_or(Error::Memory)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVPacket {
        self.0.as_ptr()
    }

    pub(crate) fn clear(&mut self) {
        // SAFETY: the packet is valid, and nobody else has it.
        unsafe { ffi::av_packet_unref(self.as_ptr()) }
    }

    pub(crate) fn stream_index(&self) -> c_int {
        // SAFETY: the packet is valid.
        unsafe { self.0.as_ref() }.stream_index
    }

    /// A copy of what is in it.
    pub(crate) fn copy(&self) -> Packet {
        // SAFETY: the packet is valid.
        let raw = unsafe { self.0.as_ref() };
        let (skip_start, skip_end) = self.skips();
        Packet {
            // SAFETY: the packet has as many bytes as it says.
            data: unsafe { bytes(raw.data, raw.size as usize) }.into(),
            timestamp: Some(raw.pts).filter(|pts| *pts != ffi::AV_NOPTS_VALUE),
            duration: u64::try_from(raw.duration).unwrap_or(0),
            skip_start,
            skip_end,
        }
    }

    fn skips(&self) -> (u32, u32) {
        let mut len = 0;
        // SAFETY: the packet is valid; the side data that is returned is the packet's and has `len` bytes.
        let data = unsafe {
            let data = ffi::av_packet_get_side_data(
                self.as_ptr(),
                ffi::AVPacketSideDataType::SKIP_SAMPLES,
                &raw mut len,
            );
            bytes(data, len)
        };
        let number = |at: usize| {
            let field = data.get(at..at + 4).and_then(|field| field.try_into().ok());
            field.map_or(0, u32::from_le_bytes)
        };
        (number(SKIP_START), number(SKIP_END))
    }

    /// Puts a copy of `packet` in it.
    pub(crate) fn fill(&mut self, packet: &Packet) -> Result<(), Error> {
        let len = c_int::try_from(packet.data.len()).map_err(|_| Error::Memory)?;
        self.clear();
        // SAFETY: the packet is valid and empty; it then has `len` bytes, and zeroes behind them as the decoders demand.
        unsafe {
            check(ffi::av_new_packet(self.as_ptr(), len))?;
            let raw = &mut *self.as_ptr();
            std::ptr::copy_nonoverlapping(packet.data.as_ptr(), raw.data, packet.data.len());
            raw.pts = packet.timestamp.unwrap_or(ffi::AV_NOPTS_VALUE);
            raw.dts = raw.pts;
            raw.duration = i64::try_from(packet.duration).unwrap_or(0);
        }
        if packet.skip_start > 0 || packet.skip_end > 0 { self.set_skips(packet) } else { Ok(()) }
    }

    fn set_skips(&mut self, packet: &Packet) -> Result<(), Error> {
        // SAFETY: the packet is valid; the side data that is returned is the packet's and has SKIP_BYTES bytes.
        let data = unsafe {
            let data = ffi::av_packet_new_side_data(
                self.as_ptr(),
                ffi::AVPacketSideDataType::SKIP_SAMPLES,
                SKIP_BYTES,
            );
            if data.is_null() {
                return Err(Error::Memory);
            }
            std::ptr::write_bytes(data, 0, SKIP_BYTES);
            std::slice::from_raw_parts_mut(data, SKIP_BYTES)
        };
        data[SKIP_START..SKIP_START + 4].copy_from_slice(&packet.skip_start.to_le_bytes());
        data[SKIP_END..SKIP_END + 4].copy_from_slice(&packet.skip_end.to_le_bytes());
        Ok(())
    }
}

impl Drop for RawPacket {
    fn drop(&mut self) {
        let mut packet = self.as_ptr();
        // SAFETY: the packet is ours, and not used again.
        unsafe { ffi::av_packet_free(&raw mut packet) }
    }
}

/// The bytes at `data`, none if it is null.
///
/// # Safety
/// `data` is null or has `len` bytes that live and stay as they are for `'a`.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if data.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: see above.
    unsafe { std::slice::from_raw_parts(data, len) }
}
