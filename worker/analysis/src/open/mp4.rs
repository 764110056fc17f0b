//! MP4: the edits that say where the music begins and ends, and tags kept out of the demuxer's memory.

mod entry;
mod samples;

pub(super) use entry::core_audio_layout;

use super::bytes::{be32, be64, read_up_to};
use super::extent::{Excess, Extent, Span};
use super::own::OwnReader;
use super::raw::{BlockSize, RawBlocks};
use super::splice::{Fault, Part};
use super::{Found, Layout};
use crate::Error;
use crate::decode::Decoder;
use crate::source::Stream;
use entry::Plan;
use samples::{Samples, Tables};
use std::fs::File;
use std::sync::Arc;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::formats::{FormatReader, MediaInfo, Track};
use symphonia::core::units::{Duration, TimeBase};

/// Boxes to look at on one level: fragmented files have thousands, but the movie header stands before them.
const MAX_BOXES: usize = 4096;
/// Bytes of a box to read at most: the largest of those that are read holds a few edits or one short text.
const MAX_CONTENT: usize = 4096;

#[derive(Clone, Copy)]
struct Atom {
    kind: [u8; 4],
    /// First byte of the header, of the content, and after it.
    header: u64,
    start: u64,
    end: u64,
}

impl Atom {
    fn content(&self, file: &File) -> Result<Vec<u8>, Error> {
        let len = usize::try_from(self.end - self.start).unwrap_or(usize::MAX).min(MAX_CONTENT);
        Ok(read_up_to(file, self.start, len)?)
    }
}

/// The atoms between `start` and `end`, up to the first that makes no sense.
fn atoms(file: &File, start: u64, end: u64) -> Result<Vec<Atom>, Error> {
    let mut found = Vec::new();
    let mut at = start;
    while at + 8 <= end && found.len() < MAX_BOXES {
        let head = read_up_to(file, at, 16)?;
        let (Some(short), Some(kind)) = (be32(&head, 0), head.get(4..8)) else { break };
        let (header_len, len) = match short {
            0 => (8, end - at),
            1 => (16, be64(&head, 8).unwrap_or(0)),
            len => (8, u64::from(len)),
        };
        let Some(after) = at.checked_add(len).filter(|_| len >= header_len) else { break };
        let kind = [kind[0], kind[1], kind[2], kind[3]];
        found.push(Atom { kind, header: at, start: at + header_len, end: after.min(end) });
        at = after;
    }
    Ok(found)
}

fn child(file: &File, parent: &Atom, kind: &[u8; 4]) -> Result<Option<Atom>, Error> {
    Ok(atoms(file, parent.start, parent.end)?.into_iter().find(|it| it.kind == *kind))
}

