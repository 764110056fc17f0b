//! From a file to a demuxer for its audio.
//!
//! The file is recognised by its bytes, tags and broken lengths are cut away, and what the container says about the length
//! of the music is gathered. Nothing is decoded here.

mod aac;
mod bytes;
mod caf;
mod envelope;
mod extent;
mod flac;
mod foreign;
mod iff;
#[cfg_attr(not(feature = "libav"), path = "open/no_libav.rs")]
mod libav;
mod mkv;
mod mp4;
mod mpeg;
mod names;
mod ogg;
mod own;
mod raw;
mod sniff;
mod splice;
mod wave;
mod window;

#[cfg(feature = "libav")]
pub(crate) use aac::adts_config;
pub(crate) use aac::{Config as AacConfig, LC as AAC_LC, MAX_CORE_RATE, aac_profile};
pub(crate) use bytes::{be16, be32, be64, le32, le64, read_up_to};
pub(crate) use envelope::{leading_tag, trailing_tag};
pub(crate) use extent::{Excess, Extent, Span};
pub(crate) use foreign::Foreign;
pub(crate) use mpeg::MpegHeader;
#[cfg(feature = "libav")]
pub(crate) use names::codec_id;
pub(crate) use names::{CodecTraits, channel_layout, codec_traits};
use splice::NextStream;
pub(crate) use splice::{Fault, Part, Spliced};

use crate::decode::{Decoder, Native};
use crate::guard::contain;
use crate::source::Stream;
use crate::{Error, Limits};
use std::fs::File;
use std::sync::Arc;
use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::errors::Error as DemuxError;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackFlags, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadBytes};
use symphonia::default::formats::{
    AdtsReader, AiffReader, CafReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader, WavReader,
};

/// Containers that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Wav,
    Aiff,
    Flac,
    Ogg,
    Caf,
    Mkv,
    Mp4,
    /// `counted`: the first frame states how many follow.
    Mpeg {
        counted: bool,
    },
    Adts,
    /// libav alone reads it.
    Foreign(Foreign),
}

/// A container and where in the file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What a demuxer shall see, and what it would not tell.
#[derive(Debug, Default)]
struct Layout {
    parts: Vec<Part>,
    extent: Extent,
    /// The container promises more bytes than the file has.
    truncated: bool,
    bit_depth: Option<u16>,
    /// Bytes of the file that are tags, as far as known.
    foreign_bytes: u64,
    tracks: Vec<mp4::Edited>,
    gapless: Option<mp4::Gapless>,
    /// Track and nanoseconds.
    codec_delays: Vec<(u32, u64)>,
    /// Tracks that cannot be decoded, and why.
    refusals: Vec<(u32, String)>,
    /// The track to analyse, where that is known.
    chosen: Option<u32>,
    /// The stream that the container wraps whole, where the packets are not its own, and its bytes.
    wrapped: Option<(Kind, u64)>,
    /// Nothing says where the channels belong.
    no_places: bool,
}

/// An open container, at its first packet.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn FormatReader>,
    pub(crate) extent: Extent,
    pub(crate) truncated: bool,
    pub(crate) bit_depth: Option<u16>,
    pub(crate) foreign_bytes: u64,
    pub(crate) found: Found,
    /// What finds the packets: the container, or the stream that it wraps.
    pub(crate) framing: Kind,
    /// Bytes in which an unframed stream lies, tags excluded.
    pub(crate) stream_bytes: u64,
    no_places: bool,
    /// The track to analyse, among several.
    chosen: Option<u32>,
    /// Parameters of that track, where those of the container are wrong.
    corrected: Option<AudioCodecParameters>,
    file: Arc<File>,
    /// Where a file that was joined to this one begins.
    next: Option<NextStream>,
    /// Files that were joined so far.
    joined: usize,
    pub(crate) fault: Fault,
    /// What libav must know of the stream, where libav opened it.
    pub(crate) native: Option<Native>,
}

/// Files that are followed into one another: joined albums have tens, hostile files thousands.
const MAX_JOINED: usize = 1024;

