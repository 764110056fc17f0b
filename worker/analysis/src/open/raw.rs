//! Samples and blocks of equal size, wherever in a file they lie: PCM, A-law, µ-law, ADPCM.

use super::own::Packets;
use super::splice::Fault;
use super::window::Window;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

/// Bytes of a packet at most, unless a block is longer.
const PACKET: u64 = 16 * 1024;
/// The longest block that is believed.
const MAX_BLOCK: u64 = 1 << 20;

/// Blocks that follow each other in ranges of the file.
pub(super) struct RawBlocks {
    window: Window,
    track: u32,
    /// First byte and length of each range, the next one last.
    ranges: Vec<(u64, u64)>,
    /// Bytes that can only be decoded together, and the frames in them.
    block: u64,
    frames: u64,
    /// Blocks of one packet at most.
    together: u64,
    at: u64,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockSize {
    pub(super) bytes: u64,
    pub(super) frames: u64,
}

impl RawBlocks {
    /// `None` for blocks that make no sense.
    pub(super) fn new(
        file: &Arc<File>,
        fault: &Fault,
        track: u32,
        ranges: Vec<(u64, u64)>,
        size: BlockSize,
    ) -> Option<Self> {
        if size.bytes == 0 || size.bytes > MAX_BLOCK || size.frames == 0 {
            return None;
        }
        Some(Self {
            window: Window::new(Arc::clone(file), fault.clone()),
            track,
            ranges: ranges.into_iter().rev().collect(),
            block: size.bytes,
            frames: size.frames,
            together: (PACKET / size.bytes).max(1),
            at: 0,
        })
    }

    /// Frames of a packet at most.
    pub(super) fn frames_per_packet(&self) -> u64 {
        self.together * self.frames
    }
}

impl Packets for RawBlocks {
    fn next(&mut self) -> Result<Option<Packet>> {
        loop {
            let Some((start, len)) = self.ranges.last_mut() else { return Ok(None) };
            let blocks = (*len / self.block).min(self.together);
            if blocks == 0 {
                self.ranges.pop();
                continue;
            }
            let wanted = blocks * self.block;
            let data = self.window.get(*start, wanted as usize)?;
            let held = data.len() as u64 / self.block;
            if held == 0 {
                self.ranges.clear();
                return Err(Error::IoError(io::Error::from(ErrorKind::UnexpectedEof)));
            }
            let data = data[..(held * self.block) as usize].to_vec();
            *start += data.len() as u64;
            *len -= data.len() as u64;
            let pts = Timestamp::new(i64::try_from(self.at).unwrap_or(i64::MAX));
            let frames = held * self.frames;
            self.at += frames;
            return Ok(Some(Packet::new(self.track, pts, Duration::new(frames), data)));
        }
    }
}
