//! Files to analyse.

use std::fs::File;
use std::io::Write;
use std::path::Path;

const RATE: u32 = 192_000;
const CHANNELS: u16 = 8;
const BYTES_PER_SAMPLE: u16 = 2;
/// Below the ten minutes from which on a file has more than `ANALYSIS_TIMEOUT`.
const SECONDS: u32 = 590;

/// A file that takes minutes to analyse and no room on the disk: a header, and a hole for 1.8 GB of samples.
pub fn slow_wav(path: &Path) {
    silent_wav(path, SECONDS);
}

/// The same of so many seconds.
pub fn silent_wav(path: &Path, seconds: u32) {
    let frame = CHANNELS * BYTES_PER_SAMPLE;
    let bytes = RATE * seconds * u32::from(frame);
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((bytes + 36).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(CHANNELS.to_le_bytes());
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * u32::from(frame)).to_le_bytes());
    header.extend(frame.to_le_bytes());
    header.extend((BYTES_PER_SAMPLE * 8).to_le_bytes());
    header.extend(b"data");
    header.extend(bytes.to_le_bytes());
    let mut file = File::create(path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(header.len() as u64 + u64::from(bytes)).unwrap();
}