/// Opens the container that the file holds.
pub(crate) fn open(file: &Arc<File>, extension: Option<&str>, limits: &Limits) -> Result<Opened, Error> {
    let found = sniff::sniff(file, extension)?;
    let fault = Fault::default();
    let (mut layout, own) = match found.kind {
        Kind::Foreign(foreign) => return libav::open(file, &found, foreign),
        Kind::Wav => iff::wav(file, &found, limits, &fault)?,
        Kind::Caf => caf::caf(file, &found, limits, &fault)?,
        Kind::Aiff => iff::aiff(file, &found, limits, &fault)?,
        Kind::Flac => (flac::flac(file, &found, limits)?, None),
        Kind::Mp4 => mp4::mp4(file, &found, &fault)?,
        Kind::Mkv => {
            let (layout, reader) = mkv::mkv(file, &found, &fault)?;
            (layout, Some(reader))
        }
        Kind::Ogg => {
            let parts = crate::tags::without_large_comments(file, found.start, found.end);
            (parts.map_or_else(|| whole(&found), |parts| Layout { parts, ..Layout::default() }), None)
        }
        Kind::Mpeg { .. } | Kind::Adts => (whole(&found), None),
    };
    let (framing, stream_bytes) = layout.wrapped.unwrap_or((found.kind, found.end - found.start));
    let next = (found.kind == Kind::Flac).then(flac::next_stream);
    let reader = match own {
        Some(reader) => reader,
        None => {
            library_reader(file, &found, framing, std::mem::take(&mut layout.parts), &fault, next.clone())?
        }
    };
    let Layout { extent, truncated, bit_depth, foreign_bytes, .. } = layout;
    let mut opened = Opened {
        reader,
        extent,
        truncated,
        bit_depth,
        foreign_bytes,
        found,
        framing,
        stream_bytes,
        no_places: layout.no_places,
        chosen: layout.chosen,
        corrected: None,
        file: Arc::clone(file),
        next,
        joined: 0,
        fault,
        native: None,
    };
    if opened.chosen.is_none() {
        opened.choose();
    }
    if opened.track().is_none() {
        return Err(no_track(file, &found, opened.reader.tracks(), &layout.refusals));
    }
    opened.refine(&layout.tracks, layout.gapless, &layout.codec_delays);
    Ok(opened)
}

/// The decoder library's demuxer for these parts of the file.
fn library_reader(
    file: &Arc<File>,
    found: &Found,
    framing: Kind,
    parts: Vec<Part>,
    fault: &Fault,
    next: Option<NextStream>,
) -> Result<Box<dyn FormatReader>, Error> {
    let source = Spliced::new(Arc::clone(file), parts, fault.clone()).until(next);
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    match contain("demuxer", || reader(framing, stream)) {
        Some(Ok(reader)) => Ok(reader),
        refusal => {
            if let Some(error) = fault.take() {
                return Err(Error::Io(error));
            }
            if found.kind == Kind::Ogg && ogg::unreadable(file, found) {
                return Err(no_track(file, found, &[], &[]));
            }
            if found.kind == Kind::Ogg
                && let Some(detail) = ogg::unmapped_opus(file, found)
            {
                return Err(Error::Unsupported { detail });
            }
            let error = refusal.and_then(Result::err).unwrap_or(DemuxError::DecodeError("no sense in it"));
            Err(refused(found.kind, &error))
        }
    }
}

fn whole(found: &Found) -> Layout {
    let parts = vec![Part::File { start: found.start, len: found.end - found.start }];
    Layout { parts, foreign_bytes: found.start, ..Layout::default() }
}

fn reader(kind: Kind, mut stream: MediaSourceStream<'static>) -> Result<Box<dyn FormatReader>, DemuxError> {
    let options = FormatOptions::default();
    Ok(match kind {
        Kind::Wav => Box::new(WavReader::try_new(stream, options)?),
        Kind::Aiff => Box::new(AiffReader::try_new(stream, options)?),
        Kind::Flac => Box::new(FlacReader::try_new(stream, options)?),
        Kind::Ogg => Box::new(OggReader::try_new(stream, options)?),
        Kind::Caf => Box::new(CafReader::try_new(stream, options)?),
        Kind::Mkv => Box::new(MkvReader::try_new(stream, options)?),
        Kind::Mp4 => {
            // This reader wants to stand at its magic number, which comes after four bytes of length.
            stream.read_quad_bytes()?;
            Box::new(IsoMp4Reader::try_new(stream, options)?)
        }
        Kind::Mpeg { .. } => Box::new(MpaReader::try_new(stream, options)?),
        Kind::Adts => Box::new(AdtsReader::try_new(stream, options)?),
        Kind::Foreign(_) => return Err(DemuxError::Unsupported("a container that libav alone reads")),
    })
}

