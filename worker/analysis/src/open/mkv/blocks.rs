//! The packets of a Matroska file: clusters, blocks, and how several packets share a block (RFC 9559 §5.1.3, §10.3).

use super::super::Found;
use super::super::own::Packets;
use super::super::splice::Fault;
use super::super::window::Window;
use super::ebml::{MAX_HEADER, header, signed, unsigned, vint};
use super::header::{CLUSTER, EBML, Header, SEGMENT, TrackEntry};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const BLOCK_DURATION: u32 = 0x9b;
const DISCARD_PADDING: u32 = 0x75a2;

/// The largest block that is read. The packets of lossless codecs come to some hundred kilobytes.
const MAX_BLOCK: u64 = 1 << 24;
/// Packets of one block, which counts them in one byte.
const MAX_LACED: usize = 256;
/// Bytes that are searched at once for the next cluster after damage.
const SEARCH: usize = 64 * 1024;

/// Walks over the clusters.
pub(super) struct Blocks {
    window: Window,
    at: u64,
    end: u64,
    scale: u64,
    tracks: Vec<TrackEntry>,
    /// Time of the cluster, in ticks.
    cluster: i64,
    ready: VecDeque<Packet>,
}

/// A block and what its group says of it.
#[derive(Default)]
struct Group {
    block: Option<(u64, usize)>,
    duration: Option<u64>,
    /// Nanoseconds to be cut off the end.
    padding: i64,
}

impl Blocks {
    pub(super) fn new(file: &Arc<File>, found: &Found, header: &Header, fault: Fault) -> Self {
        Self {
            window: Window::new(Arc::clone(file), fault),
            at: header.clusters,
            end: found.end,
            scale: header.scale,
            tracks: header.tracks.clone(),
            cluster: 0,
            ready: VecDeque::new(),
        }
    }

    /// Reads the next element; `false` at the end of the file.
    fn step(&mut self) -> Result<bool> {
        if self.at >= self.end {
            return Ok(false);
        }
        let Some((id, len, size)) = header(self.window.get(self.at, MAX_HEADER)?) else {
            return self.resync();
        };
        let start = self.at + len as u64;
        if matches!(id, CLUSTER | SEGMENT) {
            // What they hold is read as it comes, whatever length they state.
            self.at = start;
            return Ok(true);
        }
        let Some(size) = size.filter(|_| is_known(id)) else { return self.resync() };
        let Some(after) = start.checked_add(size).filter(|it| *it <= self.end) else {
            return self.cut_or_damaged();
        };
        // Whatever is wrong inside, the next element begins behind this one.
        self.at = after;
        match id {
            TIMESTAMP => {
                let time = unsigned(self.window.get(start, size.min(8) as usize)?);
                self.cluster = i64::try_from(time).unwrap_or(i64::MAX);
            }
            SIMPLE_BLOCK => {
                self.block(&Group { block: Some((start, block_len(size)?)), ..Group::default() })?
            }
            BLOCK_GROUP => {
                let group = self.group(start, after)?;
                self.block(&group)?;
            }
            _ => {}
        }
        Ok(true)
    }

    /// An element that reaches beyond the end of the file is the last one of a file that breaks off, unless a cluster follows.
    fn cut_or_damaged(&mut self) -> Result<bool> {
        if self.next_cluster()?.is_none() {
            self.at = self.end;
            return Err(Error::IoError(io::Error::from(ErrorKind::UnexpectedEof)));
        }
        self.resync()
    }

    /// Goes on with the next cluster after damage.
    fn resync(&mut self) -> Result<bool> {
        self.at = self.next_cluster()?.unwrap_or(self.end);
        Err(Error::DecodeError("mkv: damaged element"))
    }

