//! Where the samples of a track are: the tables of `stbl` (ISO/IEC 14496-12 §8.6 and §8.7).

use super::super::bytes::{be16, be32, be64, read_up_to};
use super::super::own::Packets;
use super::super::raw::BlockSize;
use super::super::splice::Fault;
use super::super::window::Window;
use super::{Atom, child};
use crate::Error;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use symphonia::core::errors::Error as DemuxError;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

/// Bytes of one table at most: a day of AAC has 16 MB of sizes.
const MAX_TABLE: u64 = 1 << 26;
/// The largest sample that is read.
const MAX_SAMPLE: u32 = 1 << 24;

#[derive(Debug)]
enum Sizes {
    Same(u32),
    Each(Vec<u32>),
}

/// The tables of one track.
#[derive(Debug)]
pub(super) struct Tables {
    /// Where each chunk begins.
    chunks: Vec<u64>,
    /// From which chunk on (counted from 1) so many samples are in each.
    runs: Vec<(u32, u32)>,
    sizes: Sizes,
    count: u64,
    /// So many samples that last so long.
    durations: Vec<(u32, u32)>,
}

impl Tables {
    /// `None` if one of them is missing.
    pub(super) fn read(file: &File, table: &Atom) -> Result<Option<Self>, Error> {
        let content = |kind: &[u8; 4]| -> Result<Option<Vec<u8>>, Error> {
            let Some(atom) = child(file, table, kind)? else { return Ok(None) };
            Ok(Some(read_up_to(file, atom.start, (atom.end - atom.start).min(MAX_TABLE) as usize)?))
        };
        let chunks = match (content(b"stco")?, content(b"co64")?) {
            (Some(short), _) => entries(&short, 4).map(|it| u64::from(be32(it, 0).unwrap_or(0))).collect(),
            (None, Some(long)) => entries(&long, 8).map(|it| be64(it, 0).unwrap_or(0)).collect(),
            (None, None) => return Ok(None),
        };
        let (Some(runs), Some(durations)) = (content(b"stsc")?, content(b"stts")?) else { return Ok(None) };
        let pairs = |bytes: &[u8], size| -> Vec<(u32, u32)> {
            entries(bytes, size).map(|it| (be32(it, 0).unwrap_or(0), be32(it, 4).unwrap_or(0))).collect()
        };
        let (sizes, count) = match (content(b"stsz")?, content(b"stz2")?) {
            (Some(sizes), _) => match be32(&sizes, 4).unwrap_or(0) {
                0 => each(
                    sizes.get(12..).unwrap_or_default().chunks_exact(4).map(|it| be32(it, 0).unwrap_or(0)),
                ),
                same => (Sizes::Same(same), u64::from(be32(&sizes, 8).unwrap_or(0))),
            },
            (None, Some(sizes)) => match (sizes.get(7), sizes.get(12..).unwrap_or_default()) {
                (Some(16), rest) => each(rest.chunks_exact(2).map(|it| u32::from(be16(it, 0).unwrap_or(0)))),
                (Some(8), rest) => each(rest.iter().map(|it| u32::from(*it))),
                _ => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        Ok(Some(Self { chunks, runs: pairs(&runs, 12), sizes, count, durations: pairs(&durations, 8) }))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty() || self.count == 0
    }

    /// Length of all samples, in ticks.
    pub(super) fn duration(&self) -> u64 {
        self.durations.iter().fold(0, |sum, (count, each)| {
            sum.saturating_add(u64::from(*count).saturating_mul(u64::from(*each)))
        })
    }

    /// Samples of each chunk, in order.
    fn chunk_samples(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let mut run = 0;
        self.chunks.iter().enumerate().map(move |(index, start)| {
            while self.runs.get(run + 1).is_some_and(|(first, _)| u64::from(*first) <= index as u64 + 1) {
                run += 1;
            }
            (*start, self.runs.get(run).map_or(0, |(_, count)| *count))
        })
    }

    /// Where blocks of equal size lie. The table may count blocks, or the frames in them; their size tells which.
    pub(super) fn ranges(&self, block: BlockSize) -> Vec<(u64, u64)> {
        let counts_blocks =
            matches!(self.sizes, Sizes::Same(size) if u64::from(size) == block.bytes && block.frames > 1);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut sample = 0;
        for (start, count) in self.chunk_samples() {
            let len = match &self.sizes {
                Sizes::Each(sizes) => {
                    let here = sizes.get(sample..).unwrap_or_default().iter().take(count as usize);
                    here.map(|it| u64::from(*it)).sum()
                }
                Sizes::Same(_) if counts_blocks => u64::from(count) * block.bytes,
                Sizes::Same(_) => u64::from(count) / block.frames * block.bytes,
            };
            sample += count as usize;
            match ranges.last_mut() {
                Some((last, last_len)) if *last + *last_len == start => *last_len += len,
                _ => ranges.push((start, len)),
            }
        }
        ranges
    }
}

/// Entries of a table behind version, flags and their number.
fn entries(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let count = be32(bytes, 4).unwrap_or(0) as usize;
    bytes.get(8..).unwrap_or_default().chunks_exact(size).take(count)
}

fn each(sizes: impl Iterator<Item = u32>) -> (Sizes, u64) {
    let sizes: Vec<u32> = sizes.collect();
    let count = sizes.len() as u64;
    (Sizes::Each(sizes), count)
}

/// The samples of one track, one after the other.
pub(super) struct Samples {
    window: Window,
    track: u32,
    tables: Tables,
    /// First byte and samples of the chunks that are left, the next one last.
    chunks: Vec<(u64, u32)>,
    next: u64,
    time: u64,
    /// The run of durations at hand, and the samples of it that are behind.
    run: usize,
    in_run: u32,
}

impl Samples {
    pub(super) fn new(file: &Arc<File>, fault: &Fault, track: u32, tables: Tables) -> Self {
        let mut chunks: Vec<(u64, u32)> = tables.chunk_samples().collect();
        chunks.reverse();
        Self {
            window: Window::new(Arc::clone(file), fault.clone()),
            track,
            tables,
            chunks,
            next: 0,
            time: 0,
            run: 0,
            in_run: 0,
        }
    }

    fn duration(&mut self) -> u32 {
        while let Some((count, each)) = self.tables.durations.get(self.run) {
            if self.in_run < *count {
                self.in_run += 1;
                return *each;
            }
            self.run += 1;
            self.in_run = 0;
        }
        0
    }
}

impl Packets for Samples {
    fn next(&mut self) -> Result<Option<Packet>, DemuxError> {
        loop {
            let Some((start, left)) = self.chunks.last_mut() else { return Ok(None) };
            let size = match &self.tables.sizes {
                Sizes::Same(size) => Some(*size),
                Sizes::Each(sizes) => usize::try_from(self.next).ok().and_then(|at| sizes.get(at)).copied(),
            };
            let Some(size) = size.filter(|_| self.next < self.tables.count) else { return Ok(None) };
            if *left == 0 {
                self.chunks.pop();
                continue;
            }
            let at = *start;
            *left -= 1;
            *start += u64::from(size);
            self.next += 1;
            let duration = u64::from(self.duration());
            let pts = Timestamp::new(i64::try_from(self.time).unwrap_or(i64::MAX));
            self.time = self.time.saturating_add(duration);
            if size > MAX_SAMPLE {
                return Err(DemuxError::DecodeError("mp4: a sample is too large"));
            }
            let data = self.window.get(at, size as usize)?;
            if data.len() < size as usize {
                self.chunks.clear();
                return Err(DemuxError::IoError(io::Error::from(ErrorKind::UnexpectedEof)));
            }
            return Ok(Some(Packet::new(self.track, pts, Duration::new(duration), data.to_vec())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sizes: Sizes, count: u64) -> Tables {
        Tables {
            chunks: vec![100, 110, 500],
            runs: vec![(1, 5), (3, 2)],
            sizes,
            count,
            durations: vec![(12, 3)],
        }
    }

    #[test]
    fn chunks_are_joined_to_ranges() {
        let frames = BlockSize { bytes: 2, frames: 1 };
        assert_eq!(tables(Sizes::Same(2), 12).ranges(frames), [(100, 20), (500, 4)]);
        let blocks = BlockSize { bytes: 34, frames: 64 };
        assert_eq!(tables(Sizes::Same(34), 12).ranges(blocks)[0], (100, 170));
        assert_eq!(tables(Sizes::Each(vec![2; 12]), 12).ranges(frames), [(100, 20), (500, 4)]);
        assert_eq!(tables(Sizes::Same(2), 12).duration(), 36);
    }

    #[test]
    fn samples_of_a_short_file_end_with_it() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&(0..116).collect::<Vec<u8>>()).unwrap();
        let tables = tables(Sizes::Same(2), 12);
        let mut samples = Samples::new(&Arc::new(file), &Fault::default(), 1, tables);
        for expected in [100, 102, 104, 106, 108, 110, 112, 114] {
            assert_eq!(samples.next().unwrap().unwrap().data[0], expected);
        }
        assert!(matches!(samples.next(), Err(DemuxError::IoError(_))));
        assert!(matches!(samples.next(), Ok(None)));
    }
}