/// Why a demuxer refuses a container whose magic number is right.
fn refused(kind: Kind, error: &DemuxError) -> Error {
    let name = kind.name();
    match error {
        DemuxError::IoError(_) => {
            Error::Corrupt { detail: format!("the {name} file ends inside its header") }
        }
        // The demuxers say so of what is not there as well.
        DemuxError::Unsupported(what) if what.contains("missing") => {
            Error::Corrupt { detail: format!("the {name} file is damaged or truncated: {what}") }
        }
        DemuxError::Unsupported(what) => Error::Unsupported { detail: (*what).to_owned() },
        DemuxError::LimitError(what) => Error::TooLarge { detail: (*what).to_owned() },
        other => Error::Corrupt { detail: format!("the {name} file's header is damaged: {other}") },
    }
}

fn no_track(file: &File, found: &Found, tracks: &[Track], refusals: &[(u32, String)]) -> Error {
    let video = tracks.iter().any(|track| track.track_type() == Some(TrackType::Video));
    let detail = match (found.kind, refusals.first()) {
        (_, Some((_, refusal))) => refusal.clone(),
        _ if video => format!("video without audio ({})", found.kind.name()),
        (Kind::Ogg, _) => format!("{} in Ogg", ogg::codecs(file, found)),
        _ => format!("no audio track of a known codec ({})", found.kind.name()),
    };
    Error::Unsupported { detail }
}

fn audio_parameters(track: &Track) -> Option<&AudioCodecParameters> {
    match &track.codec_params {
        Some(CodecParameters::Audio(parameters)) => Some(parameters),
        _ => None,
    }
}

impl Kind {
    /// Short name of the container, as it stands in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Aiff => "aiff",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::Caf => "caf",
            Self::Mkv => "mkv",
            Self::Mp4 => "mp4",
            Self::Mpeg { .. } => "mp3",
            Self::Adts => "adts",
            Self::Foreign(foreign) => foreign.name,
        }
    }
}

impl Opened {
    /// The track to analyse, and its parameters.
    pub(crate) fn track(&self) -> Option<(&Track, &AudioCodecParameters)> {
        let track = match self.chosen {
            Some(id) => self.reader.tracks().iter().find(|track| track.id == id)?,
            None => self.reader.default_track(TrackType::Audio)?,
        };
        Some((track, self.corrected.as_ref().or_else(|| audio_parameters(track))?))
    }

    /// Chooses among several audio tracks: the default one, or else the first, of those that can be decoded.
    fn choose(&mut self) {
        let audio =
            || self.reader.tracks().iter().filter_map(|track| Some((track, audio_parameters(track)?)));
        if audio().count() < 2 {
            return;
        }
        let decodable = |(_, it): &(&Track, &AudioCodecParameters)| {
            Decoder::check(Stream::of(self.found.kind, it)).is_ok()
        };
        let default =
            |(track, _): &(&Track, &AudioCodecParameters)| track.flags.contains(TrackFlags::DEFAULT);
        let chosen = audio().filter(default).find(decodable).or_else(|| audio().find(decodable));
        self.chosen = chosen.map(|(track, _)| track.id);
    }

    /// Whether an end that the demuxer did not expect is one all the same.
    pub(crate) fn ends_whole(&self) -> bool {
        self.found.kind == Kind::Ogg && ogg::ends_whole(&self.file, &self.found)
    }

    /// Goes on with the file that was joined to this one: FLAC behind FLAC. Says whether there is one.
    pub(crate) fn follow(&mut self, limits: &Limits) -> Result<bool, Error> {
        let Some(start) = self.next.as_ref().and_then(NextStream::place) else { return Ok(false) };
        self.joined += 1;
        if self.joined > MAX_JOINED {
            return Err(Error::TooLarge { detail: format!("more than {MAX_JOINED} joined files") });
        }
        let found = Found { start, ..self.found };
        let layout = flac::flac(&self.file, &found, limits)?;
        let next = Some(flac::next_stream());
        self.reader =
            library_reader(&self.file, &found, found.kind, layout.parts, &self.fault, next.clone())?;
        self.next = next;
        self.extent = layout.extent;
        self.foreign_bytes += layout.foreign_bytes.saturating_sub(start);
        self.chosen = None;
        Ok(true)
    }

    /// Sets the extent for the next stream of a chain, which only Ogg has.
    pub(crate) fn refine_chain(&mut self) {
        self.chosen = None;
        self.corrected = None;
        self.choose();
        self.refine(&[], None, &[]);
    }

