//! From a container to the packets of its audio.

use crate::error::check;
use crate::input::{Input, Io};
use crate::packet::{Packet, RawPacket};
use crate::parameters::Parameters;
use crate::setup::set_up;
use crate::{DECODERS, DEMUXERS, Error};
use ffmpeg_sys_the_third as ffi;
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// Tags to read at most, and bytes of each.
const MAX_TAGS: usize = 256;
/// Packets of other streams in a row, and times that the library asks to be called again: more than any file has in between.
const MAX_OTHERS: u32 = 1 << 20;

/// A container, open at its first packet.
pub struct Demuxer {
    // The order matters: the context is closed before the I/O that it reads from.
    context: Context,
    _io: Io,
    packet: RawPacket,
    stream: c_int,
    info: StreamInfo,
}

/// What the container says of its audio stream.
#[derive(Debug)]
pub struct StreamInfo {
    /// What the decoder needs.
    pub parameters: Arc<Parameters>,
    /// Seconds per tick, as a fraction.
    pub tick: (u32, u32),
    /// Length in ticks, where the container states it. Not where it was guessed from the size of the file.
    pub duration: Option<u64>,
    /// There is video as well (not a picture that is a tag).
    pub video: bool,
}

// SAFETY: the library keeps nothing of a demuxer in thread-local memory, and the input may move between threads. Shared access
// reads `info` alone.
unsafe impl Send for Demuxer {}
// SAFETY: as above.
unsafe impl Sync for Demuxer {}

impl std::fmt::Debug for Demuxer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Demuxer").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Demuxer {
    /// Opens `input` with the demuxer of this name, one of [`DEMUXERS`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] if these libraries have no such demuxer or the file has no audio stream, [`Error::Invalid`] if its
    /// header makes no sense, [`Error::Memory`].
    pub fn open(input: Box<dyn Input>, name: &str) -> Result<Self, Error> {
        set_up();
        let io = Io::new(input)?;
        let context = Context::open(&io, name)?;
        let (stream, info) = context.audio()?;
        Ok(Self { context, _io: io, packet: RawPacket::new()?, stream, info })
    }

    /// What is known of the stream.
    #[must_use]
    pub fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// The next packet of the audio stream; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Invalid`] for damage; a later call may find more packets. [`Error::Memory`].
    pub fn next_packet(&mut self) -> Result<Option<Packet>, Error> {
        for _ in 0..MAX_OTHERS {
            self.packet.clear();
            // SAFETY: context and packet are valid, and the packet is empty.
            let code = unsafe { ffi::av_read_frame(self.context.0.as_ptr(), self.packet.as_ptr()) };
            match code {
                ffi::AVERROR_EOF => return Ok(None),
                _ if code == ffi::AVERROR(libc::EAGAIN) => {}
                _ => {
                    check(code)?;
                    if self.packet.stream_index() == self.stream {
                        return Ok(Some(self.packet.copy()));
                    }
                }
            }
        }
        Err(Error::Invalid("the demuxer finds no packet".to_owned()))
    }

    /// The tags of the file and of the stream, in this order, under the names that FFmpeg gives them.
    #[must_use]
    pub fn tags(&self) -> Vec<(String, String)> {
        // SAFETY: the context is valid; the dictionaries are its own, and are not changed while they are read.
        unsafe {
            let context = self.context.0.as_ref();
            let stream = *context.streams.add(self.stream as usize);
            let mut tags = entries(context.metadata);
            tags.extend(entries((*stream).metadata));
            tags.truncate(MAX_TAGS);
            tags
        }
    }
}

/// The texts of a dictionary.
///
/// # Safety
/// `dictionary` is null or valid.
unsafe fn entries(dictionary: *const ffi::AVDictionary) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut entry = ptr::null();
    while found.len() < MAX_TAGS {
        // SAFETY: the dictionary is as the caller promises, and the entry is the one that was found before. Key and value of an
        // entry end with 0.
        unsafe {
            entry = ffi::av_dict_get(dictionary, c"".as_ptr(), entry, ffi::AV_DICT_IGNORE_SUFFIX as c_int);
            if entry.is_null() {
                break;
            }
            let text = |text: *const c_char| CStr::from_ptr(text).to_string_lossy().into_owned();
            found.push((text((*entry).key), text((*entry).value)));
        }
    }
    found
}

/// An open container of the library.
struct Context(NonNull<ffi::AVFormatContext>);

