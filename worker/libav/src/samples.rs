//! Decoded samples, of whatever format the decoder has them, as planes of `f32`.

use crate::Error;
use crate::packet::bytes;
use ffmpeg_sys_the_third as ffi;
use std::ptr::NonNull;

/// Where the channels belong, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One bit per speaker, in the order and with the numbers of WAVE's channel mask, which FFmpeg extends.
    Speakers(u64),
    /// So many channels, of which nothing says where they belong.
    Unknown(usize),
}

impl Layout {
    pub(crate) fn of(raw: &ffi::AVChannelLayout) -> Option<Self> {
        let count = usize::try_from(raw.nb_channels).ok().filter(|count| *count > 0)?;
        // SAFETY: in this order of channels the union holds the mask.
        let mask = (raw.order == ffi::AVChannelOrder::NATIVE).then(|| unsafe { raw.u.mask });
        let mask = mask.filter(|mask| mask.count_ones() as usize == count);
        Some(mask.map_or(Self::Unknown(count), Self::Speakers))
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Speakers(mask) => mask.count_ones() as usize,
            Self::Unknown(count) => count,
        }
    }
}

/// Samples of all channels, full scale being 1.0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples {
    /// In Hz.
    pub rate: u32,
    /// `None` before the first frame.
    pub layout: Option<Layout>,
    /// One per channel, all of one length.
    pub planes: Vec<Vec<f32>>,
}

/// More frames than this of one packet are a bomb: the longest honest packets (Monkey's Audio) hold 1,179,648.
const MAX_FRAMES: usize = 1 << 22;

impl Samples {
    /// Number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.planes.first().map_or(0, Vec::len)
    }

    pub(crate) fn clear(&mut self) {
        self.planes.iter_mut().for_each(Vec::clear);
    }

    /// Appends what a frame of the library holds.
    pub(crate) fn append(&mut self, frame: &RawFrame) -> Result<(), Error> {
        let raw = frame.get();
        let invalid = |what: &str| Error::Invalid(what.to_owned());
        let rate = u32::try_from(raw.sample_rate).ok().filter(|rate| *rate > 0);
        let rate = rate.ok_or_else(|| invalid("decoded samples without a rate"))?;
        let layout = Layout::of(&raw.ch_layout).ok_or_else(|| invalid("decoded samples without channels"))?;
        if self.frames() == 0 {
            (self.rate, self.layout) = (rate, Some(layout));
            self.planes.resize_with(layout.channels(), Vec::new);
        } else if (self.rate, self.layout) != (rate, Some(layout)) {
            return Err(invalid("the format changes inside a packet"));
        }
        let frames = usize::try_from(raw.nb_samples).unwrap_or(0);
        if self.frames() + frames > MAX_FRAMES {
            return Err(invalid("a packet decodes to an impossible number of samples"));
        }
        let format = Format::of(raw.format).ok_or_else(|| invalid("samples of an unknown format"))?;
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            frame
                .read(channel, layout.channels(), frames, format, plane)
                .ok_or_else(|| invalid("a short frame"))?;
        }
        Ok(())
    }
}

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    sample: Sample,
    /// One run of bytes per channel, instead of one for all.
    planar: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sample {
    U8,
    S16,
    S32,
    S64,
    F32,
    F64,
}

impl Format {
    fn of(number: i32) -> Option<Self> {
        use ffi::AVSampleFormat as F;
        let (sample, planar) = match ffi::AVSampleFormat(number) {
            F::U8 => (Sample::U8, false),
            F::U8P => (Sample::U8, true),
            F::S16 => (Sample::S16, false),
            F::S16P => (Sample::S16, true),
            F::S32 => (Sample::S32, false),
            F::S32P => (Sample::S32, true),
            F::S64 => (Sample::S64, false),
            F::S64P => (Sample::S64, true),
            F::FLT => (Sample::F32, false),
            F::FLTP => (Sample::F32, true),
            F::DBL => (Sample::F64, false),
            F::DBLP => (Sample::F64, true),
            _ => return None,
        };
        Some(Self { sample, planar })
    }
}

impl Sample {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S32 | Self::F32 => 4,
            Self::S64 | Self::F64 => 8,
        }
    }

    /// Appends each `step`th sample of `bytes`.
    fn convert(self, bytes: &[u8], step: usize, plane: &mut Vec<f32>) {
        match self {
            Self::U8 => extend(bytes, step, plane, |[byte]| (f32::from(byte) - 128.0) / 128.0),
            Self::S16 => extend(bytes, step, plane, |it| f32::from(i16::from_ne_bytes(it)) / 32_768.0),
            Self::S32 => extend(bytes, step, plane, |it| i32::from_ne_bytes(it) as f32 / 2_147_483_648.0),
            Self::S64 => {
                extend(bytes, step, plane, |it| (i64::from_ne_bytes(it) as f64 / 2f64.powi(63)) as f32)
            }
            Self::F32 => extend(bytes, step, plane, f32::from_ne_bytes),
            Self::F64 => extend(bytes, step, plane, |it| f64::from_ne_bytes(it) as f32),
        }
    }
}

fn extend<const N: usize>(bytes: &[u8], step: usize, plane: &mut Vec<f32>, convert: impl Fn([u8; N]) -> f32) {
    let samples = bytes.as_chunks::<N>().0.iter().step_by(step);
    plane.extend(samples.map(|sample| convert(*sample)));
}

/// A frame of the library.
pub(crate) struct RawFrame(NonNull<ffi::AVFrame>);

impl RawFrame {
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: the function has no conditions; it returns a frame or nothing.
        NonNull::new(unsafe { ffi::av_frame_alloc() }).map(Self).ok_or(Error::Memory)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVFrame {
        self.0.as_ptr()
    }

    fn get(&self) -> &ffi::AVFrame {
        // SAFETY: the frame is valid, and the library has no hand in it outside of its calls.
        unsafe { self.0.as_ref() }
    }

    /// Appends one channel's samples to `plane`; `None` if the frame is shorter than it says.
    fn read(
        &self,
        channel: usize,
        channels: usize,
        frames: usize,
        format: Format,
        plane: &mut Vec<f32>,
    ) -> Option<()> {
        let raw = self.get();
        let size = format.sample.bytes();
        let (at, per_frame) = if format.planar { (channel, size) } else { (0, size * channels) };
        let len = frames.checked_mul(per_frame)?;
        // Audio has one length for all planes.
        if raw.extended_data.is_null() || usize::try_from(raw.linesize[0]).ok()? < len {
            return None;
        }
        // SAFETY: there are as many pointers as channels for planar samples and one for the others; each points to at least
        // `linesize[0]` bytes, which are the frame's until it is filled anew.
        let samples = unsafe { bytes(*raw.extended_data.add(at), len) };
        if samples.len() < len {
            return None;
        }
        if format.planar {
            format.sample.convert(samples, 1, plane);
        } else {
            format.sample.convert(samples.get(channel * size..).unwrap_or_default(), channels, plane);
        }
        Some(())
    }
}

impl Drop for RawFrame {
    fn drop(&mut self) {
        let mut frame = self.as_ptr();
        // SAFETY: the frame is ours, and not used again.
        unsafe { ffi::av_frame_free(&raw mut frame) }
    }
}
