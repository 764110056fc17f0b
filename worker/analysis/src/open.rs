//! From a file to a demuxer for its audio.
//!
//! The file is recognised by its bytes, tags and broken lengths are cut away, and what the container says about the length
//! of the music is gathered. Nothing is decoded here.

mod aac;
mod bytes;
mod envelope;
mod extent;
mod flac;
mod iff;
mod mkv;
mod mp4;
mod mpeg;
mod names;
mod ogg;
mod sniff;
mod splice;

pub(crate) use aac::{Config as AacConfig, LC as AAC_LC, aac_profile};
pub(crate) use bytes::{be16, be32, be64, le32, le64, read_up_to};
pub(crate) use envelope::{leading_tag, trailing_tag};
pub(crate) use extent::{Excess, Extent, Span};
pub(crate) use names::{CodecTraits, channel_layout, codec_traits};
pub(crate) use splice::{Fault, Part, Spliced};

use crate::guard::contain;
use crate::{Error, Limits};
use std::fs::File;
use std::sync::Arc;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::errors::Error as DemuxError;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadBytes};
use symphonia::default::formats::{
    AdtsReader, AiffReader, CafReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader, WavReader,
};

/// Matroska counts delays in these.
const NANOSECONDS: u32 = 1_000_000_000;

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
    title: Option<String>,
}

/// An open container, at its first packet.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn FormatReader>,
    pub(crate) extent: Extent,
    pub(crate) truncated: bool,
    pub(crate) bit_depth: Option<u16>,
    #[expect(dead_code, reason = "the tags no longer ask for it")]
    pub(crate) foreign_bytes: u64,
    pub(crate) found: Found,
    /// Title of the whole, where it is no tag.
    #[expect(dead_code, reason = "the tags read it themselves")]
    pub(crate) title: Option<String>,
    pub(crate) fault: Fault,
}

/// Opens the container that the file holds.
pub(crate) fn open(file: &Arc<File>, extension: Option<&str>, limits: &Limits) -> Result<Opened, Error> {
    let found = sniff::sniff(file, extension)?;
    let layout = match found.kind {
        Kind::Wav => iff::wav(file, &found, limits)?,
        Kind::Aiff => iff::aiff(file, &found, limits)?,
        Kind::Flac => flac::flac(file, &found, limits)?,
        Kind::Mp4 => mp4::mp4(file, &found)?,
        Kind::Mkv => mkv::mkv(file, &found)?,
        Kind::Ogg => {
            let parts = crate::tags::without_large_comments(file, found.start, found.end);
            parts.map_or_else(|| whole(&found), |parts| Layout { parts, ..Layout::default() })
        }
        Kind::Caf | Kind::Mpeg { .. } | Kind::Adts => whole(&found),
    };
    let fault = Fault::default();
    let Layout { parts, extent, truncated, bit_depth, foreign_bytes, .. } = layout;
    let source = Spliced::new(Arc::clone(file), parts, fault.clone());
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    let reader = match contain("demuxer", || reader(found.kind, stream)) {
        Some(Ok(reader)) => reader,
        refusal => {
            if let Some(error) = fault.take() {
                return Err(Error::Io(error));
            }
            if found.kind == Kind::Ogg && ogg::unreadable(file, &found) {
                return Err(no_track(file, &found, &[]));
            }
            let error = refusal.and_then(Result::err).unwrap_or(DemuxError::DecodeError("no sense in it"));
            return Err(refused(found.kind, &error));
        }
    };
    let mut opened =
        Opened { reader, extent, truncated, bit_depth, foreign_bytes, found, title: layout.title, fault };
    if opened.track().is_none() {
        return Err(no_track(file, &found, opened.reader.tracks()));
    }
    opened.refine(&layout.tracks, layout.gapless, &layout.codec_delays);
    Ok(opened)
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

fn no_track(file: &File, found: &Found, tracks: &[Track]) -> Error {
    let video = tracks.iter().any(|track| track.track_type() == Some(TrackType::Video));
    let detail = match (found.kind, video) {
        (_, true) => format!("video without audio ({})", found.kind.name()),
        (Kind::Ogg, _) => format!("{} in Ogg", ogg::codecs(file, found)),
        _ => format!("no audio track of a known codec ({})", found.kind.name()),
    };
    Error::Unsupported { detail }
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
        }
    }
}

impl Opened {
    /// The track to analyse, and its parameters: the default one, or the first with audio of a known codec.
    pub(crate) fn track(&self) -> Option<(&Track, &AudioCodecParameters)> {
        let track = self.reader.default_track(TrackType::Audio)?;
        match &track.codec_params {
            Some(CodecParameters::Audio(parameters)) => Some((track, parameters)),
            _ => None,
        }
    }

    /// Sets the extent for the next stream of a chain, which only Ogg has.
    pub(crate) fn refine_chain(&mut self) {
        self.refine(&[], None, &[]);
    }

    /// Sets the extent for containers whose demuxer knows their length.
    fn refine(&mut self, edits: &[mp4::Edited], gapless: Option<mp4::Gapless>, delays: &[(u32, u64)]) {
        let Some((track, parameters)) = self.track() else { return };
        let rate = parameters.sample_rate.unwrap_or(0);
        let opus = parameters.codec == CODEC_ID_OPUS;
        let frames = track.num_frames.map(|frames| Span::frames(frames, rate));
        let skip = Span::frames(track.delay.unwrap_or(0).into(), rate);
        let extent = match self.found.kind {
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
                let skip = Span::new(delay, 1, NANOSECONDS);
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
            Kind::Wav | Kind::Aiff | Kind::Flac | Kind::Mpeg { counted: false } | Kind::Adts => self.extent,
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
