//! libav's demuxers behind the interface of the others. `no_libav.rs` stands in for it in a build without them.

use super::splice::{Fault, Part, Spliced};
use super::{Excess, Extent, Foreign, Found, Opened, Span, codec_id};
use crate::Error;
use crate::decode::channels_of;
use std::fs::File;
use std::sync::Arc;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error as DemuxError, Result as DemuxResult};
use symphonia::core::formats::{
    FORMAT_ID_NULL, FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track,
};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataBuilder, MetadataId, MetadataInfo, MetadataLog, RawTag, Tag};
use symphonia::core::packet::{Packet, PacketBuilder};
use symphonia::core::units::{Duration, TimeBase, Timestamp};

const INFO: FormatInfo =
    FormatInfo { format: FORMAT_ID_NULL, short_name: "libav", long_name: "FFmpeg's libavformat" };
const METADATA: MetadataInfo = MetadataInfo {
    metadata: MetadataId::new(symphonia::core::common::FourCc::new(*b"lavf")),
    short_name: "libav",
    long_name: "FFmpeg's libavformat",
};

/// Opens a container that libav alone reads.
pub(super) fn open(file: &Arc<File>, found: &Found, foreign: Foreign) -> Result<Opened, Error> {
    let fault = Fault::default();
    let whole = vec![Part::File { start: found.start, len: found.end - found.start }];
    let source = Spliced::new(Arc::clone(file), whole, fault.clone());
    let demuxer = match libav::Demuxer::open(Box::new(source), foreign.demuxer) {
        Ok(demuxer) => demuxer,
        Err(error) => return Err(fault.take().map_or_else(|| refused(foreign, error), Error::Io)),
    };
    let info = demuxer.info();
    // That of Musepack is wrong: libav divides its frames by those of another version.
    let duration = info.duration.filter(|_| foreign.name != "musepack");
    let total = duration.map(|ticks| Span::new(ticks, info.tick.0, info.tick.1));
    let extent = Extent { total, exact: foreign.exact, excess: Excess::Keep, ..Extent::default() };
    let native = Arc::clone(&info.parameters);
    Ok(Opened {
        reader: Box::new(Reader::new(demuxer)),
        extent,
        truncated: false,
        bit_depth: None,
        foreign_bytes: found.start,
        found: *found,
        framing: found.kind,
        stream_bytes: found.end - found.start,
        no_places: false,
        chosen: None,
        corrected: None,
        file: Arc::clone(file),
        next: None,
        joined: 0,
        fault,
        native: Some(native),
    })
}

fn refused(foreign: Foreign, error: libav::Error) -> Error {
    let Foreign { name, label, .. } = foreign;
    match error {
        libav::Error::Unsupported(what) => Error::Unsupported { detail: format!("{label}: {what}") },
        libav::Error::Memory => Error::TooLarge { detail: format!("the {name} file's header: {error}") },
        libav::Error::Invalid(_) => {
            Error::Corrupt { detail: format!("the {name} file's header is damaged: {error}") }
        }
    }
}

struct Reader {
    demuxer: libav::Demuxer,
    tracks: [Track; 1],
    info: MediaInfo,
    metadata: MetadataLog,
}

impl Reader {
    fn new(demuxer: libav::Demuxer) -> Self {
        let mut tags = MetadataBuilder::new(METADATA);
        for (name, text) in demuxer.tags() {
            tags.add_tag(Tag::new(RawTag::new(name, text)));
        }
        let mut metadata = MetadataLog::default();
        metadata.push(tags.build());
        let track = track(demuxer.info());
        Self { info: MediaInfo::from_track(&track), tracks: [track], demuxer, metadata }
    }
}

fn track(info: &libav::StreamInfo) -> Track {
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(codec_id(info.parameters.codec()));
    parameters.sample_rate = info.parameters.rate();
    parameters.channels = info.parameters.layout().map(channels_of);
    parameters.bits_per_sample = info.parameters.bits().map(u32::from);
    parameters.extra_data = Some(info.parameters.extra_data()).filter(|it| !it.is_empty()).map(Into::into);
    let mut track = Track::new(0);
    track.time_base = TimeBase::try_new(info.tick.0, info.tick.1);
    track.duration = info.duration.map(Duration::new);
    track.codec_params = Some(CodecParameters::Audio(parameters));
    track
}

impl FormatReader for Reader {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.info
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> DemuxResult<SeekedTo> {
        Err(DemuxError::Unsupported("files are read from start to end"))
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> DemuxResult<Option<Packet>> {
        let packet = match self.demuxer.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(None),
            Err(libav::Error::Memory) => return Err(DemuxError::LimitError("memory")),
            Err(_) => return Err(DemuxError::DecodeError("libav finds no packet")),
        };
        let packet = PacketBuilder::new()
            .track_id(0)
            .pts(Timestamp::new(packet.timestamp.unwrap_or(0)))
            .dur(Duration::new(packet.duration))
            .data(packet.data)
            .trim_start(Duration::new(packet.skip_start.into()))
            .trim_end(Duration::new(packet.skip_end.into()))
            .build();
        Ok(Some(packet))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        // Nobody takes a stream back from a reader here; the file is the caller's.
        MediaSourceStream::new(Box::new(std::io::Cursor::new(Vec::new())), Default::default())
    }
}