    /// Sets parameters right that the container has no room for, or that the library makes up.
    fn correct(&mut self) {
        let Some((track, parameters)) = self.track() else { return };
        let mut corrected = parameters.clone();
        let channels = parameters.channels.as_ref().map_or(0, |channels| channels.count());
        match (self.found.kind, parameters.codec) {
            // MP4 keeps the sample rate in 16 bits.
            (Kind::Mp4, CODEC_ID_AAC) => {
                let config = parameters.extra_data.as_deref().unwrap_or_default();
                let Some(rate) = aac::overflown_rate(config, parameters.sample_rate.unwrap_or(0)) else {
                    return;
                };
                corrected.with_sample_rate(rate);
            }
            // Core Audio has a configuration of its own for Opus, or none.
            (Kind::Caf, CODEC_ID_OPUS) => {
                let Some(head) = ogg::opus_head(channels, track.delay.unwrap_or(0)) else { return };
                corrected.with_extra_data(head.into_boxed_slice());
            }
            (Kind::Wav | Kind::Aiff, _) if self.no_places && channels > 2 => {
                corrected.with_channels(Channels::Discrete(channels as u16));
            }
            _ => return,
        }
        self.corrected = Some(corrected);
    }

    /// Sets the extent for containers whose demuxer knows their length.
    fn refine(&mut self, edits: &[mp4::Edited], gapless: Option<mp4::Gapless>, delays: &[(u32, u64)]) {
        self.correct();
        let Some((track, parameters)) = self.track() else { return };
        let rate = parameters.sample_rate.unwrap_or(0);
        let opus = parameters.codec == CODEC_ID_OPUS;
        let frames = track.num_frames.map(|frames| Span::frames(frames, rate));
        let skip = Span::frames(track.delay.unwrap_or(0).into(), rate);
        let extent = match self.framing {
            Kind::Mpeg { counted: true } => {
                Extent { skip, total: frames, exact: false, excess: Excess::Padding }
            }
            Kind::Caf => Extent { skip, total: frames, exact: false, excess: Excess::Drop },
            Kind::Ogg => {
                // The last page states the end, which is the length only for streams that begin at 0.
                let before = u64::try_from(track.start_ts.get()).unwrap_or(0);
                // Opus counts what settles the decoder (RFC 7845 §4.2); Vorbis does not, and trims it itself.
                let delay = if opus { track.delay.unwrap_or(0) } else { 0 };
                let before = before.saturating_add(delay.into());
                let total = track.num_frames.map(|end| Span::frames(end.saturating_sub(before), rate));
                Extent { skip: Span::frames(delay.into(), rate), total, ..Extent::default() }
            }
            Kind::Mkv => {
                let delay = delays.iter().find(|(id, _)| *id == track.id).map_or(0, |(_, delay)| *delay);
                let media = self.reader.media_info();
                let total = media
                    .duration
                    .zip(media.time_base)
                    .map(|(duration, base)| Span::new(duration.get(), base.numer.get(), base.denom.get()));
                let skip = Span::new(delay, 1, mkv::NANOSECONDS);
                Extent { skip, total, exact: false, excess: Excess::Keep }
            }
            Kind::Mp4 => {
                let edited = edits.iter().find(|edited| edited.track_id == track.id);
                let samples = track.duration.map_or(0, |duration| duration.get());
                match (gapless, edited) {
                    (Some(gapless), _) => gapless.extent(rate),
                    (None, Some(edited)) if samples > 0 => edited.extent(samples),
                    _ => Extent::default(),
                }
            }
            Kind::Wav
            | Kind::Aiff
            | Kind::Flac
            | Kind::Mpeg { counted: false }
            | Kind::Adts
            | Kind::Foreign(_) => self.extent,
        };
        self.extent = extent;
    }
}

impl Limits {
    /// Checks a stated format before anything is allocated for it.
    pub(crate) fn check(&self, rate: u32, channels: usize) -> Result<(), Error> {
        if rate == 0 || channels == 0 {
            let what = if rate == 0 { "sample rate" } else { "number of channels" };
            return Err(Error::Corrupt { detail: format!("the stated {what} is 0") });
        }
        if channels > usize::from(self.max_channels) {
            let detail = format!("{channels} channels, the limit is {}", self.max_channels);
            return Err(Error::TooLarge { detail });
        }
        if rate > self.max_sample_rate_hz {
            let detail = format!("sample rate {rate} Hz, the limit is {} Hz", self.max_sample_rate_hz);
            return Err(Error::TooLarge { detail });
        }
        Ok(())
    }
}
