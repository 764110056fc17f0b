//! From packets to samples.

use crate::demuxer::{Options, decoders};
use crate::error::check;
use crate::packet::{Packet, RawPacket};
use crate::parameters::Parameters;
use crate::samples::{RawFrame, Samples};
use crate::setup::set_up;
use crate::{DECODERS, Error};
use ffmpeg_sys_the_third as ffi;
use libc::c_int;
use std::ffi::CStr;
use std::ptr::{self, NonNull};

/// Frames of the library that one packet may become. Some decoders cut a packet into thousands.
const MAX_PIECES: u32 = 100_000;

/// A decoder of one stream.
pub struct Decoder {
    context: Context,
    packet: RawPacket,
    frame: RawFrame,
}

// SAFETY: decoders keep nothing in thread-local memory and start no thread. Shared access reads numbers alone.
unsafe impl Send for Decoder {}
// SAFETY: as above.
unsafe impl Sync for Decoder {}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// Makes the decoder for a stream whose timestamps count in `tick` seconds, a fraction.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if these libraries have no decoder for it that is one of [`DECODERS`], [`Error::Invalid`] if its
    /// parameters make no sense, [`Error::Memory`].
    pub fn new(parameters: &Parameters, tick: (u32, u32)) -> Result<Self, Error> {
        set_up();
        let context = Context::open(parameters, tick)?;
        Ok(Self { context, packet: RawPacket::new()?, frame: RawFrame::new()? })
    }

    /// Decodes one packet. `samples` then holds what came of it, which may be nothing: a decoder may keep some until the next.
    ///
    /// # Errors
    /// Why the packet could not be decoded. The next may still be.
    pub fn decode(&mut self, packet: &Packet, samples: &mut Samples) -> Result<(), Error> {
        samples.clear();
        self.packet.fill(packet)?;
        // SAFETY: context and packet are valid.
        let sent = unsafe { ffi::avcodec_send_packet(self.context.0.as_ptr(), self.packet.as_ptr()) };
        let received = self.receive(samples);
        check(sent)?;
        received
    }

    /// Hands out what the decoder kept. It decodes nothing more.
    ///
    /// # Errors
    /// Why it could not be decoded.
    pub fn drain(&mut self, samples: &mut Samples) -> Result<(), Error> {
        samples.clear();
        // SAFETY: the context is valid; null stands for the end.
        let sent = unsafe { ffi::avcodec_send_packet(self.context.0.as_ptr(), ptr::null()) };
        let received = self.receive(samples);
        if sent == ffi::AVERROR_EOF { Ok(()) } else { check(sent).and(received) }
    }

    fn receive(&mut self, samples: &mut Samples) -> Result<(), Error> {
        for _ in 0..MAX_PIECES {
            // SAFETY: context and frame are valid; the frame is emptied first.
            let code = unsafe { ffi::avcodec_receive_frame(self.context.0.as_ptr(), self.frame.as_ptr()) };
            if code == ffi::AVERROR_EOF || code == ffi::AVERROR(libc::EAGAIN) {
                return Ok(());
            }
            check(code)?;
            samples.append(&self.frame)?;
        }
        Err(Error::Invalid("a packet decodes to an impossible number of frames".to_owned()))
    }

    /// Bits per sample, where the codec has such a number.
    #[must_use]
    pub fn bits(&self) -> Option<u16> {
        // SAFETY: the context is valid.
        let bits = unsafe { self.context.0.as_ref() }.bits_per_raw_sample;
        u16::try_from(bits).ok().filter(|bits| (1..=64).contains(bits))
    }

    /// The profile of the stream as the decoder found it, such as `HE-AAC` or `DTS-HD MA`.
    #[must_use]
    pub fn profile(&self) -> Option<&'static str> {
        // SAFETY: the context is valid; the name is a constant or null.
        unsafe {
            let context = self.context.0.as_ref();
            let name = ffi::avcodec_profile_name(context.codec_id, context.profile);
            if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok() }
        }
    }
}

/// An open decoder of the library.
struct Context(NonNull<ffi::AVCodecContext>);

impl Context {
    fn open(parameters: &Parameters, tick: (u32, u32)) -> Result<Self, Error> {
        // SAFETY: the parameters are valid; what is returned is a constant or null, and its name ends with 0.
        let decoder = unsafe {
            let decoder = ffi::avcodec_find_decoder((*parameters.as_ptr()).codec_id);
            let name = decoder.as_ref().and_then(|decoder| CStr::from_ptr(decoder.name).to_str().ok());
            name.filter(|name| DECODERS.contains(name)).map(|_| decoder)
        };
        let absent =
            || Error::Unsupported(format!("these libraries have no decoder of {}", parameters.codec()));
        let decoder = decoder.ok_or_else(absent)?;
        let mut options = Options::new();
        options.set(c"codec_whitelist", &decoders()?)?;
        options.set(c"threads", c"1")?;
        // A lossless codec's checksum tells damage that would be heard as noise.
        options.set(c"err_detect", c"crccheck")?;
        // SAFETY: the decoder is one of the library's constants; the context is checked, and freed by `drop` from then on.
        unsafe {
            let context =
                NonNull::new(ffi::avcodec_alloc_context3(decoder)).map(Self).ok_or(Error::Memory)?;
            let raw = context.0.as_ptr();
            check(ffi::avcodec_parameters_to_context(raw, parameters.as_ptr()))?;
            let part = |number: u32| c_int::try_from(number).unwrap_or(0);
            (*raw).pkt_timebase = ffi::AVRational { num: part(tick.0), den: part(tick.1) };
            check(ffi::avcodec_open2(raw, decoder, &raw mut options.0))?;
            Ok(context)
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the context is ours, and not used again.
        unsafe { ffi::avcodec_free_context(&raw mut raw) }
    }
}