fn descend(file: &File, parent: &Atom, path: &[&[u8; 4]]) -> Result<Option<Atom>, Error> {
    let mut here = *parent;
    for kind in path {
        match child(file, &here, kind)? {
            Some(atom) => here = atom,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// Brands of what Audible sells (in `ftyp`).
const AUDIBLE: [&[u8]; 2] = [b"aax ", b"aaxc"];

/// Lays out an MP4 or QuickTime file, and opens those that the decoder library cannot.
pub(super) fn mp4(
    file: &Arc<File>,
    found: &Found,
    fault: &Fault,
) -> Result<(Layout, Option<Box<dyn FormatReader>>), Error> {
    let top = atoms(file, found.start, found.end)?;
    let brand = top.iter().find(|it| &it.kind == b"ftyp").map(|it| it.content(file)).transpose()?;
    if brand.as_ref().is_some_and(|it| it.get(..4).is_some_and(|major| AUDIBLE.contains(&major))) {
        return Err(Error::Unsupported { detail: "protected audio (DRM of Audible, AAX)".to_owned() });
    }
    let Some(movie) = top.iter().find(|it| &it.kind == b"moov") else {
        return Err(Error::Corrupt {
            detail: "the MP4 file has no index (moov): it is truncated".to_owned(),
        });
    };
    let mut hidden = Vec::new();
    let mut tracks = Vec::new();
    let mut gapless = None;
    let mut fragmented = false;
    let movie_scale = movie_timescale(file, movie)?;
    for atom in atoms(file, movie.start, movie.end)? {
        match &atom.kind {
            b"trak" => tracks.extend(track(file, &atom, movie_scale)?.map(|edited| (atom, edited))),
            b"udta" | b"meta" => {
                gapless = gapless.or(itunes_gapless(file, &atom)?);
                hidden.push(atom);
            }
            b"mvex" => fragmented = true,
            b"cmov" => {
                return Err(Error::Unsupported { detail: "QuickTime with a compressed index".to_owned() });
            }
            _ => {}
        }
    }
    let choice =
        if fragmented { Choice::default() } else { choose(file, found, &tracks, brand.is_none(), fault)? };
    let tag_bytes = hidden.iter().map(|it| it.end - it.start).sum();
    let layout = Layout {
        parts: hide(found, &hidden),
        tracks: tracks.into_iter().map(|it| it.1).collect(),
        gapless,
        foreign_bytes: tag_bytes,
        refusals: choice.refusals,
        chosen: choice.track,
        ..Layout::default()
    };
    Ok((layout, choice.reader))
}

/// The track to read, and the demuxer where it is one of ours.
#[derive(Default)]
struct Choice {
    track: Option<u32>,
    reader: Option<Box<dyn FormatReader>>,
    refusals: Vec<(u32, String)>,
}

/// Chooses the first audio track that can be read, those that are switched off last.
fn choose(
    file: &Arc<File>,
    found: &Found,
    tracks: &[(Atom, Edited)],
    quick_time: bool,
    fault: &Fault,
) -> Result<Choice, Error> {
    let mut choice = Choice::default();
    let mut ordered: Vec<&(Atom, Edited)> = tracks.iter().collect();
    ordered.sort_by_key(|(_, edited)| !edited.enabled);
    for (trak, edited) in ordered {
        let id = edited.track_id;
        let Some(table) = descend(file, trak, &[b"mdia", b"minf", b"stbl"])? else { continue };
        let Some(description) = child(file, &table, b"stsd")?.filter(|_| edited.sound) else { continue };
        let Some(entry) = entry::only_entry(file, &description)? else { continue };
        let plan = entry::plan(file, &entry, quick_time)?;
        let (parameters, block) = match plan {
            Plan::Library => {
                choice.track = Some(id);
                return Ok(choice);
            }
            Plan::Refused(refusal) => {
                choice.refusals.push((id, refusal));
                continue;
            }
            Plan::Packets(parameters) => (parameters, None),
            Plan::Blocks(parameters, size) => (parameters, Some(size)),
        };
        let Some(tables) = Tables::read(file, &table)?.filter(|tables| !tables.is_empty()) else { continue };
        if let Err(Error::Unsupported { detail }) = Decoder::check(Stream::of(found.kind, &parameters)) {
            choice.refusals.push((id, detail));
            continue;
        }
        choice.reader = own(file, fault, edited, parameters, block, tables);
        choice.track = choice.reader.is_some().then_some(id);
        return Ok(choice);
    }
    Ok(choice)
}

/// Our own demuxer for a track.
fn own(
    file: &Arc<File>,
    fault: &Fault,
    edited: &Edited,
    mut parameters: AudioCodecParameters,
    block: Option<BlockSize>,
    tables: Tables,
) -> Option<Box<dyn FormatReader>> {
    let mut track = Track::new(edited.track_id);
    let rate = parameters.sample_rate.unwrap_or(0);
    let finish = |mut track: Track, parameters, base: Option<TimeBase>| {
        track.with_time_base(base?).with_codec_params(CodecParameters::Audio(parameters));
        Some(track)
    };
    let Some(size) = block else {
        track.with_duration(Duration::new(tables.duration()));
        let track = finish(track, parameters, TimeBase::try_from_recip(edited.scale))?;
        let samples = Samples::new(file, fault, edited.track_id, tables);
        return Some(OwnReader::boxed(vec![track], MediaInfo::new(), samples));
    };
    let ranges = tables.ranges(size);
    let bytes = ranges.iter().fold(0u64, |sum, (_, len)| sum.saturating_add(*len));
    let frames = (bytes / size.bytes.max(1)).saturating_mul(size.frames);
    let blocks = RawBlocks::new(file, fault, edited.track_id, ranges, size)?;
    parameters.with_max_frames_per_packet(blocks.frames_per_packet());
    // The edits count in the clock of the track.
    track.with_duration(Duration::new(Span::frames(frames, rate).in_frames(edited.scale)));
    let track = finish(track, parameters, TimeBase::try_from_recip(rate))?;
    Some(OwnReader::boxed(vec![track], MediaInfo::new(), blocks))
}

/// The file with the kinds of these atoms overwritten, so that a demuxer takes them for free space.
fn hide(found: &Found, atoms: &[Atom]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = found.start;
    for atom in atoms {
        let kind_at = atom.header + 4;
        parts.push(Part::File { start: at, len: kind_at - at });
        parts.push(Part::Bytes(b"free".to_vec()));
        at = kind_at + 4;
    }
    parts.push(Part::File { start: at, len: found.end.saturating_sub(at) });
    parts
}

fn movie_timescale(file: &File, movie: &Atom) -> Result<u32, Error> {
    let Some(header) = child(file, movie, b"mvhd")? else { return Ok(0) };
    let content = header.content(file)?;
    let at = if content.first() == Some(&1) { 20 } else { 12 };
    Ok(be32(&content, at).unwrap_or(0))
}

/// What one track shows of its samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edited {
    pub(crate) track_id: u32,
    /// Ticks of its media that come before the part that is shown.
    skip: u64,
    /// Length of the part that is shown, in the clock of the movie, which may be as coarse as 1/600 s.
    shown: Option<Span>,
    /// Ticks of its media per second.
    scale: u32,
    /// It is to be played.
    enabled: bool,
    /// It is audio.
    sound: bool,
}

impl Edited {
    /// The extent for a track whose samples are `total` ticks long.
    ///
    /// Where the edit ends within one tick of the movie's clock of the end of the samples, the samples are the more exact.
    pub(crate) fn extent(&self, total: u64) -> Extent {
        let left = Span::new(total.saturating_sub(self.skip), 1, self.scale);
        let shown = self.shown.filter(|shown| (shown.seconds() - left.seconds()).abs() > shown.tick());
        let shown = shown.filter(|it| it.seconds() < left.seconds()).unwrap_or(left);
        let skip = Span::new(self.skip, 1, self.scale);
        Extent { skip, total: Some(shown), exact: false, excess: Excess::Drop }
    }
}

fn track(file: &File, trak: &Atom, movie_scale: u32) -> Result<Option<Edited>, Error> {
    let Some(header) = child(file, trak, b"tkhd")? else { return Ok(None) };
    let content = header.content(file)?;
    let enabled = content.get(3).is_none_or(|flags| flags & 1 != 0);
    let track_id = be32(&content, if content.first() == Some(&1) { 20 } else { 12 }).unwrap_or(0);
    let Some(media) = descend(file, trak, &[b"mdia", b"mdhd"])? else { return Ok(None) };
    let content = media.content(file)?;
    let scale = be32(&content, if content.first() == Some(&1) { 20 } else { 12 }).unwrap_or(0);
    // QuickTime's handler of media has a type in front; both have the kind of the media at the same place.
    let handler = descend(file, trak, &[b"mdia", b"hdlr"])?.map(|it| it.content(file)).transpose()?;
    let sound = handler.is_none_or(|it| it.get(8..12) == Some(b"soun"));
    let edit = match descend(file, trak, &[b"edts", b"elst"])? {
        Some(list) => single_edit(&list.content(file)?),
        None => None,
    };
    let (duration, skip) = edit.unwrap_or((0, 0));
    let shown = (duration > 0 && movie_scale > 0).then(|| Span::new(duration, 1, movie_scale));
    Ok(Some(Edited { track_id, skip, shown, scale, enabled, sound }))
}

/// Duration and first tick of the one edit that shows something. Several would be a montage, which is not what players do with
/// music; then all samples are taken.
fn single_edit(content: &[u8]) -> Option<(u64, u64)> {
    let count = be32(content, 4)?;
    let wide = content.first() == Some(&1);
    let mut edits = (0..count as usize).map_while(|index| {
        if wide {
            let at = 8 + 20 * index;
            Some((be64(content, at)?, be64(content, at + 8)?.cast_signed()))
        } else {
            let at = 8 + 12 * index;
            Some((u64::from(be32(content, at)?), i64::from(be32(content, at + 4)?.cast_signed())))
        }
    });
    // A negative start is a pause before the music, which is not in the samples.
    let mut shown = edits.by_ref().filter_map(|(len, start)| Some((len, u64::try_from(start).ok()?)));
    let first = shown.next()?;
    shown.next().is_none().then_some(first)
}

/// What iTunes writes into the comment `iTunSMPB`: delay, padding and length, in samples of the full rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gapless {
    delay: u64,
    total: u64,
}

impl Gapless {
    /// The extent for samples at `rate`.
    pub(crate) fn extent(&self, rate: u32) -> Extent {
        let (skip, total) = (Span::frames(self.delay, rate), Span::frames(self.total, rate));
        Extent { skip, total: Some(total), exact: false, excess: Excess::Drop }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut fields = text.split_ascii_whitespace().map(|it| u64::from_str_radix(it, 16));
        let (_, delay, _padding, total) =
            (fields.next()?, fields.next()?.ok()?, fields.next()?, fields.next()?.ok()?);
        // Encoders delay by some thousands of samples; an absurd value would throw the music away.
        (total > 0 && delay < 1 << 16).then_some(Self { delay, total })
    }
}

fn itunes_gapless(file: &File, tags: &Atom) -> Result<Option<Gapless>, Error> {
    let meta = if &tags.kind == b"meta" { Some(*tags) } else { child(file, tags, b"meta")? };
    let Some(mut meta) = meta else { return Ok(None) };
    // A full box: version and flags come before its children.
    meta.start += 4;
    let Some(list) = child(file, &meta, b"ilst")? else { return Ok(None) };
    for item in atoms(file, list.start, list.end)?.into_iter().filter(|it| &it.kind == b"----") {
        let Some(name) = child(file, &item, b"name")? else { continue };
        if name.content(file)?.get(4..) != Some(b"iTunSMPB") {
            continue;
        }
        let Some(data) = child(file, &item, b"data")? else { continue };
        return Ok(data.content(file)?.get(8..).and_then(Gapless::parse));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_of_itunes_is_read() {
        let text = b" 00000000 00000840 000001C8 00000000003F31F8 00000000 00000000";
        assert_eq!(Gapless::parse(text), Some(Gapless { delay: 2112, total: 0x3f_31f8 }));
        assert_eq!(Gapless::parse(b" 00000000 FFFFFFFF 0 10"), None);
        assert_eq!(Gapless::parse(b"nothing"), None);
    }

    #[test]
    fn one_edit_is_an_extent_and_a_montage_is_none() {
        let edit = |entries: &[(u32, i32)]| {
            let mut bytes = vec![0; 4];
            bytes.extend((entries.len() as u32).to_be_bytes());
            for (len, start) in entries {
                bytes.extend(len.to_be_bytes());
                bytes.extend(start.to_be_bytes());
                bytes.extend([0, 1, 0, 0]);
            }
            single_edit(&bytes)
        };
        assert_eq!(edit(&[(10_000, 1024)]), Some((10_000, 1024)));
        assert_eq!(edit(&[(500, -1), (10_000, 1024)]), Some((10_000, 1024)));
        assert_eq!(edit(&[(500, 0), (10_000, 1024)]), None);
        assert_eq!(edit(&[]), None);
    }

    #[test]
    fn an_edit_that_ends_with_the_samples_leaves_the_exact_length_to_them() {
        let edited = Edited {
            track_id: 1,
            skip: 1024,
            shown: Some(Span::new(10_000, 1, 1000)),
            scale: 44_100,
            enabled: true,
            sound: true,
        };
        let extent = edited.extent(1024 + 441_020);
        assert_eq!(extent.total.map(|it| it.in_frames(44_100)), Some(441_020));
        let cut = edited.extent(1024 + 451_020);
        assert_eq!(cut.total.map(|it| it.in_frames(44_100)), Some(441_000));
        assert_eq!(cut.skip.in_frames(44_100), 1024);
    }
}
