//! The packets of the track to analyse, one by one, and the identity that they add up to.
//!
//! Whoever reads a source to its end gets the same identity, whether the packets are decoded or not.

use crate::decode::Native;
use crate::guard::contain;
use crate::identity::{Payload, Trimming};
use crate::open::{Extent, Kind, Opened, codec_traits};
use crate::{Error, Identity, Limits};
use std::io::ErrorKind;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::Error as DemuxError;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

/// Times in a row that a demuxer may fail before the rest of the file is given up. A damaged stretch of a stream without
/// index yields one false sync word in some kilobytes.
const MAX_FAILURES: u32 = 10_000;
/// Empty packets in a row: some demuxers return them for ever behind the end of a truncated file.
const MAX_EMPTY: u32 = 1000;

/// What comes next.
pub(crate) enum Event {
    /// A packet of the track.
    Packet(Packet),
    /// Something of another track, or damage that the demuxer stepped over.
    Nothing,
    /// Another stream follows: its decoder must be made afresh.
    NewStream,
    /// Nothing more.
    End,
}

/// Packets, and what is known of the stream that they belong to.
pub(crate) struct Source {
    opened: Opened,
    track_id: u32,
    payload: Payload,
    failures: u32,
    empty: u32,
    /// What went by, for the report.
    pub(crate) seen: Seen,
}

/// What a decoder is chosen by and made from.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) kind: Kind,
    pub(crate) parameters: AudioCodecParameters,
    /// Seconds per tick of the timestamps.
    pub(crate) tick: Option<TimeBase>,
    /// libav's own parameters, where libav opened the file.
    #[cfg_attr(not(feature = "libav"), expect(dead_code, reason = "there is none without libav"))]
    pub(crate) native: Option<Native>,
}

impl Stream {
    /// A track of a container that one of our own readers or of symphonia's has opened.
    pub(crate) fn of(kind: Kind, parameters: &AudioCodecParameters) -> Self {
        Self { kind, parameters: parameters.clone(), tick: None, native: None }
    }
}

/// What was read so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Times that the demuxer found no sense.
    pub(crate) failures: u64,
    /// The stream broke off where the container does not end.
    pub(crate) cut: bool,
}

impl Source {
    pub(crate) fn new(opened: Opened, limits: &Limits) -> Result<Self, Error> {
        let cut = opened.truncated;
        let mut source = Self {
            opened,
            track_id: 0,
            payload: Payload::new(),
            failures: 0,
            empty: 0,
            seen: Seen { cut, ..Seen::default() },
        };
        source.begin(limits)?;
        Ok(source)
    }

    fn begin(&mut self, limits: &Limits) -> Result<(), Error> {
        let Some((track, parameters)) = self.opened.track() else {
            return Err(Error::Unsupported { detail: "the stream has no audio track".to_owned() });
        };
        check(parameters, limits)?;
        self.track_id = track.id;
        let trimming = match self.opened.found.kind {
            Kind::Ogg => Trimming::Every,
            Kind::Mkv => Trimming::Some,
            _ => Trimming::None,
        };
        let (name, codec) = (self.opened.found.kind.name(), codec_traits(parameters));
        let parameters = parameters.clone();
        self.payload.begin(name, codec, &parameters, &self.opened.extent, trimming);
        Ok(())
    }

    pub(crate) fn next(&mut self, limits: &Limits) -> Result<Event, Error> {
        let reader = &mut self.opened.reader;
        match contain("demuxer", || reader.next_packet()) {
            Some(Ok(Some(packet))) => Ok(self.take(packet)),
            Some(Ok(None)) => self.end(false, limits),
            None => self.end(true, limits),
            Some(Err(DemuxError::ResetRequired)) => {
                self.opened.refine_chain();
                self.begin(limits)?;
                Ok(Event::NewStream)
            }
            Some(Err(DemuxError::IoError(error))) if error.kind() == ErrorKind::UnexpectedEof => {
                self.end(!self.opened.ends_whole(), limits)
            }
            Some(Err(_)) => {
                self.seen.failures += 1;
                self.failures += 1;
                if self.failures > MAX_FAILURES { self.end(true, limits) } else { Ok(Event::Nothing) }
            }
        }
    }

    fn take(&mut self, packet: Packet) -> Event {
        self.failures = 0;
        if packet.track_id != self.track_id {
            return Event::Nothing;
        }
        if packet.data.is_empty() {
            self.empty += 1;
            return if self.empty > MAX_EMPTY { Event::End } else { Event::Nothing };
        }
        self.empty = 0;
        self.seen.packets += 1;
        self.seen.bytes += packet.data.len() as u64;
        self.payload.packet(&packet);
        Event::Packet(packet)
    }

    fn end(&mut self, cut: bool, limits: &Limits) -> Result<Event, Error> {
        self.seen.cut |= cut;
        if let Some(error) = self.opened.fault.take() {
            return Err(Error::Io(error));
        }
        match self.opened.follow(limits) {
            Ok(false) => Ok(Event::End),
            Ok(true) => {
                self.failures = 0;
                self.begin(limits)?;
                Ok(Event::NewStream)
            }
            // What begins like another file and is none is damage behind this one.
            Err(Error::Corrupt { .. } | Error::Unsupported { .. }) => {
                self.seen.cut = true;
                Ok(Event::End)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.opened.found.kind
    }

    /// What finds the packets: the container, or the stream that it wraps.
    pub(crate) fn framing(&self) -> Kind {
        self.opened.framing
    }

    pub(crate) fn extent(&self) -> Extent {
        self.opened.extent
    }

    /// Significant bits per sample, where the container knows better than the codec.
    pub(crate) fn bit_depth(&self) -> Option<u16> {
        self.opened.bit_depth
    }

    /// Where in the file the container begins.
    pub(crate) fn start(&self) -> u64 {
        self.opened.found.start
    }

    /// Bytes in which an unframed stream lies, tags excluded.
    pub(crate) fn stream_bytes(&self) -> u64 {
        self.opened.stream_bytes
    }

    pub(crate) fn reader(&mut self) -> &mut dyn symphonia::core::formats::FormatReader {
        self.opened.reader.as_mut()
    }

    pub(crate) fn parameters(&self) -> AudioCodecParameters {
        self.opened.track().map(|(_, parameters)| parameters.clone()).unwrap_or_default()
    }

    pub(crate) fn time_base(&self) -> Option<TimeBase> {
        self.opened.track().and_then(|(track, _)| track.time_base)
    }

    /// What a decoder is chosen by and made from.
    #[cfg_attr(
        not(feature = "libav"),
        expect(clippy::clone_on_copy, reason = "without libav the type is empty")
    )]
    pub(crate) fn stream(&self) -> Stream {
        Stream {
            kind: self.kind(),
            parameters: self.parameters(),
            tick: self.time_base(),
            native: self.opened.native.clone(),
        }
    }

    pub(crate) fn identity(self) -> Identity {
        self.payload.finish()
    }
}

/// The largest packet of any codec in use has 65,535 frames (FLAC); the rest is room.
const MAX_FRAMES_PER_PACKET: u64 = 1 << 17;

/// Checks stated parameters before a decoder allocates buffers for them.
fn check(parameters: &AudioCodecParameters, limits: &Limits) -> Result<(), Error> {
    // What is not stated, the first decoded packet will tell.
    let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count());
    limits.check(parameters.sample_rate.unwrap_or(1), channels)?;
    match parameters.max_frames_per_packet {
        Some(frames) if frames > MAX_FRAMES_PER_PACKET => {
            Err(Error::Corrupt { detail: format!("packets of {frames} frames are announced") })
        }
        _ => Ok(()),
    }
}