    fn next_cluster(&mut self) -> Result<Option<u64>> {
        let id = CLUSTER.to_be_bytes();
        let mut at = self.at + 1;
        while at < self.end {
            let bytes = self.window.get(at, SEARCH)?;
            if let Some(offset) = bytes.windows(id.len()).position(|it| it == id) {
                return Ok(Some(at + offset as u64));
            }
            let step = bytes.len().saturating_sub(id.len() - 1);
            if step == 0 {
                break;
            }
            at += step as u64;
        }
        Ok(None)
    }

    fn group(&mut self, start: u64, end: u64) -> Result<Group> {
        let mut group = Group::default();
        let mut at = start;
        while at < end {
            let Some((id, len, Some(size))) = header(self.window.get(at, MAX_HEADER)?) else { break };
            let content = at + len as u64;
            let Some(after) = content.checked_add(size).filter(|it| *it <= end) else { break };
            match id {
                BLOCK => group.block = Some((content, block_len(size)?)),
                BLOCK_DURATION => {
                    group.duration = Some(unsigned(self.window.get(content, size.min(8) as usize)?))
                }
                DISCARD_PADDING => group.padding = signed(self.window.get(content, size.min(8) as usize)?),
                _ => {}
            }
            at = after;
        }
        Ok(group)
    }

    /// Takes the packets out of a block.
    fn block(&mut self, group: &Group) -> Result<()> {
        let Some((start, len)) = group.block else { return Ok(()) };
        let bytes = self.window.get(start, len)?;
        let damaged = Error::DecodeError("mkv: damaged block");
        let Some((number_len, _, number)) = vint(bytes) else { return Err(damaged) };
        let Some([high, low, flags]) = bytes.get(number_len..number_len + 3) else { return Err(damaged) };
        let Some(track) = self.tracks.iter().find(|it| u64::from(it.number) == number) else { return Ok(()) };
        let relative = i64::from(i16::from_be_bytes([*high, *low]));
        let Some(packets) = laced(&bytes[number_len + 3..], flags >> 1 & 3) else { return Err(damaged) };

        let nanoseconds = i128::from(self.scale);
        let ticks = |time: i128| i64::try_from(time / nanoseconds).unwrap_or(i64::MAX);
        let each = match (group.duration, track.packet_duration) {
            (Some(block), _) => i128::from(block) * nanoseconds / packets.len().max(1) as i128,
            (None, Some(packet)) => i128::from(packet),
            (None, None) => 0,
        };
        let time = (i128::from(self.cluster) + i128::from(relative)) * nanoseconds - i128::from(track.delay);
        let last = packets.len().saturating_sub(1);
        for (index, packet) in packets.into_iter().enumerate() {
            let Some(data) = track.encodings.packet(packet) else {
                return Err(Error::DecodeError("mkv: a compressed block cannot be unpacked"));
            };
            let pts = Timestamp::new(ticks(time + each * index as i128));
            let duration = Duration::new(ticks(each).cast_unsigned());
            let mut packet = Packet::new(track.number, pts, duration, data.into_owned());
            if index == last && group.padding > 0 {
                packet.trim_end = Duration::new(padding_frames(track, group.padding.cast_unsigned()));
            }
            self.ready.push_back(packet);
        }
        Ok(())
    }
}

/// Frames of so many nanoseconds. A packet is cut in frames, though its other times are in ticks.
fn padding_frames(track: &TrackEntry, nanoseconds: u64) -> u64 {
    let rate = track.parameters.as_ref().and_then(|it| it.sample_rate).unwrap_or(0);
    super::super::Span::new(nanoseconds, 1, super::NANOSECONDS).in_frames(rate)
}

fn block_len(size: u64) -> Result<usize> {
    if size > MAX_BLOCK {
        return Err(Error::DecodeError("mkv: a block is too large"));
    }
    Ok(size as usize)
}

impl Packets for Blocks {
    fn next(&mut self) -> Result<Option<Packet>> {
        loop {
            if let Some(packet) = self.ready.pop_front() {
                return Ok(Some(packet));
            }
            if !self.step()? {
                return Ok(None);
            }
        }
    }
}

