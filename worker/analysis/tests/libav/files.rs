//! Files: encoded by ffmpeg, or built here where it has no encoder.

use crate::tool::ffmpeg;
use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Ten seconds of music in stereo at 44.1 kHz, with a tempo and a key.
    pub fn music(&self) -> PathBuf {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtest/samples/house.wav");
        self.encode(&sample, "music.wav", "-map_metadata -1 -fflags +bitexact -ar 44100 -ac 2")
    }

    pub fn encode(&self, from: &Path, name: &str, arguments: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let mut command = ffmpeg();
        command.arg("-i").arg(from).args(arguments.split(' ')).arg(&path);
        let output = command.output().unwrap_or_else(|error| panic!("ffmpeg is needed: {error}"));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        path
    }
}

/// One channel of a tone as bits, the first in the lowest place: a delta-sigma modulator of the first order.
fn modulated(rate: u32, seconds: f64) -> Vec<u8> {
    let bytes = (f64::from(rate) * seconds / 8.0) as usize;
    let (mut error, mut time) = (0.0, 0.0);
    (0..bytes)
        .map(|_| {
            (0..8).fold(0, |byte, bit| {
                error += 0.5 * f64::sin(TAU * 1000.0 * time / f64::from(rate));
                time += 1.0;
                let high = error >= 0.0;
                error -= if high { 1.0 } else { -1.0 };
                byte | u8::from(high) << bit
            })
        })
        .collect()
}

/// Bytes of one block of DSF.
const BLOCK: usize = 4096;

/// DSD in Sony's container (DSF File Format Specification 1.01).
pub fn dsf(rate: u32, seconds: f64) -> Vec<u8> {
    let mut data = modulated(rate, seconds);
    data.truncate(data.len() / BLOCK * BLOCK);
    let samples = data.len() as u64 * 8;
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let format = [
        &b"fmt "[..],
        &52u64.to_le_bytes(),
        &words(&[1, 0, 1, 1, rate, 1]),
        &samples.to_le_bytes(),
        &words(&[BLOCK as u32, 0]),
    ]
    .concat();
    let data = [&b"data"[..], &(data.len() as u64 + 12).to_le_bytes(), &data].concat();
    let len = 28 + format.len() as u64 + data.len() as u64;
    let head = [&b"DSD "[..], &28u64.to_le_bytes(), &len.to_le_bytes(), &0u64.to_le_bytes()].concat();
    [head, format, data].concat()
}

/// DSD in Philips' container (DSDIFF 1.5).
pub fn dff(rate: u32, seconds: f64) -> Vec<u8> {
    let chunk = |id: &[u8; 4], content: &[u8]| {
        let pad = vec![0; content.len() % 2];
        [&id[..], &(content.len() as u64).to_be_bytes(), content, &pad].concat()
    };
    let properties = [
        &b"SND "[..],
        &chunk(b"FS  ", &rate.to_be_bytes()),
        &chunk(b"CHNL", b"\0\x01C000"),
        &chunk(b"CMPR", b"DSD \x0enot compressed\0"),
    ]
    .concat();
    let bits: Vec<u8> = modulated(rate, seconds).iter().map(|byte| byte.reverse_bits()).collect();
    let body =
        [&b"DSD "[..], &chunk(b"FVER", &[1, 5, 0, 0]), &chunk(b"PROP", &properties), &chunk(b"DSD ", &bits)]
            .concat();
    chunk(b"FRM8", &body)
}

/// Numbers without a pattern.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// Frames of 20 ms at the highest rate, whose parameters are any (RFC 4867 §5).
fn speech(magic: &[u8], frames: usize, head: u8, len: usize) -> Vec<u8> {
    let frames = (0..frames).flat_map(|number| [vec![head], noise(len, number as u32 + 1)].concat());
    magic.iter().copied().chain(frames).collect()
}

pub fn amr(frames: usize) -> Vec<u8> {
    speech(b"#!AMR\n", frames, 7 << 3 | 4, 31)
}

pub fn amr_wide(frames: usize) -> Vec<u8> {
    speech(b"#!AMR-WB\n", frames, 8 << 3 | 4, 60)
}
