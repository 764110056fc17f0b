//! Files, and analyses of them.

use analysis::{Analysis, Error, Features, Identified, Input, Options, analyze, identify};
use std::fs::File;
use std::io::Write;

/// A file without a name that holds these bytes.
pub fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub fn input(bytes: &[u8]) -> Input {
    Input { file: file(bytes), extension: None }
}

pub fn analysed(bytes: &[u8]) -> Result<Analysis, Error> {
    analyze(input(bytes), &Options::default(), &mut |_| {})
}

pub fn identified(bytes: &[u8]) -> Result<Identified, Error> {
    identify(input(bytes), &Options::default(), &mut |_| {})
}

pub fn only(features: &str) -> Options {
    Options { features: features.parse::<Features>().unwrap(), ..Options::default() }
}

/// Samples of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coding {
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
}

impl Coding {
    pub fn bytes(self) -> u16 {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// One sample, little-endian.
    fn encode(self, sample: f64) -> Vec<u8> {
        let scaled = |bits: u32| (sample * 2f64.powi(bits as i32 - 1)).round() as i64;
        let clamped = |bits: u32| scaled(bits).clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1);
        match self {
            Self::U8 => vec![(clamped(8) + 128) as u8],
            Self::S16 => (clamped(16) as i16).to_le_bytes().to_vec(),
            Self::S24 => (clamped(24) as i32).to_le_bytes()[..3].to_vec(),
            Self::S32 => (clamped(32) as i32).to_le_bytes().to_vec(),
            Self::F32 => (sample as f32).to_le_bytes().to_vec(),
            Self::F64 => sample.to_le_bytes().to_vec(),
        }
    }
}

/// Sound as a file shall hold it.
#[derive(Clone, Debug)]
pub struct Sound {
    pub rate: u32,
    pub coding: Coding,
    /// Samples by channel, full scale being 1.0.
    pub channels: Vec<Vec<f64>>,
}

impl Sound {
    pub fn new(rate: u32, coding: Coding, channels: Vec<Vec<f64>>) -> Self {
        Self { rate, coding, channels }
    }

    /// Two channels of a sine, 997 Hz and 16 bits.
    pub fn tone(decibels: f64, seconds: f64) -> Self {
        let plane = sine(48_000, 997.0, 10f64.powf(decibels / 20.0), seconds);
        Self::new(48_000, Coding::S16, vec![plane.clone(), plane])
    }

    pub fn frame(&self) -> u16 {
        self.channels.len() as u16 * self.coding.bytes()
    }

    /// The samples, interleaved.
    pub fn data(&self) -> Vec<u8> {
        let frames = self.channels[0].len();
        (0..frames)
            .flat_map(|frame| self.channels.iter().flat_map(move |plane| self.coding.encode(plane[frame])))
            .collect()
    }

    /// The format chunk, plain.
    pub fn format(&self) -> Vec<u8> {
        let tag: u16 = if self.coding.is_float() { 3 } else { 1 };
        let mut chunk = tag.to_le_bytes().to_vec();
        chunk.extend((self.channels.len() as u16).to_le_bytes());
        chunk.extend(self.rate.to_le_bytes());
        chunk.extend((self.rate * u32::from(self.frame())).to_le_bytes());
        chunk.extend(self.frame().to_le_bytes());
        chunk.extend((self.coding.bytes() * 8).to_le_bytes());
        chunk
    }

    /// The format chunk with a channel mask.
    pub fn extensible(&self, mask: u32) -> Vec<u8> {
        let mut chunk = self.format();
        let tag = chunk[0];
        chunk[..2].copy_from_slice(&[0xfe, 0xff]);
        chunk.extend(22u16.to_le_bytes());
        chunk.extend((self.coding.bytes() * 8).to_le_bytes());
        chunk.extend(mask.to_le_bytes());
        chunk.extend([tag, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
        chunk
    }

    pub fn wav(&self) -> Vec<u8> {
        riff(&[(b"fmt ", &self.format()), (b"data", &self.data())])
    }

    pub fn aiff(&self) -> Vec<u8> {
        let mut common = (self.channels.len() as u16).to_be_bytes().to_vec();
        common.extend((self.channels[0].len() as u32).to_be_bytes());
        common.extend((self.coding.bytes() * 8).to_be_bytes());
        // The rate as an 80-bit float.
        let shift = self.rate.leading_zeros();
        common.extend((16_383u16 + 31 - shift as u16).to_be_bytes());
        common.extend((u64::from(self.rate << shift) << 32).to_be_bytes());
        let mut sound = vec![0; 8];
        let size = usize::from(self.coding.bytes());
        sound.extend(
            self.data().chunks(size).flat_map(|sample| sample.iter().rev().copied().collect::<Vec<_>>()),
        );
        iff(b"FORM", b"AIFF", &[(b"COMM", &common), (b"SSND", &sound)], u32::to_be_bytes)
    }
}

pub type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

pub fn riff(chunks: &[Chunk<'_>]) -> Vec<u8> {
    iff(b"RIFF", b"WAVE", chunks, u32::to_le_bytes)
}

fn iff(id: &[u8; 4], form: &[u8; 4], chunks: &[Chunk<'_>], len: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let mut body = form.to_vec();
    for (id, content) in chunks {
        body.extend(*id);
        body.extend(len(content.len() as u32));
        body.extend(*content);
        body.extend(vec![0; content.len() % 2]);
    }
    let mut bytes = id.to_vec();
    bytes.extend(len(body.len() as u32));
    bytes.extend(body);
    bytes
}

pub fn sine(rate: u32, frequency: f64, amplitude: f64, seconds: f64) -> Vec<f64> {
    let frames = (seconds * f64::from(rate)).round() as usize;
    let turn = std::f64::consts::TAU * frequency / f64::from(rate);
    (0..frames).map(|n| amplitude * (turn * n as f64).sin()).collect()
}

/// Where a chunk's content begins.
pub fn content_of(bytes: &[u8], id: &[u8; 4]) -> usize {
    bytes.windows(4).position(|it| it == id).unwrap() + 8
}