/// Elements that stand in or between clusters. Any other number is the middle of something.
fn is_known(id: u32) -> bool {
    const IDS: [u32; 22] = [
        TIMESTAMP,
        SIMPLE_BLOCK,
        BLOCK_GROUP,
        BLOCK,
        BLOCK_DURATION,
        DISCARD_PADDING,
        EBML,
        CLUSTER,
        SEGMENT,
        // Void, checksum, position, size of the previous cluster, encrypted block.
        0xec,
        0xbf,
        0xa7,
        0xab,
        0xaf,
        // Cues, tags, chapters, attachments, a list of places.
        0x1c53_bb6b,
        0x1254_c367,
        0x1043_a770,
        0x1941_a469,
        0x114d_9b74,
        // Information, tracks, silent tracks.
        0x1549_a966,
        0x1654_ae6b,
        0x5854,
    ];
    IDS.contains(&id)
}

/// The packets of a block, by its kind of lacing.
fn laced(bytes: &[u8], lacing: u8) -> Option<Vec<&[u8]>> {
    match lacing {
        0 => Some(vec![bytes]),
        1 => xiph_laced(bytes),
        2 => {
            let (count, rest) = bytes.split_first()?;
            let count = usize::from(*count) + 1;
            let len = rest.len() / count;
            (len > 0 && len * count == rest.len()).then(|| rest.chunks_exact(len).collect())
        }
        _ => ebml_laced(bytes),
    }
}

/// Packets behind a count and their lengths in bytes of up to 255; the last one takes what is left.
pub(super) fn xiph_laced(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = bytes.split_first()?;
    let mut lengths = Vec::with_capacity(MAX_LACED);
    for _ in 0..*count {
        let mut len = 0;
        loop {
            let (byte, after) = rest.split_first()?;
            rest = after;
            len += usize::from(*byte);
            if *byte < 255 {
                break;
            }
        }
        lengths.push(len);
    }
    split(rest, &lengths)
}

/// The same with numbers of variable length, each but the first being the difference to the one before.
fn ebml_laced(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, mut rest) = bytes.split_first()?;
    let mut lengths = Vec::with_capacity(MAX_LACED);
    let mut len = 0i64;
    for index in 0..*count {
        let (taken, _, value) = vint(rest)?;
        let value = i64::try_from(value).ok()?;
        // Differences are stored with half of their range added.
        len = if index == 0 { value } else { len.checked_add(value - ((1 << (7 * taken - 1)) - 1))? };
        lengths.push(usize::try_from(len).ok()?);
        rest = &rest[taken..];
    }
    split(rest, &lengths)
}

fn split<'a>(bytes: &'a [u8], lengths: &[usize]) -> Option<Vec<&'a [u8]>> {
    let mut rest = bytes;
    let mut packets = Vec::with_capacity(lengths.len() + 1);
    for len in lengths {
        let (packet, after) = rest.split_at_checked(*len)?;
        packets.push(packet);
        rest = after;
    }
    packets.push(rest);
    Some(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lacing_in_every_way() {
        assert_eq!(laced(b"alone", 0), Some(vec![&b"alone"[..]]));
        assert_eq!(laced(b"\x02\x01\x02abbccc", 1), Some(vec![&b"a"[..], b"bb", b"ccc"]));
        assert_eq!(laced(b"\x01aabb", 2), Some(vec![&b"aa"[..], b"bb"]));
        assert_eq!(laced(b"\x01aab", 2), None);
        // 2, then 2 + 1.
        assert_eq!(laced(b"\x02\x82\xc0aabbbcccc", 3), Some(vec![&b"aa"[..], b"bbb", b"cccc"]));
        assert_eq!(laced(b"\x02\x82\x80aabbb", 3), None);
        assert_eq!((laced(b"", 1), laced(b"\x01\xff", 1), laced(b"\x01\x09a", 1)), (None, None, None));
    }
}
