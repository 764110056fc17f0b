//! Our own demuxers, behind the interface of the decoder library's.
//!
//! They exist for containers that the library refuses or reads wrongly. Each one finds the packets of a file; what is common to
//! all of them is here.

use symphonia::core::errors::{Error, Result, SeekErrorKind};
use symphonia::core::formats::{
    FORMAT_ID_NULL, FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track,
};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::Packet;

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_NULL, short_name: "own", long_name: "own demuxer" };

/// Finds the packets of a container, in their order.
pub(super) trait Packets: Send + Sync {
    /// The next packet; `None` at the end of the container.
    ///
    /// # Errors
    /// `UnexpectedEof` where the file ends before the container does; a decode error for damage that was stepped over.
    fn next(&mut self) -> Result<Option<Packet>>;
}

/// One of our demuxers as the decoder library would have it.
pub(super) struct OwnReader {
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    /// The library's own demuxer, opened for what it reads of tags.
    tags: Option<Box<dyn FormatReader>>,
    packets: Box<dyn Packets>,
}

impl OwnReader {
    pub(super) fn boxed(
        tracks: Vec<Track>,
        media: MediaInfo,
        packets: impl Packets + 'static,
    ) -> Box<dyn FormatReader> {
        Self::with_tags(tracks, media, packets, None)
    }

    /// As [`Self::boxed`], with a demuxer that has read the tags.
    pub(super) fn with_tags(
        tracks: Vec<Track>,
        media: MediaInfo,
        packets: impl Packets + 'static,
        tags: Option<Box<dyn FormatReader>>,
    ) -> Box<dyn FormatReader> {
        let packets = Box::new(packets);
        Box::new(Self { media, tracks, metadata: MetadataLog::default(), tags, packets })
    }
}

impl FormatReader for OwnReader {
    fn format_info(&self) -> &FormatInfo {
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media
    }

    fn metadata(&mut self) -> Metadata<'_> {
        match &mut self.tags {
            Some(tags) => tags.metadata(),
            None => self.metadata.metadata(),
        }
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        Err(Error::SeekError(SeekErrorKind::Unseekable))
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        self.packets.next()
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        MediaSourceStream::new(
            Box::new(std::io::Cursor::new(Vec::new())),
            MediaSourceStreamOptions::default(),
        )
    }
}
