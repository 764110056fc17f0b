//! Matroska and WebM: a demuxer of our own.
//!
//! The decoder library's demuxer refuses files that break off, knows no compressed tracks, and reports no padding. This one
//! takes what is there: clusters of unknown length (browsers, pipes), files without their end, tracks compressed with zlib or
//! header stripping, and the padding that is to be cut off the last packet.

mod blocks;
mod codec;
mod ebml;
mod encoding;
mod header;

use super::own::OwnReader;
use super::splice::Fault;
use super::{Found, Layout, reader};
use crate::Error;
use crate::guard::contain;
use blocks::Blocks;
use header::{Header, TrackEntry};
use std::fs::File;
use std::sync::Arc;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::formats::{FormatReader, MediaInfo, Track, TrackFlags};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::units::{Duration, TimeBase};

/// Matroska counts in billionths of a second.
pub(super) const NANOSECONDS: u32 = 1_000_000_000;

/// Opens a Matroska file: what is known of it beside the packets, and the demuxer.
pub(super) fn mkv(
    file: &Arc<File>,
    found: &Found,
    fault: &Fault,
) -> Result<(Layout, Box<dyn FormatReader>), Error> {
    let header = Header::read(file, found)?;
    let tracks: Vec<Track> = header.tracks.iter().map(|entry| track(entry, header.time_base)).collect();
    let blocks = Blocks::new(file, found, &header, fault.clone());
    let layout = Layout {
        codec_delays: header
            .tracks
            .iter()
            .filter(|it| it.delay > 0)
            .map(|it| (it.number, it.delay))
            .collect(),
        foreign_bytes: header.hidden.iter().map(|(start, end)| end - start).sum(),
        truncated: header.truncated,
        refusals: header.tracks.iter().filter_map(|it| Some((it.number, it.refusal.clone()?))).collect(),
        ..Layout::default()
    };
    let reader = OwnReader::with_tags(tracks, media(&header), blocks, tag_reader(file, found, &header));
    Ok((layout, reader))
}

/// The library's demuxer, which reads the tags. It may refuse the file; then there are none.
fn tag_reader(file: &Arc<File>, found: &Found, header: &Header) -> Option<Box<dyn FormatReader>> {
    let source = super::Spliced::new(Arc::clone(file), header::hide(found, &header.hidden), Fault::default());
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    contain("demuxer", || reader(found.kind, stream))?.ok()
}

fn track(entry: &TrackEntry, base: TimeBase) -> Track {
    let mut track = Track::new(entry.number);
    track.with_time_base(base);
    if entry.default {
        track.with_flags(TrackFlags::DEFAULT);
    }
    if let Some(parameters) = &entry.parameters {
        track.with_codec_params(CodecParameters::Audio(parameters.clone()));
    }
    track
}

fn media(header: &Header) -> MediaInfo {
    let mut media = MediaInfo::new();
    media.with_time_base(header.time_base);
    if let Some(duration) = header.duration {
        media.with_duration(Duration::new(duration));
    }
    media
}