/// What a demuxer gets that would open another file: files that refer to others cannot make us read those.
unsafe extern "C" fn refuse(
    _: *mut ffi::AVFormatContext,
    _: *mut *mut ffi::AVIOContext,
    _: *const c_char,
    _: c_int,
    _: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(libc::EPERM)
}

impl Context {
    fn open(io: &Io, name: &str) -> Result<Self, Error> {
        let absent = || Error::Unsupported(format!("these libraries have no demuxer {name}"));
        if !DEMUXERS.contains(&name) {
            return Err(absent());
        }
        let format_name = CString::new(name).map_err(|_| absent())?;
        let mut options = Options::new();
        options.set(c"protocol_whitelist", c"")?;
        options.set(c"format_whitelist", &format_name)?;
        options.set(c"codec_whitelist", &decoders()?)?;
        // SAFETY: the name ends with 0. The context is checked before it is used. Opening frees it when it fails, and takes
        // what it knows out of the options.
        unsafe {
            let format = ffi::av_find_input_format(format_name.as_ptr());
            if format.is_null() {
                return Err(absent());
            }
            let mut context = ffi::avformat_alloc_context();
            if context.is_null() {
                return Err(Error::Memory);
            }
            (*context).pb = io.as_ptr();
            (*context).io_open = Some(refuse);
            check(ffi::avformat_open_input(&raw mut context, c"".as_ptr(), format, &raw mut options.0))?;
            NonNull::new(context).map(Self).ok_or(Error::Memory)
        }
    }

    /// Finds the audio stream, and has the library forget the others.
    fn audio(&self) -> Result<(c_int, StreamInfo), Error> {
        let raw = self.0.as_ptr();
        // SAFETY: the context is valid. The streams are an array of as many valid pointers as is said.
        unsafe {
            check(ffi::avformat_find_stream_info(raw, ptr::null_mut()))?;
            let best = ffi::av_find_best_stream(raw, ffi::AVMediaType::AUDIO, -1, -1, ptr::null_mut(), 0);
            let streams: &[*mut ffi::AVStream] = if (*raw).streams.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts((*raw).streams, (*raw).nb_streams as usize)
            };
            let mut video = false;
            for stream in streams {
                let other = (**stream).index != best;
                let picture = (**stream).disposition & ffi::AV_DISPOSITION_ATTACHED_PIC as c_int != 0;
                video |= (*(**stream).codecpar).codec_type == ffi::AVMediaType::VIDEO && !picture;
                (**stream).discard = if other { ffi::AVDiscard::ALL } else { ffi::AVDiscard::DEFAULT };
            }
            let chosen = usize::try_from(best).ok().and_then(|best| streams.get(best));
            let Some(stream) = chosen.map(|stream| &**stream) else {
                let what = if video { "video without audio" } else { "no audio stream of a known codec" };
                return Err(Error::Unsupported(what.to_owned()));
            };
            let guessed = (*raw).duration_estimation_method == ffi::AVDurationEstimationMethod::BITRATE;
            let part = |number: c_int| u32::try_from(number).unwrap_or(0);
            let info = StreamInfo {
                parameters: Arc::new(Parameters::copy(stream.codecpar)?),
                tick: (part(stream.time_base.num), part(stream.time_base.den)),
                duration: u64::try_from(stream.duration).ok().filter(|ticks| *ticks > 0 && !guessed),
                video,
            };
            Ok((best, info))
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the context is ours, and not used again. Its I/O is not its own, so that closing leaves it to its owner.
        unsafe { ffi::avformat_close_input(&raw mut raw) }
    }
}

/// The decoders that may be opened, as an option of the library.
pub(crate) fn decoders() -> Result<CString, Error> {
    CString::new(DECODERS.join(",")).map_err(|_| Error::Memory)
}

/// A dictionary of options.
pub(crate) struct Options(pub(crate) *mut ffi::AVDictionary);

impl Options {
    pub(crate) fn new() -> Self {
        Self(ptr::null_mut())
    }

    pub(crate) fn set(&mut self, name: &CStr, value: &CStr) -> Result<(), Error> {
        // SAFETY: the dictionary is null or valid; name and value end with 0 and are copied.
        check(unsafe { ffi::av_dict_set(&raw mut self.0, name.as_ptr(), value.as_ptr(), 0) }).map(drop)
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the dictionary is null or ours.
        unsafe { ffi::av_dict_free(&raw mut self.0) }
    }
}
