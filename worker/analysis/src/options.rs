use crate::Features;
use std::fs::File;

/// A file to analyse, opened by the caller: this crate opens nothing itself.
#[derive(Debug)]
pub struct Input {
    /// The file, readable and seekable, at any position.
    pub file: File,
    /// The extension of its name without the dot, if it has one. A hint alone: the content decides.
    pub extension: Option<String>,
}

/// What to compute, and where to stop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// The parts of the report to compute.
    pub features: Features,
    /// Bounds against hostile or absurd files.
    pub limits: Limits,
}

/// Bounds against hostile or absurd files. A file beyond them ends as [`Error::TooLarge`](crate::Error::TooLarge).
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most channels. Default 32: two more than the largest layout in use, 22.2 with objects aside.
    pub max_channels: u16,
    /// Highest sample rate, in Hz. Default 2,822,400: DSD512 is decoded to it, and the fastest PCM converters
    /// have 768,000.
    pub max_sample_rate_hz: u32,
    /// Longest audio, in seconds. Default 48 hours: a recording of a weekend, but not the endless file that a few hostile
    /// bytes decode to.
    pub max_duration_seconds: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_channels: 32, max_sample_rate_hz: 2_822_400, max_duration_seconds: 48.0 * 3600.0 }
    }
}

/// How far the work is. A caller that hears nothing for long may take the decoder for stuck.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Audio behind us, in seconds of its own time.
    pub decoded_seconds: f64,
    /// All of it, if the container announces it.
    pub total_seconds: Option<f64>,
}
